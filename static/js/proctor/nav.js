// How many flags are left to review, beside the word in the navigation.

import { call } from "../shared/api.js";
import { byId, setText } from "../shared/dom.js";
import { socket } from "./desk.js";
import "./help.js";
import "./server-trouble.js";
import { texts } from "./texts.js";

const READ_MS = 30_000;
const SETTLE_MS = 300; // decisions come in a row
const place = byId("review-left");
let soon = null;

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

function readSoon() {
  clearTimeout(soon);
  soon = setTimeout(read, SETTLE_MS);
}

for (const event of ["interval_flagged", "moment_marked", "interval_reviewed"]) socket.on(event, readSoon);
document.addEventListener("visibilitychange", read);
setInterval(read, READ_MS);
read();
