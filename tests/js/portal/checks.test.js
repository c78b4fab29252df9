import assert from "node:assert/strict";
import test from "node:test";

import {
  Hearing, asAsked, brightness, foundOf, hintOf, judgeBrowser, judgeDevice, judgeFace, judgeLevel, judgeLight, judgeNetwork, judgeScreen, judgeSharing, mayStart, nextOf, oneCause, resultsOf, speedOf,
} from "../../../static/js/portal/checks.js";
import { texts } from "../../../static/js/portal/texts.js";
import { failureOf, stateOf, troubleOf } from "../../../static/js/sending/devices.js";

test("refused, busy, missing and insecure are told apart", () => {
  const named = (name) => ({ name });
  assert.equal(failureOf(named("NotAllowedError")), "denied");
  assert.equal(failureOf(named("NotReadableError")), "busy");
  assert.equal(failureOf(named("NotFoundError")), "missing");
  assert.equal(failureOf(named("NotAllowedError"), { secure: false }), "insecure");
  assert.equal(failureOf(null, { supported: false }), "unsupported");
  assert.equal(failureOf(named("SomethingNew")), "failed");
  assert.equal(failureOf({ name: "NotAllowedError", message: "Permission denied" }), "denied");
  assert.equal(failureOf({ name: "NotAllowedError", message: "Permission denied by system" }), "denied_by_system");
  const said = ["denied", "denied_by_system", "busy", "missing", "insecure", "unsupported", "failed"].map((failure) => judgeDevice("camera", { failure }).text);
  assert.equal(new Set(said).size, 7);
});

test("the server is told a state that it knows for each failure", () => {
  assert.deepEqual(["denied", "denied_by_system", "insecure", "missing", "busy", "failed"].map(stateOf), ["denied", "denied", "denied", "missing", "lost", "lost"]);
});

test("what is wrong with a device in mid-exam has texts of its own, and none leads to a button of the check", () => {
  const told = [["denied", "denied"], ["denied", "denied_by_system"], ["lost", "busy"], ["missing", "missing"], ["off", "turned_off"], ["lost", "device_ended"], ["lost", "failed"]];
  assert.deepEqual(told.map(([state, reason]) => troubleOf(state, reason)), ["denied", "denied_by_system", "busy", "missing", "off", "lost", "lost"]);
  for (const device of ["camera", "microphone"]) {
    const said = told.map((one) => texts.exam[device][troubleOf(...one)]);
    assert.equal(new Set(said).size, 6);
    for (const text of said) assert.doesNotMatch(text, /check again/);
    assert.doesNotMatch(texts.exam[device].off, /cable/);
  }
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

test("who was heard once stays heard, and who was not is asked to speak", () => {
  const hearing = new Hearing();
  assert.equal(hearing.row.state, "waiting");
  hearing.take(-30, 1000);
  assert.equal(hearing.row.state, "ready");
  for (let at = 1200; at < 20_000; at += 200) hearing.take(-70, at);
  assert.equal(hearing.row.state, "ready");
  const quiet = new Hearing(); // another run of the check
  for (let at = 20_000; at < 30_000; at += 200) quiet.take(-70, at);
  assert.equal(quiet.row.state, "waiting");
  for (let at = 30_000; at < 36_000; at += 200) quiet.take(-120, at);
  assert.equal(quiet.row.state, "warning");
});

test("the line above the start does not call ready what still waits", () => {
  const rows = (microphone) => ({ camera: { state: "ready" }, microphone: { state: microphone } });
  assert.equal(hintOf("yes", rows("ready")), texts.check.fine);
  assert.equal(hintOf("yes", rows("waiting")), texts.check.undecided);
  assert.equal(hintOf("yes", rows("warning")), texts.check.warned);
  assert.equal(hintOf("without_microphone", rows("not_ready")), texts.check.microphoneGone);
  assert.equal(hintOf("no", rows("not_ready")), texts.check.blocked);
  assert.equal(hintOf("no", rows("waiting")), texts.check.wait);
});

test("the network is judged by its median round trip", () => {
  assert.deepEqual([null, [], [5, 900, 8], [600, 700, 20]].map((trips) => judgeNetwork(trips).state), ["waiting", "not_ready", "ready", "warning"]);
});

test("an insecure address is named before anything that it takes away", () => {
  assert.deepEqual(judgeBrowser({ isSecureContext: false }), { state: "not_ready", text: texts.check.browser.insecure });
  const scope = { isSecureContext: true, navigator: { mediaDevices: { getUserMedia: 1 } }, indexedDB: 1 };
  for (const name of ["Worker", "WebSocket", "OffscreenCanvas", "AudioWorkletNode", "createImageBitmap"]) scope[name] = 1;
  assert.deepEqual([null, true, false].map((loaded) => judgeBrowser(scope, false, loaded).state), ["ready", "ready", "not_ready"]);
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

test("a network that blocks WebSockets is told, and the exam can start; the figures say it to the proctor", () => {
  assert.equal(judgeNetwork([20, 30], 4000, null).state, "waiting");
  const row = judgeNetwork([20, 30], 4000, false);
  assert.deepEqual([row.state, row.detail], ["warning", "30 ms, 4000 kbit/s, HTTP"]);
  assert.match(row.text, /WebSockets/);
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

test("in mid-exam a window does not stand for the screen that is required", () => {
  const shares = (shared) => ({ supported: true, shared, refused: false });
  assert.deepEqual(judgeSharing("required", shares("monitor")), { ok: true, whole: true, text: null });
  assert.deepEqual(judgeSharing("required", shares("window")), { ok: false, whole: false, text: texts.check.screen.part });
  assert.deepEqual(judgeSharing("required", shares(null)), { ok: false, whole: false, text: texts.exam.screenStopped });
  assert.deepEqual(judgeSharing("optional", shares("window")), { ok: true, whole: false, text: null });
  assert.deepEqual(judgeSharing("optional", shares(null)), { ok: false, whole: false, text: null });
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

test("one cause is said once: what follows from it waits, and is no cause of its own", () => {
  const rows = (light, face, camera = "ready") => oneCause({ camera: { state: camera }, light: judgeLight(light), face: judgeFace(face) });
  const black = rows({ mean: 3, deviation: 1 }, { state: "read", face: false, persons: null, reason: "dark" });
  assert.equal(black.light.text, texts.check.light.covered);
  assert.deepEqual(black.face, { state: "waiting", text: texts.check.face.after, follows: true });
  const alone = rows({ mean: 120, deviation: 40 }, { state: "read", face: true, persons: 1, reason: "dark" });
  assert.equal(alone.face.text, texts.check.face.dark);
  const several = rows({ mean: 30, deviation: 40 }, { state: "read", face: true, persons: 2, reason: "" });
  assert.equal(several.face.text, texts.check.face.several, "another cause");
  const lost = rows({ mean: 3, deviation: 1 }, null, "not_ready");
  assert.deepEqual([lost.light.follows, lost.face.follows, lost.camera.follows], [true, true, undefined]);
  const scrambled = oneCause({ camera: { state: "ready" }, light: judgeLight(null), face: judgeFace(null) }, { unseen: true });
  assert.deepEqual([scrambled.light.text, scrambled.face.text], [texts.check.light.unseen, texts.check.face.unseen]);
});

test("a rehearsal lists what is to be put right, and apart from it what nobody could check", () => {
  const fine = { camera: { state: "ready" }, browser: { state: "ready" }, network: { state: "ready" }, microphone: { state: "ready" } };
  const silent = { ...fine, microphone: { state: "waiting" } };
  const black = { ...silent, light: { state: "not_ready" }, face: { state: "waiting", follows: true } };
  assert.deepEqual(foundOf(fine), { kind: "fine", causes: [], open: [] });
  assert.deepEqual(foundOf(silent), { kind: "unchecked", causes: [], open: ["microphone"] });
  assert.deepEqual(foundOf({ ...silent, light: { state: "warning" } }), { kind: "warned", causes: ["light"], open: ["microphone"] });
  assert.deepEqual(foundOf(black), { kind: "blocked", causes: ["light"], open: ["microphone"] });
});

test("the button that stands out is the one that helps", () => {
  const rows = { camera: { state: "ready" }, browser: { state: "ready" }, network: { state: "ready" }, microphone: { state: "ready" }, screen: { state: "ready" } };
  const next = (changed, about) => nextOf(mayStart({ ...rows, ...changed }), { ...rows, ...changed }, about);
  const gone = { state: "not_ready" };
  assert.equal(next({}), "start");
  assert.equal(next({ camera: { state: "waiting" } }), "start");
  assert.equal(next({ camera: gone }), "again");
  assert.equal(next({ microphone: gone }), "start", "it may be without");
  assert.equal(next({ microphone: gone }, { refused: true }), "again");
  assert.equal(next({ screen: gone }), "share");
  assert.equal(next({ screen: gone }, { canShare: false }), "again");
  assert.equal(next({ screen: gone, camera: gone }), "again");
});

test("without a camera or a microphone that is asked for the exam can start at once, and nothing is held against anybody", () => {
  const ready = { state: "ready", text: "" };
  const rows = oneCause({
    camera: judgeDevice("camera", { failure: "missing" }), microphone: judgeDevice("microphone", {}), light: judgeLight(null), face: judgeFace(null), network: ready, browser: ready,
  });
  assert.equal(mayStart(rows), "no");
  const none = { camera: { failure: "missing" }, microphone: {} };
  const asked = asAsked(rows, ["camera"], none);
  assert.deepEqual([asked.camera, asked.light, asked.face].map(({ state, text }) => [state, text]), Array(3).fill(["ready", texts.check.notAsked]));
  assert.equal(asked.microphone.state, "waiting");
  assert.equal(mayStart(asked), "yes");
  assert.equal(hintOf("yes", asAsked(rows, ["camera", "microphone"], none)), texts.check.fine);
  assert.deepEqual(asAsked(rows, [], none), rows);
  const there = { ...rows, camera: judgeDevice("camera", { track: { label: "A camera" } }), light: judgeLight({ mean: 3, deviation: 1 }) };
  assert.deepEqual([asAsked(there, ["camera"], { camera: { track: {} } }).camera, mayStart(asAsked(there, ["camera"], { camera: { track: {} } }))], [there.camera, "yes"]);
});
