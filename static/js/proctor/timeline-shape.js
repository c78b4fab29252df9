// How a timeline is laid out, and where a proctor goes in it. Pure: intervals and a width in, numbers and paths out.

const WIDEST_PX = 48; // of an interval when all are shown: an exam that has just begun does not fill the page with one bar
const CLOSEST_PX = 40; // of an interval when looked at most closely
const LABEL_PX = 72; // between two times on the axis
const LEAST_PX = 3; // of a mark, however short what it marks was
const STEPS_S = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400];

/** Pixels for `count` intervals where `room` pixels are there, drawn `zoom` times as wide (1: the whole exam). */
export function widthOf(count, room, zoom = 1) {
  return Math.max(1, Math.min(room, count * WIDEST_PX) * zoom);
}

/** The zooms that make sense for `count` intervals in `room` pixels: 1, and doublings until an interval is easy to hit. */
export function zooms(count, room) {
  const found = [1];
  while ((widthOf(count, room) * found.at(-1)) / Math.max(1, count) < CLOSEST_PX) found.push(found.at(-1) * 2);
  return found;
}

/** The times on the axis, in seconds, so far apart that their labels don't touch. */
export function ticks(total, width) {
  const step = STEPS_S.find((seconds) => (seconds / total) * width >= LABEL_PX) ?? STEPS_S.at(-1);
  return Array.from({ length: Math.floor(total / step) + 1 }, (_, number) => number * step);
}

/** One path of a bar for each `[from, to, share]` (s, s, 0..1 of `height`), standing on `bottom`. `scale` is pixels a second. */
export function barsPath(bars, { scale, bottom, height }) {
  return bars
    .map(([from, to, share]) => {
      const width = Math.max(1, Math.min(28, (to - from) * scale - 1));
      const tall = Math.max(2, share * height);
      const x = ((from + to) / 2) * scale - width / 2;
      return `M${round(x)} ${round(bottom - tall)}h${round(width)}v${round(tall)}h${round(-width)}z`;
    })
    .join("");
}

/** One path of a block for each `[from, to]` in seconds, between `top` and `bottom`. */
export function spansPath(spans, { scale, top, bottom }) {
  return spans.map(([from, to]) => `M${round(from * scale)} ${top}h${round(Math.max(LEAST_PX, (to - from) * scale))}V${bottom}H${round(from * scale)}z`).join("");
}

/** One path of a flag over the middle of each interval. */
export function flagsPath(intervals, { scale, top }) {
  return intervals.map(({ start, end }) => `M${round(((start + end) / 2) * scale - 3)} ${top + 13}v-12l8 3.5l-8 3.5`).join("");
}

const round = (number) => Math.round(number * 10) / 10;

/** Is `interval` for a person to decide on: flagged, or marked by a proctor? */
export const toDecide = (interval) => Boolean(interval.flagged || interval.marked);

/** Does it wait for a decision? */
export const isUndecided = (interval) => toDecide(interval) && !interval.review?.decision;

/** The index of the next flag after `from` (`step` 1) or the one before (-1); null where there is none. */
export function nextFlag(intervals, from, step) {
  const beyond = intervals.filter((interval) => toDecide(interval) && (interval.index - from) * step > 0);
  return (step > 0 ? beyond[0] : beyond.at(-1))?.index ?? null;
}

/** The next flag that waits for a decision, from `from` on and then from the beginning; null where none waits. */
export function nextUndecided(intervals, from = -1) {
  const waiting = intervals.filter(isUndecided);
  return (waiting.find(({ index }) => index > from) ?? waiting[0])?.index ?? null;
}

/** Where a session that is over opens: at the first flag that waits, else at the first flag, else at its beginning. */
export function openingPlace(intervals) {
  return nextUndecided(intervals) ?? intervals.find(toDecide)?.index ?? 0;
}

/** The index of the interval in which second `at` lies. */
export function indexAt(intervals, at, length) {
  return Math.max(0, Math.min(intervals.length - 1, Math.floor(at / length)));
}
