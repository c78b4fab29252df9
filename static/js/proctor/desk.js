// What every page of a proctor has: one connection to the server, and flags told in the moment they are raised.

import { byId } from "../shared/dom.js";
import { Alerts } from "./alerts.js";
import { Flags } from "./flags.js";
import { ProctorSocket } from "./proctor-socket.js";
import { haveSeen } from "./seen-flags.js";
import { texts } from "./texts.js";

export const alerts = new Alerts();
export const flags = new Flags(byId("toasts"), byId("announcer"));
export const socket = new ProctorSocket();

let watched = null;

/** The page shows this session itself: its flags are only said to screen readers. */
export function watching(session_id) {
  watched = session_id;
}

socket.joinExam();
socket.on("interval_flagged", (flag) => {
  alerts.raise(flag);
  if (flag.session_id === watched) flags.say(texts.live.flagged(flag.user_id, flag.exam_id, flag.reasons ?? []));
  else flags.add(flag, () => haveSeen(flag.session_id, [flag.interval]));
});
socket.on("flags_seen", ({ session_id, unseen }) => flags.forget(session_id, unseen?.intervals ?? []));
