// Where the server is under its host: the path of PUBLIC_URL, in front of every address that a page asks for.

/** What stands in front of `/static/` in this script's own address; empty where the server has a host of its own (and in tests, from a file). */
const BASE = /^https?:\/\/[^/]+(.*)\/static\/js\/shared\/base\.js$/.exec(import.meta.url)?.[1] ?? "";

/** The server's own `path` (`/api/…`) as this page asks for it. What has the base already stays. */
export const addressOf = (path) => (BASE && path.startsWith(`${BASE}/`) ? path : BASE + path);
