// What the student's page says of a refusal and of an end. Pure.

import { minuteTime } from "../shared/moments.js";
import { texts } from "./texts.js";

/** Does `error` (of a call with a student's token) mean that the link is no good any more? What else goes wrong passes. */
export function isFinal({ status, code }) {
  return status === 401 || ((status === 403 || status === 404) && code !== "error"); // without its code, somebody between us said no
}

/** Why an exam didn't start, as a sentence for the student; null where the server's own words serve. */
export function refusalWords({ status, details }) {
  const { reason, opens } = details ?? {};
  if (reason === "early") return texts.who.early(minuteTime(opens));
  if (reason === "draft" || reason === "closed") return texts.who[reason === "draft" ? "draft" : "late"];
  if (status === 409) return details?.state ? texts.who.over : texts.who.already;
  if (status === 403) return texts.who.closed;
  if (status === 0) return texts.who.unreachable;
  return status === 429 || status >= 500 ? texts.who.busy : null;
}

const BROKE_OFF = new Set(["away", "restart", "outage", "unreadable"]);

/** Did an exam end by nobody's wish? Its proctor can let it go on. */
export const brokeOff = ({ code }) => BROKE_OFF.has(code);

/** What an end means for its student: `[title, text]`. A session that ended before ends had codes has just ended. */
export function endWords({ code, note }) {
  const [title, text] = texts.done[code] ?? texts.done.other;
  return [title, typeof text === "function" ? text(note) : text];
}
