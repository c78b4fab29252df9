import assert from "node:assert/strict";
import test from "node:test";

import { troublesOf } from "../../../static/js/proctor/troubles.js";

test("parts that are well say nothing, nor do models that are limited, which have their own note", () => {
  assert.deepEqual(troublesOf({ database: { state: "ok" }, models: { state: "limited", notes: ["x"] }, stations: { default: { camera: { state: "idle" } } } }), []);
});

test("a part that isn't well is a line with why and what to do", () => {
  const disk = { state: "low", reason: "3 MB are left for clips", todo: "Make room." };
  assert.deepEqual(troublesOf({ database: { state: "ok" }, disk }), ["Disk: 3 MB are left for clips. Make room."]);
});

test("something within a part that isn't well is told with its reason", () => {
  const stations = { default: { camera: { state: "lost", reason: "unplugged" }, microphone: { state: "ok" } }, todo: "Look at the cable." };
  assert.deepEqual(troublesOf({ stations }), ["This machine’s cameras and microphones: unplugged. Look at the cable."]);
});

test("a part without a reason is told by its state, and one that this page doesn't know by its name", () => {
  assert.deepEqual(troublesOf({ logs: { state: "degraded" } }), ["logs: needs a look."]);
});
