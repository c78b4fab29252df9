// By which key a page's calls find their server.

import assert from "node:assert/strict";
import test from "node:test";

const KEY = "0123456789abcdef".repeat(2);
globalThis.location = { search: `?lang=de&e=${KEY}.12`, protocol: "https:", host: "exams.example.org" };
const { goBy, routed } = await import("../../../static/js/shared/route.js");
const { linkAddress } = await import("../../../static/js/sending/link-address.js");

test("a student's link brings the key, and every address of the page has it", () => {
  assert.equal(routed("/api/student/session"), `/api/student/session?e=${KEY}.12`);
  assert.equal(routed("/api/student/link?batch=1"), `/api/student/link?batch=1&e=${KEY}.12`);
  assert.equal(linkAddress(), `wss://exams.example.org/student/link?e=${KEY}.12`);
  assert.equal(linkAddress("/trial"), `wss://exams.example.org/student/link/trial?e=${KEY}.12`);
});

test("the session's own key goes before it, and nothing that is no key is taken", () => {
  goBy(KEY);
  for (const wrong of ["", null, undefined, `${KEY}.0`, `${KEY}&x=1`, "exam 1"]) goBy(wrong);
  assert.equal(routed("/x"), `/x?e=${KEY}`);
  assert.equal(routed("/x", `${KEY}.3`), `/x?e=${KEY}.3`);
});
