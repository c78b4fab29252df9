// What a timeline shows beside violations: what was lost or could not be told, closed eyes, the screen, breaks, messages. Pure: records in, rows out.

import { items } from "./phrases.js";
import { texts } from "./texts.js";

const LEAST_S = 3; // seconds of an interval that were lost or couldn't be told and are worth a mark; devices take that long to start
const DOUBTFUL = ["page_time", "few_readings"]; // reasons for which nothing of a check is sure, though pictures were read
const SCREEN_ACTS = ["fullscreen_left", "second_display", "share_stopped"]; // those without points of their own

/** Rows `{name, cells: Map(index → {sign, text})}` that have at least one cell. `length` is an interval's, in seconds. */
export function extraRows({ intervals = [], breaks = [], messages = [], checks = [] }, length, last) {
  const t = texts.timeline;
  const rows = { connection: new Map(), pictures: new Map(), sound: new Map(), unknown: new Map(), eyes: new Map(), screen: new Map(), breaks: new Map(), messages: new Map() };
  for (const [index, seconds] of untold(checks, breaks, length)) {
    for (const name of ["connection", "pictures", "sound"]) {
      if (seconds[name] >= LEAST_S) rows[name].set(index, { sign: t.signs.lost, text: t.lostFor[name](seconds[name]) });
    }
    if (seconds.unknown >= LEAST_S) rows.unknown.set(index, { sign: t.signs.unknown, text: t.unknownFor(seconds.unknown) });
  }
  for (const { index, eyes_closed: closed } of intervals) {
    if (closed?.length) rows.eyes.set(index, { sign: t.signs.eyes, text: texts.eyesClosed(closed) });
  }
  for (const { start, acts = {} } of checks) {
    const words = SCREEN_ACTS.filter((kind) => acts[kind]).map((kind) => t.screenActs[kind]);
    if (words.length) add(rows.screen, Math.floor(start / length), t.signs.screen, items(words));
  }
  for (const pause of breaks) {
    const to = Math.min(last, Math.floor(((pause.end ?? Infinity) - 1e-6) / length));
    for (let index = Math.floor(pause.start / length); index <= to; index += 1) rows.breaks.set(index, { sign: t.signs.break, text: t.breakFor(pause) });
  }
  for (const message of messages) {
    const index = Math.floor(message.at / length);
    if (!Number.isFinite(index)) continue;
    add(rows.messages, index, t.signs.message, t.message(message));
  }
  return Object.entries(rows)
    .filter(([, cells]) => cells.size)
    .map(([name, cells]) => ({ name: t[name], cells }));
}

function add(row, index, sign, text) {
  const before = row.get(index)?.text;
  row.set(index, { sign, text: items([before, text]) });
}

/**
 * Seconds of each interval in which nothing arrived (`connection`), no picture, no sound, or pictures that showed too little. A break is none of it.
 * Sound has a fixed rate, so its missing seconds are exact. Pictures come as often as the line carries: where sound is missing too, fewer
 * than usual tell how long nothing came, else only where a whole check has none.
 */
function untold(checks, breaks, length) {
  const rates = checks.map(({ rates }) => rates?.video_fps ?? 0).filter((fps) => fps > 0).sort((a, b) => a - b);
  const usual = rates[Math.floor(rates.length / 2)] ?? 0;
  const hears = checks.some(({ rates, unknown }) => rates?.audio_s_per_s > 0 || unknown?.["sound: lost"]); // there is a microphone, or should be
  const sums = new Map();
  for (const { start, end, gaze = {}, rates, unknown = {} } of checks) {
    const span = Math.max(0, end - start);
    if (breaks.some((pause) => pause.start < end && (pause.end ?? Infinity) > start)) continue;
    const index = Math.floor(start / length);
    const sum = sums.get(index) ?? { span: 0, heard: 0, seen: 0, blind: 0, unknown: 0 };
    const blind = Object.keys(gaze).length === 0;
    sums.set(index, {
      span: sum.span + span,
      heard: sum.heard + span * (hears ? (rates?.audio_s_per_s ?? 1) : 1),
      seen: sum.seen + (blind ? 0 : span * Math.min(1, usual && rates ? rates.video_fps / usual : 1)),
      blind: sum.blind + (blind ? span : 0),
      unknown: sum.unknown + (blind ? 0 : (DOUBTFUL.some((reason) => unknown[reason]) ? 1 : (gaze.unknown ?? 0)) * span),
    });
  }
  return [...sums].map(([index, { span, heard, seen, blind, unknown }]) => {
    const silent = Math.max(0, span - heard);
    const connection = Math.min(silent, span - seen);
    return [index, { connection, pictures: Math.max(0, blind - connection), sound: silent - connection, unknown }];
  });
}
