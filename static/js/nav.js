// How many flags are left to review, beside the word in the navigation.

import { call } from "./api.js";
import { byId, setText } from "./dom.js";
import { texts } from "./texts.js";

const READ_MS = 30_000;
const place = byId("review-left");

function show(left) {
  place.hidden = !left;
  setText(place, left > 99 ? "99+" : left);
  place.setAttribute("aria-label", texts.nav.left(left));
}

async function read() {
  if (document.hidden) return;
  try {
    const { left } = await call("/api/review/queue?state=open&limit=1");
    show(left);
  } catch (error) {
    console.info("The number of flags left can't be read.", error.message);
  }
}

// The review page knows the number with each decision; other pages say that a flag was raised.
document.addEventListener("review-left", ({ detail }) => show(detail.left));
document.addEventListener("flag-raised", read);
document.addEventListener("visibilitychange", read);
setInterval(read, READ_MS);
read();
