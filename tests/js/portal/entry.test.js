import assert from "node:assert/strict";
import test from "node:test";
import { earlyWords, entryOf, waitOf } from "../../../static/js/portal/entry.js";

test("a list's link is found in the fragment, and no other is taken for one", () => {
  assert.equal(entryOf("#r=abc.1.def"), "abc.1.def");
  assert.equal(entryOf("#t=abc"), null);
  assert.equal(entryOf(""), null);
});

test("whoever comes early is told when, or that nobody knows yet", () => {
  assert.match(earlyWords({ refused: "early", exam: { opens: "2990-01-01T08:00:00Z" } }), /opens on/);
  assert.match(earlyWords({ refused: "draft", exam: { opens: null } }), /not been opened/);
});

test("who comes with a whole room waits as long as the server says, and comes back", () => {
  assert.equal(waitOf({ status: 429, details: { retry_after_s: 30 } }, 0, () => 0), 30_000);
  assert.equal(waitOf({ status: 429, details: { retry_after_s: 30 } }, 0, () => 1), 37_500);
  assert.ok(waitOf({ status: 429, details: {} }, 3) > 0);
});
