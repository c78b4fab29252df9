import assert from "node:assert/strict";
import test from "node:test";

import { brightness, judgeBrowser, judgeDevice, judgeLevel, judgeLight, judgeNetwork, mayStart } from "../../static/js/checks.js";
import { failureOf, stateOf } from "../../static/js/devices.js";
import { texts } from "../../static/js/texts.js";

test("refused, busy, missing and insecure are told apart", () => {
  const named = (name) => ({ name });
  assert.equal(failureOf(named("NotAllowedError")), "denied");
  assert.equal(failureOf(named("NotReadableError")), "busy");
  assert.equal(failureOf(named("NotFoundError")), "missing");
  assert.equal(failureOf(named("NotAllowedError"), { secure: false }), "insecure");
  assert.equal(failureOf(null, { supported: false }), "unsupported");
  assert.equal(failureOf(named("SomethingNew")), "failed");
  const said = ["denied", "busy", "missing", "insecure", "unsupported", "failed"].map((failure) => judgeDevice("camera", { failure }).text);
  assert.equal(new Set(said).size, 6);
});

test("the server is told a state that it knows for each failure", () => {
  assert.deepEqual(["denied", "insecure", "missing", "busy", "failed"].map(stateOf), ["denied", "denied", "missing", "lost", "lost"]);
});

test("light is judged from dark to bright", () => {
  const state = (mean, deviation) => judgeLight({ mean, deviation }).state;
  assert.equal(judgeLight(null).state, "waiting");
  assert.deepEqual([state(3, 1), state(30, 20), state(120, 2), state(120, 40), state(240, 20)], ["not_ready", "warning", "warning", "ready", "warning"]);
});

test("brightness is the mean and spread of the pixels", () => {
  const half = Uint8ClampedArray.from([0, 0, 0, 255, 255, 255, 255, 255]);
  assert.deepEqual(Object.values(brightness(half)).map(Math.round), [128, 128]);
});

test("a dead microphone is told from a quiet room and from a voice", () => {
  assert.deepEqual([null, -120, -70, -30].map((level) => judgeLevel(level).state), ["waiting", "warning", "waiting", "ready"]);
});

test("the network is judged by its median round trip", () => {
  assert.deepEqual([null, [], [5, 900, 8], [600, 700, 20]].map((trips) => judgeNetwork(trips).state), ["waiting", "not_ready", "ready", "warning"]);
});

test("an insecure address is named before anything that it takes away", () => {
  assert.deepEqual(judgeBrowser({ isSecureContext: false }), { state: "not_ready", text: texts.check.browser.insecure });
  assert.match(judgeBrowser({ isSecureContext: true, Worker: 1 }).text, /WebSocket.*getUserMedia/);
});

test("the exam starts without a microphone, but not without a camera or while checks run", () => {
  const rows = (changes) => Object.fromEntries(["camera", "microphone", "light", "network", "browser"].map((name) => [name, { state: changes[name] ?? "ready" }]));
  assert.equal(mayStart(rows({})), "yes");
  assert.equal(mayStart(rows({ light: "warning", microphone: "waiting" })), "yes");
  assert.equal(mayStart(rows({ microphone: "not_ready" })), "without_microphone");
  assert.equal(mayStart(rows({ camera: "not_ready" })), "no");
  assert.equal(mayStart(rows({ network: "waiting" })), "no");
});
