// The check before the exam, as pure judgements: a measurement in, `{state, text}` out. States: ready, warning, not_ready, waiting.

import { inEnglish } from "../shared/translate.js";
import { scramblerOf } from "./scrambled.js";
import { texts } from "./texts.js";

const DARK = 45; // mean brightness 0..255 of the picture's middle; below it, detectors start to say `dark`
const VERY_DARK = 20;
const BRIGHT = 225;
const FLAT = 5; // standard deviation; below it the lens shows nothing but one colour
const NARROW_KBPS = 500; // below it pictures are fewer or smaller than the proctor would like
const LONGEST = 200; // characters of a reason that the server keeps
const SLOW_MS = 400; // a round trip that makes messages visibly late
const LEVEL_MEMORY_MS = 5000;
const DEAD_DBFS = -85; // below the noise of any open microphone: it is muted or dead
const VOICE_DBFS = -50; // a voice at arm's length is louder

const t = texts.check;

/** A device's row: `track` when it is there, else the `failure` of devices.js. */
export function judgeDevice(device, { track, failure, size }) {
  if (failure) return { state: "not_ready", text: t[device][failure] ?? t[device].failed };
  if (!track) return { state: "waiting", text: t.asking };
  return { state: "ready", text: t[device].ready(track.label, size) };
}

/** The microphone's row from its loudest level (dBFS) over the last seconds; null while nothing came yet. */
export function judgeLevel(loudest) {
  if (loudest === null) return { state: "waiting", text: t.microphone.listening };
  if (loudest < DEAD_DBFS) return { state: "warning", text: t.microphone.silent };
  if (loudest < VOICE_DBFS) return { state: "waiting", text: t.microphone.listening };
  return { state: "ready", text: t.microphone.heard };
}

/** What the microphone gave in one run of the check. Who was heard once is heard: nobody has to go on talking until the start. */
export class Hearing {
  #levels = [];
  #heard = null; // the row, once there was a voice

  /** A `level` in dBFS at `at` ms. */
  take(level, at) {
    this.#levels = [...this.#levels.filter((earlier) => at - earlier.at < LEVEL_MEMORY_MS), { at, level }];
    const row = this.row;
    if (row.state === "ready") this.#heard = row;
  }

  get row() {
    return this.#heard ?? judgeLevel(this.#levels.length ? Math.max(...this.#levels.map(({ level }) => level)) : null);
  }
}

/** The light's row from the brightness of the picture's middle: `mean` and `deviation`, 0..255; null without a picture. */
export function judgeLight(light) {
  if (!light) return { state: "waiting", text: t.light.waiting };
  if (light.mean < VERY_DARK && light.deviation < FLAT) return { state: "not_ready", text: t.light.covered };
  if (light.mean < DARK) return { state: "warning", text: t.light.dark };
  if (light.mean > BRIGHT) return { state: "warning", text: t.light.bright };
  if (light.deviation < FLAT) return { state: "warning", text: t.light.flat };
  return { state: "ready", text: t.light.ready };
}

/**
 * The network's row from round trips in ms (an empty list: nothing came back; null: being measured), from the speed at which
 * the page can send, in kbit/s (null: being measured; undefined: not asked), and from whether it lets WebSockets through (null: being tried).
 */
export function judgeNetwork(trips, kbps, sockets = true) {
  if (trips === null) return { state: "waiting", text: t.network.measuring };
  if (trips.length === 0) return { state: "not_ready", text: t.network.unreachable };
  const median = Math.round([...trips].sort((a, b) => a - b)[Math.floor(trips.length / 2)]);
  if (kbps === null || sockets === null) return { state: "waiting", text: t.network.measuring };
  const figures = [`${median} ms`, kbps && `${kbps} kbit/s`, !sockets && "HTTP"].filter(Boolean).join(", ");
  if (kbps !== undefined && kbps < NARROW_KBPS) return { state: "warning", text: t.network.narrow(kbps), detail: figures };
  if (median > SLOW_MS) return { state: "warning", text: t.network.slow(median), detail: figures };
  if (!sockets) return { state: "warning", text: t.network.blocked, detail: figures };
  return { state: "ready", text: t.network.ready(median, kbps), detail: figures };
}

/** The face's row from what the server's detectors made of one picture: `{state, face, persons, reason}`; null while none was looked at. */
export function judgeFace(look) {
  if (!look || look.state === "loading") return { state: "waiting", text: look ? t.face.loading : t.face.waiting };
  if (look.state === "unavailable") return { state: "waiting", text: t.face.unavailable };
  if (look.persons > 1) return { state: "warning", text: t.face.several, reason: "several" };
  if (look.reason) return { state: "warning", text: t.face[look.reason] ?? t.face.unclear, reason: look.reason };
  if (!look.face) return { state: "warning", text: t.face.none, reason: "none" };
  return { state: "ready", text: t.face.ready };
}

/** The rows where devices are not asked for (`unasked`: their names; `devices` as the check opened them): what has no row to be ready for is fine as it is. */
export function asAsked(rows, unasked, devices) {
  const fine = { state: "ready", text: t.notAsked, detail: "not_asked" };
  const changed = { ...rows };
  if (unasked.includes("camera")) Object.assign(changed, { light: fine, face: fine, ...(devices.camera.track ? {} : { camera: fine }) });
  if (unasked.includes("microphone") && rows.microphone.state !== "ready") changed.microphone = fine;
  return changed;
}

const OF_LIGHT = new Set(["dark", "bright", "covered", "flat", "blurred", "hidden", "none", "unclear"]); // what a face may suffer from poor light

/** The rows, each cause said once: what only follows from another row waits for it (`follows`). A picture without light shows no face, too. `unseen`: nobody can look at the picture. */
export function oneCause(rows, { unseen = false } = {}) {
  const poor = ["warning", "not_ready"].includes(rows.light?.state);
  const lost = unseen || rows.camera.state !== "ready";
  const wait = (text) => ({ state: "waiting", text, follows: true });
  const changed = { ...rows };
  if (lost) changed.light = wait(unseen ? t.light.unseen : t.light.waiting);
  if (lost) changed.face = wait(unseen ? t.face.unseen : t.face.waiting);
  else if (poor && rows.face.state === "warning" && OF_LIGHT.has(rows.face.reason)) changed.face = wait(t.face.after);
  return changed;
}

/** The shared screen's row. `wanted` is optional (nothing is held against who doesn't share) or required; `shared` is null, or what is shared. */
export function judgeScreen(wanted, { supported, shared, refused }) {
  if (shared === "monitor" || shared === "unknown") return { state: "ready", text: t.screen.ready, detail: "shared" };
  if (wanted !== "required") return { state: "ready", text: supported ? t.screen.optional : t.screen.unsupportedFine, detail: shared ?? "not shared" };
  if (!supported) return { state: "not_ready", text: t.screen.unsupported };
  if (shared) return { state: "not_ready", text: t.screen.part, detail: shared };
  return { state: "not_ready", text: refused ? t.screen.refused : t.screen.required };
}

/** The shared screen in mid-exam: `ok` while what is shared will do, `whole` when no more can be asked for, `text` for the student or null. */
export function judgeSharing(wanted, screen) {
  const { state, detail, text } = judgeScreen(wanted, screen);
  const ok = Boolean(screen.shared) && state === "ready";
  const complains = !ok && wanted === "required";
  return { ok, whole: detail === "shared", text: complains ? (screen.shared ? text : texts.exam.screenStopped) : null };
}

/** The rows as the server keeps them for proctors: `{item, state, reason, detail}`; a row that is still waiting counts as a warning. */
export function resultsOf(rows) {
  return Object.entries(rows).map(([item, { state, text = "", detail = "" }]) => ({
    item,
    state: state === "waiting" ? "warning" : state,
    reason: state === "ready" ? "" : inEnglish(text).slice(0, LONGEST),
    detail: detail.slice(0, LONGEST),
  }));
}

/** The speed in kbit/s from the sizes (bytes) and times (ms) of what was sent; the fastest counts, as the rest waited for something else. */
export function speedOf(sent) {
  const speeds = sent.filter(({ ms }) => ms > 0).map(({ bytes, ms }) => (8 * bytes) / ms);
  return speeds.length ? Math.round(Math.max(...speeds)) : null;
}

/**
 * The browser's row from what `scope` (the window) offers, from whether it scrambles what a page reads from a picture, and from whether what makes the
 * exam's pictures could be loaded (null: not known yet).
 */
export function judgeBrowser(scope, scrambled = false, loaded = null) {
  if (!scope.isSecureContext) return { state: "not_ready", text: t.browser.insecure };
  const needed = ["Worker", "WebSocket", "OffscreenCanvas", "AudioWorkletNode", "createImageBitmap"];
  const missing = needed.filter((name) => !(name in scope));
  if (!scope.navigator?.mediaDevices?.getUserMedia) missing.push("getUserMedia");
  if (missing.length) return { state: "not_ready", text: t.browser.old(missing) };
  if (loaded === false) return { state: "not_ready", text: t.browser.notLoaded, detail: "not_loaded" };
  if (scrambled) return { state: "warning", text: t.browser.scrambled[scramblerOf(scope.navigator)], detail: "scrambled" };
  if (!("indexedDB" in scope)) return { state: "warning", text: t.browser.noStore };
  return { state: "ready", text: t.browser.ready };
}

/** Mean and standard deviation of brightness of RGBA pixels. */
export function brightness(pixels) {
  let sum = 0;
  let squares = 0;
  const count = pixels.length / 4;
  for (let at = 0; at < pixels.length; at += 4) {
    const y = 0.299 * pixels[at] + 0.587 * pixels[at + 1] + 0.114 * pixels[at + 2];
    sum += y;
    squares += y * y;
  }
  const mean = sum / count;
  return { mean, deviation: Math.sqrt(Math.max(0, squares / count - mean * mean)) };
}

/** Whether the exam can start with these rows ({name: {state}}): `yes`, `no`, or `without_microphone`. */
export function mayStart(rows) {
  const bad = Object.entries(rows).filter(([, row]) => row.state === "not_ready").map(([name]) => name);
  const waiting = ["camera", "browser", "network"].some((name) => rows[name].state === "waiting");
  if (waiting || bad.some((name) => name !== "microphone")) return "no";
  return bad.includes("microphone") ? "without_microphone" : "yes";
}

/** Which button comes next, for `may` of mayStart and the rows: `start`, `again`, or `share` where the screen alone is missing. `refused`: the student is to allow a device first; `canShare`. */
export function nextOf(may, rows, { refused = false, canShare = true } = {}) {
  const bad = Object.keys(rows).filter((name) => rows[name].state === "not_ready");
  if (refused) return "again";
  if (may !== "no" || bad.length === 0) return "start";
  return canShare && bad.every((name) => name === "screen") ? "share" : "again";
}

/**
 * What a rehearsal with these rows found, as `{kind, causes, open}`: `causes` are the rows to put right, `open` those of which nothing is known yet (nobody
 * spoke), which is no fault. What only follows from another row stands in neither. `kind`: blocked, warned, unchecked or fine.
 */
export function foundOf(rows) {
  const found = (...states) => Object.keys(rows).filter((name) => states.includes(rows[name].state) && !rows[name].follows);
  const causes = found("warning", "not_ready");
  const open = found("waiting");
  let kind = open.length ? "unchecked" : "fine";
  if (mayStart(rows) === "no") kind = "blocked";
  else if (causes.length) kind = "warned";
  return { kind, causes, open };
}

/** The line above the start's button, for `may` of mayStart and the rows. */
export function hintOf(may, rows) {
  const states = Object.values(rows).map(({ state }) => state);
  if (may === "without_microphone") return t.microphoneGone;
  if (may === "no") return states.includes("not_ready") ? t.blocked : t.wait;
  if (states.includes("warning")) return t.warned;
  return states.includes("waiting") ? t.undecided : t.fine;
}
