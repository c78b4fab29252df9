import assert from "node:assert/strict";
import test from "node:test";

import { brightness, judgeBrowser, judgeDevice, judgeFace, judgeLevel, judgeLight, judgeNetwork, judgeScreen, mayStart, resultsOf, speedOf } from "../../static/js/checks.js";
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

test("the network's row knows how fast the page can send, and waits until it does", () => {
  assert.equal(judgeNetwork([20, 30], null).state, "waiting");
  assert.equal(judgeNetwork([20, 30], 4000).state, "ready");
  const narrow = judgeNetwork([20, 30], 150);
  assert.equal(narrow.state, "warning");
  assert.match(narrow.text, /150 kbit\/s/);
  assert.equal(judgeNetwork([], null).state, "not_ready");
});

test("the face's row says what the detectors say, precisely, and never blocks the start", () => {
  assert.equal(judgeFace({ state: "read", face: true, persons: 1, reason: "" }).state, "ready");
  assert.match(judgeFace({ state: "read", face: true, persons: 1, reason: "dark" }).text, /lamp/);
  assert.match(judgeFace({ state: "read", face: true, persons: 2, reason: "" }).text, /More than one/);
  for (const look of [null, { state: "loading" }, { state: "unavailable" }, { state: "read", face: false, persons: 0, reason: "" }, { state: "read", face: true, persons: null, reason: "new reason" }]) {
    assert.notEqual(judgeFace(look).state, "not_ready");
    assert.ok(judgeFace(look).text);
  }
});

test("a screen is needed only where the exam asks for it, and then the whole of it", () => {
  const none = { supported: true, shared: null, refused: false };
  assert.equal(judgeScreen("optional", none).state, "ready");
  assert.equal(judgeScreen("optional", { ...none, refused: true }).state, "ready");
  assert.equal(judgeScreen("required", none).state, "not_ready");
  assert.equal(judgeScreen("required", { ...none, shared: "window" }).state, "not_ready");
  assert.equal(judgeScreen("required", { ...none, shared: "monitor" }).state, "ready");
  assert.equal(judgeScreen("optional", { ...none, supported: false }).state, "ready");
  assert.equal(judgeScreen("required", { ...none, supported: false }).state, "not_ready");
});

test("results are what the server takes: no waiting row, reasons that fit", () => {
  const results = resultsOf({ camera: { state: "ready", text: "HD" }, light: { state: "waiting", text: "x".repeat(300) } });
  assert.deepEqual(results[0], { item: "camera", state: "ready", reason: "", detail: "" });
  assert.equal(results[1].state, "warning");
  assert.equal(results[1].reason.length, 200);
});

test("the speed is that of the fastest try", () => {
  assert.equal(speedOf([{ bytes: 60_000, ms: 480 }, { bytes: 60_000, ms: 120 }]), 4000);
  assert.equal(speedOf([]), null);
});
