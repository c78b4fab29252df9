// A session's whole record, read page by page.

import { call } from "../shared/api.js";

/** `GET /api/session/{id}/details` with all its intervals and checks. Throws ApiError. */
export async function readRecord(session_id) {
  const path = `/api/session/${session_id}/details`;
  const details = await call(path);
  let [after, checksAfter] = [details.next_after ?? null, details.next_checks_after ?? null];
  while (after !== null || checksAfter !== null) {
    const query = new URLSearchParams({ ...(after && { after }), ...(checksAfter && { checks_after: checksAfter }) });
    const next = await call(`${path}?${query}`);
    details.unreadable.records.push(...next.unreadable.records);
    if (after !== null) details.intervals.push(...next.intervals);
    if (checksAfter !== null) details.checks.push(...next.checks);
    after = after === null ? null : (next.next_after ?? null);
    checksAfter = checksAfter === null ? null : (next.next_checks_after ?? null);
  }
  return details;
}
