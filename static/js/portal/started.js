// What this browser knows of exams that were begun in it: enough to go on after a closed tab or a crash, and nothing that a stranger could use elsewhere.

import { remember, remembered } from "../shared/storage.js";

const NONCE = "portal.nonce"; // who started an exam here goes on here, though the answer, the tab or the whole browser was lost
const BEGAN = "portal.began"; // by a link: when; the link itself is kept by its student
const BEGAN_KEPT_MS = 24 * 3600 * 1000; // a session that broke off can go on for so long

/** The secret that goes with the start of this exam by this student in this browser. */
export function nonceOf(user_id, exam_id) {
  const whose = `${user_id} ${exam_id} `; // no ID has a space
  const kept = remembered(NONCE);
  const secret = kept?.startsWith(whose) ? kept : whose + crypto.randomUUID();
  remember(NONCE, secret);
  return secret.slice(whose.length);
}

/** The exam that was last started here by an ID alone, as the server is asked for it: `{user_id, exam_id?, nonce}`; null where there is none. */
export function startedHere() {
  const [user_id, exam_id, nonce] = (remembered(NONCE) ?? "").split(" ");
  return nonce ? { user_id, ...(exam_id && { exam_id }), nonce } : null;
}

/** An exam was begun here by a link. */
export const beganByLink = (now = Date.now()) => remember(BEGAN, String(now));

/** Was an exam begun here by a link of late, and not ended here? */
export function mayRunByLink(now = Date.now()) {
  const began = Number(remembered(BEGAN) || 0);
  return began > 0 && now - began < BEGAN_KEPT_MS;
}

/** The exam that was begun here is over. */
export function overHere() {
  remember(NONCE, "");
  remember(BEGAN, "");
}
