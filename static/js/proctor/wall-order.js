// In which order the live page shows its tiles, for the session page: who steps on from there steps as the tiles stood. For this tab alone.

const KEY = "live.order";
const MOST = 1000;

/** Remember the sessions as they stand on the live page, with its filters. */
export function rememberOrder(ids) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(ids.slice(0, MOST)));
  } catch (error) {
    console.info("The order of the tiles is not remembered.", error.name);
  }
}

/** The sessions as they stood on the live page last; none where it was not open in this tab. */
export function orderOfWall() {
  try {
    const ids = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    return Array.isArray(ids) ? ids : [];
  } catch {
    return [];
  }
}
