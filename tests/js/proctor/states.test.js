import assert from "node:assert/strict";
import test from "node:test";

import { arrowOf } from "../../../static/js/proctor/overlay.js";
import { compareEntries, deviceProblems, isPictureOld, isSilent, lostDevice, misplaced, needsNoPicture, rankOf, settle, stateOfSession, stateWords, waitingWords } from "../../../static/js/proctor/states.js";
import { texts } from "../../../static/js/proctor/texts.js";
import { withGaps } from "../../../static/js/proctor/timeline.js";

const fine = { session_id: "1", user_id: "a", exam_id: "e", interval_score: 0, gaze: "focused", faces: 1, devices: { camera: { state: "ok" } } };
const rank = (changes, more = {}) => rankOf({ ...fine, ...changes }, { threshold: 10, ...more });
const place = (rank, before = null, now = 0) => settle(before, rank, now);
const state = (changes, more = {}) => stateOfSession({ ...fine, ...changes }, { threshold: 10, ...more });

test("each state is shown for what it is", () => {
  assert.equal(state({}), "fine");
  assert.equal(state({ interval_score: 4 }), "fine"); // a glance is no reason to look
  assert.equal(state({ interval_score: 5 }), "look");
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
  assert.ok(rank(device("connection", "starting")) > rank({}));
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
  const entry = (rank, user_id) => ({ place: place(rank), status: { ...fine, user_id, session_id: user_id } });
  const sorted = [entry(4, "b"), entry(1, "z"), entry(2, "c"), entry(4, "a"), entry(0, "y")].sort(compareEntries);
  assert.deepEqual(sorted.map(({ status }) => status.user_id), ["y", "z", "c", "a", "b"]);
});

test("a session rises at once and falls when it was calmer for a while", () => {
  const calm = place(4);
  const flagged = place(0, calm, 1);
  assert.equal(flagged.rank, 0);
  assert.equal(place(4, flagged, 20).rank, 0);
  assert.equal(place(4, place(0, flagged, 20), 40).rank, 0);
  assert.equal(place(4, flagged, 31).rank, calm.rank);
});

test("only urgent sessions behind calm ones are out of place", () => {
  const order = (...ranks) => misplaced(ranks.map((rank) => ({ place: place(rank) })));
  assert.equal(order(0, 2, 4), 0);
  assert.equal(order(4, 2, 5, 0), 2);
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

test("sessions are ranked by what a person should do", () => {
  const dark = { gaze: "unknown", faces: null, elapsed_s: 300, unwatched: { since_s: 8, reason: "dark" } };
  const away = { devices: { connection: { state: "lost" } }, elapsed_s: 1150, unwatched: { since_s: 10, reason: "connection" } };
  const call = { call: { at: 4, text: "" } };
  const ranks = [rank({}, { unseen: true }), rank(dark), rank(away), rank({ interval_score: 5, ...call }), rank(call), rank({ interval_score: 4 })];
  assert.deepEqual(ranks, [0, 1, 1, 2, 3, 4]);
  assert.equal(rank({ interval_score: 12 }), 2); // its flag was seen
  assert.equal(rank({ ...dark, elapsed_s: 37 }), 4); // not for half a minute yet
  assert.equal(rank({ ...dark, on_break: true }), 4);
  assert.equal(rank({ ...dark, begun: false }), 5);
});

test("what can't be watched says for how long and why", () => {
  const words = (changes, silent = false) => stateWords(state(changes, { silent }), { ...fine, ...changes }, silent);
  const since = (elapsed_s, reason) => ({ elapsed_s, unwatched: { since_s: 8, reason } });
  const unread = { gaze: "unknown", faces: null };
  assert.equal(words({ ...unread, ...since(300, "dark") }), "Can’t tell for 4:52 (too dark)");
  assert.equal(words({ ...unread, ...since(20, "dark") }), "Can’t tell");
  assert.equal(words({ devices: { connection: { state: "lost" } }, ...since(1148, "connection") }), "No connection for 19:00");
  assert.equal(words({ devices: { camera: { state: "denied" } }, ...since(68, "camera_denied") }), "No camera for 1:00");
  assert.equal(words({ devices: { camera: { state: "ok" }, microphone: { state: "lost" } } }), "No sound");
  assert.equal(words({ devices: { connection: { state: "lost" } }, ...since(1148, "connection") }, true), "No connection");
});

test("where nothing at all arrives the camera is not blamed", () => {
  const silent = { state: "lost", reason: "nothing_comes", worked: true };
  const words = (devices) => stateWords(state({ devices }), { ...fine, devices });
  assert.equal(words({ connection: { state: "ok" }, camera: silent, microphone: silent }), "Nothing arrives");
  assert.equal(words({ connection: { state: "ok" }, camera: silent, microphone: { state: "missing", worked: false } }), "Nothing arrives");
  assert.equal(words({ connection: { state: "ok" }, camera: silent, microphone: { state: "ok", worked: true } }), "No camera");
});

test("a student who calls is told of, before those that need nobody, in a break too", () => {
  const call = { call: { at: 12, text: "May I have paper?" } };
  assert.deepEqual([state(call), state({ ...call, on_break: true }), state({ ...call, interval_score: 6 })], ["call", "call", "look"]);
  assert.equal(stateWords("call", { ...fine, ...call }), "Asks for you");
  assert.equal(texts.live.call("May I have paper?"), "Asks for you: May I have paper?");
});

test("a camera that is not asked for is missed by nobody", () => {
  const without = { gaze: "unknown", faces: null, not_asked: ["camera"], devices: { camera: { state: "off", reason: "not_asked" }, microphone: { state: "ok" } } };
  assert.equal(state(without), "fine");
  assert.deepEqual([deviceProblems({ ...fine, ...without }), isPictureOld({ ...fine, ...without }, false), lostDevice({ ...fine, ...without })], [[], false, null]);
  assert.equal(needsNoPicture(without), true);
  assert.equal(needsNoPicture({ ...without, devices: { camera: { state: "ok" } } }), false);
  assert.equal(state({ ...without, devices: { camera: { state: "ok" } } }), "fine");
  assert.equal(state({ ...without, devices: { ...without.devices, connection: { state: "lost" } } }), "lost");
  assert.equal(state({ ...without, not_asked: [], devices: { camera: { state: "off", reason: "turned_off" } } }), "unknown");
});

test("who has opened the page and not begun is not told to be missing", () => {
  const waits = (reason) => ({ ...fine, begun: false, devices: { connection: { state: "starting", reason } } });
  assert.equal(waitingWords(waits("not_come")), texts.live.notCome);
  assert.equal(waitingWords(waits("getting_ready")), texts.live.gettingReady);
  assert.equal(stateOfSession(waits("getting_ready"), { threshold: 10 }), "waiting");
});
