// Another way into a running session, for a student who lost the page or goes on at another computer.

import { call } from "../shared/api.js";
import { reviewer } from "./reviewer.js";

/** The address of a new link to `session_id`; the one before leads nowhere any more. Throws ApiError. */
export async function newLink(session_id) {
  const by = reviewer();
  const { portal_url } = await call(`/api/session/${session_id}/link`, { method: "POST", body: { ...(by && { by }) } });
  return portal_url;
}
