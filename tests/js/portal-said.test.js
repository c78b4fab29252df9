import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { endWords, isFinal, refusalWords } from "../../static/js/portal-said.js";
import { texts } from "../../static/js/texts.js";

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

test("every code of an end has words for the student and for the proctor", () => {
  const codes = readFileSync(new URL("../../ends.py", import.meta.url), "utf8").matchAll(/^ {4}"(\w+)": "/gm);
  const known = [...codes].map(([, code]) => code);
  assert.ok(known.includes("student"));
  assert.deepEqual(Object.keys(texts.ends).sort(), known.sort());
  assert.deepEqual(Object.keys(texts.done).sort(), [...known, "other"].sort());
});

test("an end is told to proctors by its code, and by its sentence where it was stored without one", () => {
  assert.equal(texts.end({ end_code: "proctor", end_note: "fire drill", end_reason: "x" }), "ended by the proctor: fire drill");
  assert.equal(texts.end({ end_code: "outage", end_note: "0:05:00" }), "the server was away for 0:05:00");
  assert.equal(texts.end({ end_code: null, end_note: null, end_reason: "ended by the student" }), "ended by the student");
  assert.equal(texts.end({ end_reason: null }), null);
});
