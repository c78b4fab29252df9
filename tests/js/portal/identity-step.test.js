import assert from "node:assert/strict";
import test from "node:test";

import { givenOf, missingOf } from "../../../static/js/portal/identity-step.js";

test("the exam starts once both pictures are sent, or can't be had", () => {
  assert.equal(missingOf({ face: "live", card: "sent" }), "face");
  assert.equal(missingOf({ face: "sent", card: "taken" }), "card");
  assert.equal(missingOf({ face: "sent", card: "sent" }), null);
  assert.equal(missingOf({ face: "none", card: "none" }), null, "no camera keeps nobody from the exam");
  assert.equal(missingOf({ face: "failed", card: "failed" }), null, "neither does a line that carries nothing");
});

test("a sentence takes the place of a card, and of no face", () => {
  assert.equal(missingOf({ face: "sent", card: "live" }, "It was stolen."), null);
  assert.equal(missingOf({ face: "live", card: "live" }, "It was stolen."), "face");
});

test("what can't be had is told as unknown", () => {
  assert.equal(givenOf("sent", "It was stolen."), "given");
  assert.equal(givenOf("none"), "unknown");
  assert.equal(givenOf("failed"), "unknown");
  assert.equal(givenOf("live", "It was stolen."), "none");
});
