import assert from "node:assert/strict";
import test from "node:test";

import { brokeOff, endWords, isFinal, refusalWords } from "../../../static/js/portal/said.js";
import { texts } from "../../../static/js/portal/texts.js";
import { endCodes } from "../end-codes.js";

test("only the server's own no makes a link bad", () => {
  for (const passing of [0, 200, 429, 500, 502, 503, 504]) assert.equal(isFinal({ status: passing, code: "storage" }), false, String(passing));
  assert.equal(isFinal({ status: 401, code: "error" }), true);
  assert.equal(isFinal({ status: 404, code: "not_found" }), true);
  assert.equal(isFinal({ status: 403, code: "forbidden" }), true);
  assert.equal(isFinal({ status: 404, code: "error" }), false, "a proxy's page while the server starts");
  assert.equal(isFinal(new DOMException("late", "AbortError")), false);
});

test("a refusal is told in words for a student", () => {
  assert.equal(refusalWords({ status: 409, details: {} }), texts.who.already);
  assert.equal(refusalWords({ status: 409, details: { state: "ended" } }), texts.who.over);
  for (const busy of [429, 500, 502, 503]) assert.equal(refusalWords({ status: busy }), texts.who.busy, String(busy));
  assert.equal(refusalWords({ status: 0 }), texts.who.unreachable);
  assert.equal(refusalWords({ status: 422 }), null);
});

test("an end says who ended it and why", () => {
  const text = (code, note = "") => endWords({ code, note })[1];
  assert.match(text("proctor", "fire drill"), /Your proctor ended it: fire drill\. Recording/);
  assert.match(text("proctor"), /Your proctor ended it\. Recording/);
  assert.match(text("outage", "0:05:00"), /not held against you/);
  assert.equal(endWords({ code: "unused", note: "" })[0], "This exam was never begun");
  for (const code of ["", undefined, "something_new"]) assert.equal(endWords({ code })[0], "Your exam has ended");
});

test("an exam that nobody ended can go on, one that somebody ended can't", () => {
  assert.deepEqual(endCodes().filter((code) => brokeOff({ code })), ["away", "restart", "outage", "unreadable"]);
  assert.equal(brokeOff({ code: "" }), false);
});

test("every code of an end has words for the student", () => {
  assert.deepEqual(Object.keys(texts.done).sort(), [...endCodes(), "other"].sort());
});
