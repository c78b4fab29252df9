// Which flags were seen: the server knows it, for every proctor, so that a tile stays marked until somebody has looked.

import { call } from "../shared/api.js";
import { reviewer } from "./reviewer.js";

/** The flags of these `intervals` were seen. Every page hears it as `flags_seen`. Throws ApiError. */
export function markSeen(session_id, intervals) {
  const by = reviewer();
  return call(`/api/session/${session_id}/seen`, { method: "POST", body: { intervals, ...(by && { by }) } });
}

/** The same for who looks at them without saying so: where it can't be told now, they stay marked. */
export function haveSeen(session_id, intervals) {
  markSeen(session_id, intervals).catch((error) => console.info("The flags stay marked.", error.message));
}
