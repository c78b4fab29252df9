// The window that an exam's page of another site has opened: asks that page who comes, and goes on to the portal as that student.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { byId, oneWish, setText } from "../shared/dom.js";
import { Outside } from "./outside.js";
import { texts } from "./texts-outside.js";

const ANSWER_MS = 12_000;
const AGAIN_S = 3; // where the server doesn't say when; up to so much later, so that a room does not come back at once
const TRIES = 20;
const outside = new Outside(window);

function say(text, wrong = "") {
  setText(byId("from-text"), text);
  setText(byId("from-error"), wrong);
  byId("from-error").hidden = !wrong;
  byId("from-actions").hidden = !wrong;
}

/** Who comes is let in: gives the way on. Throws what is to be said where nobody is. */
async function enter() {
  if (!outside.hasOpener) throw new Error(texts.noOpener);
  const found = await outside.askToken();
  if (!found) throw new Error(outside.hasOpener ? texts.noAnswer : texts.noOpener);
  if (!found.token) throw new Error(texts.noToken);
  const body = { exam_key: outside.exam, origin: found.origin, token: found.token };
  const { path } = await call("/api/student/enter/page", { method: "POST", token: "", body, signal: AbortSignal.timeout(ANSWER_MS) });
  return path;
}

async function begin() {
  say(texts.asking);
  for (let tries = 1; ; tries += 1) {
    try {
      return location.replace(addressOf(await enter()));
    } catch (error) {
      const passes = error.status === 0 || error.status === 429 || error.status >= 500;
      if (!passes || tries === TRIES) return say("", error.message);
      say(texts.waits);
      await new Promise((resolve) => setTimeout(resolve, 1000 * ((error.details?.retry_after_s ?? AGAIN_S) + AGAIN_S * Math.random())));
    }
  }
}

oneWish(byId("from-again")).addEventListener("click", begin);
begin(); // not waited for: the page is there
