import assert from "node:assert/strict";
import test from "node:test";

import { arrowOf } from "../../../static/js/proctor/overlay.js";
import { compareEntries, deviceProblems, isPictureOld, isSilent, lostDevice, misplaced, settle, stateOfSession, stateWords } from "../../../static/js/proctor/states.js";
import { texts } from "../../../static/js/proctor/texts.js";
import { withGaps } from "../../../static/js/proctor/timeline.js";

const fine = { session_id: "1", user_id: "a", exam_id: "e", interval_score: 0, gaze: "focused", faces: 1, devices: { camera: { state: "ok" } } };
const state = (changes, more = {}) => stateOfSession({ ...fine, ...changes }, { threshold: 10, ...more });

test("each of the five states is shown for what it is", () => {
  assert.equal(state({}), "fine");
  assert.equal(state({ interval_score: 2 }), "look");
  assert.equal(state({ interval_score: 10 }), "flagged");
  assert.equal(state({}, { unseen: true }), "flagged");
  assert.equal(state({ gaze: "unknown", faces: null }), "unknown");
  assert.equal(state({ gaze: "unknown", faces: 1 }), "fine"); // for a moment, as of a head that moves
  assert.equal(state({ gaze: "unknown", faces: 1, notices: ["dark"] }), "unknown");
  assert.equal(state({ gaze: "none", faces: 1, notices: ["nobody"] }), "fine");
  assert.equal(state({ notices: ["page_time"] }), "look"); // somebody makes times up, or a machine is broken
  assert.equal(state({ devices: { camera: { state: "covered" } } }), "unknown");
  assert.equal(state({ devices: { connection: { state: "lost" } } }), "lost");
  assert.equal(state({}, { silent: true }), "lost");
});

test("a lost or unreadable picture never counts as something to look at", () => {
  for (const camera of ["missing", "lost", "frozen", "covered", "denied", "off"]) {
    assert.ok(["lost", "unknown"].includes(state({ gaze: "unknown", faces: null, devices: { camera: { state: camera } } })));
  }
});

test("what is lost is named, the line before the devices behind it, and stands before points", () => {
  const device = (name, state) => ({ devices: { camera: { state: "ok" }, [name]: { state, reason: "" } } });
  for (const [name, words] of [["connection", "No connection"], ["camera", "No camera"], ["microphone", "No sound"], ["screen", "Screen not shared"]]) {
    const status = { ...fine, ...device(name, "lost"), interval_score: 4 };
    assert.equal(lostDevice(status), name);
    assert.equal(stateWords(stateOfSession(status, { threshold: 10 }), status), words);
  }
  assert.equal(state({ ...device("screen", "ended") }), "lost");
  assert.equal(state(device("connection", "starting")), "waiting"); // the student has not come yet
  assert.ok(settle(null, "waiting", 0).rank > settle(null, "fine", 0).rank);
  assert.equal(lostDevice(fine, true), "connection");
  assert.equal(lostDevice(fine), null);
});

test("a session is silent once its last update is older than the server says", () => {
  assert.deepEqual([4999, 5001].map((now) => isSilent(0, now, 5)), [false, true]);
  assert.equal(isSilent(0, 5001, 8), false);
  assert.equal(isSilent(null, 60_000, 5), false); // nothing was heard yet
});

test("a microphone that is missing from the start is a problem, not a lost session", () => {
  const status = { ...fine, devices: { camera: { state: "ok" }, microphone: { state: "missing", reason: "no device" } } };
  assert.equal(stateOfSession(status, { threshold: 10 }), "fine");
  assert.deepEqual(deviceProblems(status), [["microphone", "missing", "no device"]]);
  assert.equal(isPictureOld(status, false), false);
});

test("without a connection nothing is said of the devices behind it", () => {
  const lost = { state: "lost", reason: "" };
  assert.deepEqual(deviceProblems({ ...fine, devices: { connection: lost, camera: lost, microphone: lost } }), [["connection", "lost", ""]]);
  assert.equal(deviceProblems({ ...fine, devices: { connection: { state: "ok" }, camera: lost, microphone: lost } }).length, 2);
});

test("urgent sessions come first, equals keep a stable order", () => {
  const entry = (state, user_id) => ({ place: settle(null, state, 0), status: { ...fine, user_id, session_id: user_id } });
  const sorted = [entry("fine", "b"), entry("lost", "z"), entry("look", "c"), entry("fine", "a"), entry("flagged", "y")].sort(compareEntries);
  assert.deepEqual(sorted.map(({ status }) => status.user_id), ["y", "c", "z", "a", "b"]);
});

test("a session rises at once and falls when it was calmer for a while", () => {
  const calm = settle(null, "fine", 0);
  const flagged = settle(calm, "flagged", 1);
  assert.equal(flagged.rank, 0);
  assert.equal(settle(flagged, "fine", 20).rank, 0);
  assert.equal(settle(settle(flagged, "flagged", 20), "fine", 40).rank, 0);
  assert.equal(settle(flagged, "fine", 31).rank, calm.rank);
  assert.equal(settle(calm, "unknown", 2).rank, calm.rank); // comes and goes with every moved head
});

test("only urgent sessions behind calm ones are out of place", () => {
  const order = (...states) => misplaced(states.map((name) => ({ place: settle(null, name, 0) })));
  assert.equal(order("flagged", "look", "fine"), 0);
  assert.equal(order("fine", "look", "lost", "flagged"), 2);
});

test("the gaze points to the student's own side: their left is the picture's right", () => {
  const box = [100, 100, 200, 200];
  assert.deepEqual(arrowOf(box, "left"), [150, 150, 220, 150]);
  assert.deepEqual(arrowOf(box, "right"), [150, 150, 80, 150]);
  assert.deepEqual(arrowOf(box, "down"), [150, 150, 150, 220]);
  for (const direction of ["focused", "unknown", "none", "closed"]) assert.equal(arrowOf(box, direction), null);
  assert.equal(arrowOf(null, "left"), null);
});

test("intervals that the server did not send are shown as empty, in their place", () => {
  const filled = withGaps([{ index: 2, score: 5, violations: [] }, { index: 0, score: 1, violations: [] }], 30);
  assert.deepEqual(filled.map(({ index, score }) => [index, score]), [[0, 1], [1, 0], [2, 5]]);
  assert.deepEqual([filled[1].start, filled[1].end], [30, 60]);
  assert.deepEqual(withGaps([], 30), []);
});

test("a device's state is told with its reason, where that is more than the state says", () => {
  assert.equal(texts.deviceLine("camera", { state: "lost", reason: "nothing_comes" }), "Camera: lost (nothing arrives)");
  assert.equal(texts.deviceLine("microphone", { state: "denied", reason: "denied" }), "Microphone: permission refused");
  assert.equal(texts.deviceLine("screen", { state: "ok", reason: "" }), "Screen: fine");
  assert.match(texts.deviceLine("connection", { state: "ok", reason: "http" }), /^Connection: fine \(by HTTP, /);
  assert.equal(texts.deviceLine("camera", { state: "missing", reason: "there is no camera 3" }), "Camera: missing (there is no camera 3)", "a station's own words");
});

test("no text accuses or raises its voice", () => {
  const all = JSON.stringify(texts, (_, value) => (typeof value === "function" ? value.toString() : value));
  assert.doesNotMatch(all, /cheat|suspicious|offend|violat(e|or)\b/i);
});

test("a break is fine: nothing is asked for, so nothing is lost", () => {
  const away = { interval_score: 0, on_break: true, gaze: "unknown", faces: null, devices: { camera: { state: "lost" } } };
  assert.equal(stateOfSession(away, { threshold: 10 }), "fine");
  assert.equal(stateOfSession({ ...away, interval_score: 12 }, { threshold: 10 }), "flagged");
  assert.equal(stateOfSession(away, { threshold: 10, silent: true }), "lost");
});

test("a doubt makes a session one that can't be told of, or one that needs a look; a note does neither", () => {
  const seen = (weight) => stateOfSession({ interval_score: 0, gaze: "focused", faces: 1, devices: {}, doubts: [{ weight }] }, { threshold: 10 });
  assert.deepEqual(["unknown", "look", "note"].map(seen), ["unknown", "look", "fine"]);
});

test("what has worked in this exam and is taken away is missed, and a picture of a camera that is off is old", () => {
  for (const name of ["microphone", "screen"]) {
    const device = (state, worked) => ({ devices: { camera: { state: "ok" }, [name]: { state, worked } } });
    for (const gone of ["missing", "denied"]) {
      assert.equal(state(device(gone, true)), "lost", name);
      assert.equal(state(device(gone, false)), "fine", name); // it began without
    }
    assert.equal(state(device("off", true)), "unknown", name);
    assert.equal(state(device("off", false)), "fine", name);
  }
  assert.equal(isPictureOld({ ...fine, devices: { camera: { state: "off" } } }, false), true);
  assert.equal(isPictureOld(fine, false), false);
});
