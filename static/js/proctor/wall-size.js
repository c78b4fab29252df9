// How large tiles can be for all of them to be seen at once. Pure.

const GAP = 16;
const SHAPE = 4 / 3; // of a picture
const WIDEST = 1.25; // of a picture's width: words get the room that a low window takes from the picture
const LEAST_TILE = 236; // narrower, a name and an exam no longer stand side by side
const LEAST_PICTURE = 120;

/**
 * The grid of `count` tiles in `width` × `height` pixels that has the largest pictures, `words` pixels of text under each:
 * `{columns, tile, picture}`, the width of a tile and the height of its picture. null: they don't fit, and the page scrolls.
 */
export function bestGrid(count, { width, height, words }) {
  let best = null;
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const room = Math.floor((width - (columns - 1) * GAP) / columns);
    const picture = Math.floor(Math.min((height - (rows - 1) * GAP) / rows - words, room / SHAPE));
    const tile = Math.min(room, Math.max(LEAST_TILE, Math.floor(picture * SHAPE * WIDEST)));
    if (tile >= LEAST_TILE && picture >= LEAST_PICTURE && picture > (best?.picture ?? 0)) best = { columns, tile, picture };
  }
  return best;
}
