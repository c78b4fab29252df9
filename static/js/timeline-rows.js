// What a timeline shows beside violations: breaks, messages, lost connection, what could not be told. Pure: records in, rows out.

import { texts } from "./texts.js";

const LEAST_S = 2; // seconds of an interval that couldn't be told and are worth a mark

/** Rows `{name, cells: Map(index → {sign, text})}` that have at least one cell. `length` is an interval's, in seconds. */
export function extraRows({ breaks = [], messages = [], checks = [] }, length, last) {
  const t = texts.timeline;
  const rows = { connection: new Map(), unknown: new Map(), breaks: new Map(), messages: new Map() };
  for (const [index, { lost, unknown }] of untold(checks, breaks, length)) {
    if (lost >= 1) rows.connection.set(index, { sign: t.signs.lost, text: t.lostFor(lost) });
    if (unknown >= LEAST_S) rows.unknown.set(index, { sign: t.signs.unknown, text: t.unknownFor(unknown) });
  }
  for (const pause of breaks) {
    const to = Math.min(last, Math.floor(((pause.end ?? Infinity) - 1e-6) / length));
    for (let index = Math.floor(pause.start / length); index <= to; index += 1) rows.breaks.set(index, { sign: t.signs.break, text: t.breakFor(pause) });
  }
  for (const message of messages) {
    const index = Math.floor(message.at / length);
    if (!Number.isFinite(index)) continue;
    const before = rows.messages.get(index);
    rows.messages.set(index, { sign: t.signs.message, text: [before?.text, t.message(message)].filter(Boolean).join("; ") });
  }
  return Object.entries(rows)
    .filter(([, cells]) => cells.size)
    .map(([name, cells]) => ({ name: t[name], cells }));
}

/** Seconds of each interval in which no picture arrived, and in which pictures showed too little. A break is neither. */
function untold(checks, breaks, length) {
  const found = new Map();
  for (const { start, end, gaze = {} } of checks) {
    const span = Math.max(0, end - start);
    if (breaks.some((pause) => pause.start < end && (pause.end ?? Infinity) > start)) continue;
    const index = Math.floor(start / length);
    const sum = found.get(index) ?? { lost: 0, unknown: 0 };
    if (Object.keys(gaze).length === 0) sum.lost += span;
    else sum.unknown += (gaze.unknown ?? 0) * span;
    found.set(index, sum);
  }
  return found;
}
