// Where a student's link is, and how its token is brought: as a subprotocol, because addresses are kept in logs.

import { addressOf } from "../shared/base.js";

const PROTOCOL = "proctor.link";
const TOKEN = "proctor.token.";

/** The address of the link. */
export function linkAddress() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}${addressOf("/student/link")}`;
}

/** What the link's WebSocket offers; the server takes the first. */
export const linkProtocols = (token) => [PROTOCOL, ...(token ? [TOKEN + token] : [])];
