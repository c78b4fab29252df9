// Where a student's link is, and how its token is brought: as a subprotocol, because addresses are kept in logs.

import { addressOf } from "../shared/base.js";
import { routed } from "../shared/route.js";

const PROTOCOL = "proctor.link";
const TOKEN = "proctor.token.";
const SEB = "proctor.seb.";

/** The address of the link, or of what stands under it (`/trial`). */
export function linkAddress(under = "") {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}${addressOf(routed(`/student/link${under}`))}`;
}

/** What the link's WebSocket offers; the server takes the first. `pass`: of a page in Safe Exam Browser. */
export const linkProtocols = (token, pass) => [PROTOCOL, ...(token ? [TOKEN + token] : []), ...(pass ? [SEB + pass] : [])];
