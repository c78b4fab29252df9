// To which of several servers this page's calls go: the web server in front hashes `e` in their query. Without one it goes by the caller's address.

const KEY = /^[0-9a-f]{32}(\.[1-9][0-9]{0,2})?$/;

let route = "";

/** From now on by this key, where it is one. */
export function goBy(key) {
  if (KEY.test(key ?? "")) route = key;
}

/** Any key will do where nobody knows which leads there: what stands in front hashes it. */
export function anyKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The server's own `path` with the key `by`; the page's, if none is given. */
export function routed(path, by = route) {
  return by ? `${path}${path.includes("?") ? "&" : "?"}e=${by}` : path;
}

goBy(new URLSearchParams(globalThis.location?.search).get("e")); // a student's link
goBy(globalThis.document?.body?.dataset?.route); // the page of one session
