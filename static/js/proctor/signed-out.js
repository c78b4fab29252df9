// A login that lapses while a page is open: the page says so at once, with the way back to where one was, and goes on by itself when somebody has
// logged in again in another tab.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { byId } from "../shared/dom.js";

const place = byId("signed-out");

/** The way to the login and back to the page at `location`, with what is chosen in it. */
export function wayBack({ pathname, search, hash }) {
  return `/login?${new URLSearchParams({ next: pathname + search + hash })}`;
}

/** Ask the server for something that only who is logged in gets; a refusal is told to everybody by `call` itself. */
export async function lookAgain() {
  try {
    await call("/api/account");
  } catch {
    return; // still out, or the server is away
  }
  if (place.hidden) return;
  place.hidden = true;
  document.dispatchEvent(new Event("signed-in"));
}

document.addEventListener("signed-out", () => {
  byId("sign-in").href = addressOf(wayBack(location));
  place.hidden = false;
});
byId("sign-in").addEventListener("focus", ({ target }) => {
  target.href = addressOf(wayBack(location)); // what is chosen may have changed since
});
for (const [target, event] of [[document, "visibilitychange"], [window, "focus"]]) target.addEventListener(event, () => !place.hidden && !document.hidden && lookAgain());
