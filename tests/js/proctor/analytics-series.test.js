// What each chart draws, from the figures of the server.

import assert from "node:assert/strict";
import { test } from "node:test";
import "../signals.js";
import { seriesOf } from "../../../static/js/proctor/analytics-series.js";

const NOTHING = { by_day: [], by_exam: [], score_distribution: [], high_risk: [], by_kind: [] };

test("no figures are empty charts, not errors", () => {
  for (const { labels, rows } of Object.values(seriesOf(NOTHING))) assert.deepEqual([labels, rows], [[], []]);
});

test("days bring flags and sessions; only signals that were found are shown", () => {
  const { days, signals } = seriesOf({ ...NOTHING, by_day: [{ day: "2026-11-22", sessions: 3, flags: 2, violations: { speech: 4 } }, { day: "2026-11-23", sessions: 1, flags: 0, violations: {} }] });
  assert.deepEqual(days.series.map(({ values }) => values), [[2, 0], [3, 1]]);
  assert.deepEqual(signals.series, [{ name: "Speech", values: [4, 0] }]);
});

const day = (name, flags, speech = 0) => ({ day: name, sessions: 1, flags, violations: speech ? { speech } : {} });

test("days on which nothing was stand between the first and the last as zeros, over the clocks' change too", () => {
  const { days, signals } = seriesOf({ ...NOTHING, by_day: [day("2024-03-29", 1, 2), day("2024-04-01", 3)] });
  assert.deepEqual(days.labels, ["Mar 29", "Mar 30", "Mar 31", "Apr 1"]);
  assert.deepEqual(days.series.map(({ values }) => values), [[1, 0, 0, 3], [1, 0, 0, 1]]);
  assert.deepEqual(signals.series, [{ name: "Speech", values: [2, 0, 0, 0] }]);
  assert.deepEqual(signals.labels, days.labels);
  assert.equal(days.rows.length, 2);
  assert.equal(days.note, null);
});

test("more than a year is shown by months, and the months without sessions too; the table stays by days", () => {
  const { days } = seriesOf({ ...NOTHING, by_day: [day("2023-01-30", 1), day("2023-01-31", 2), day("2024-02-01", 4)] });
  assert.deepEqual([days.labels.length, days.labels[0], days.labels.at(-1)], [14, "Jan 2023", "Feb 2024"]);
  assert.deepEqual(days.series[0].values, [3, ...Array(12).fill(0), 4]);
  assert.equal(days.rows.length, 3);
  assert.match(days.note, /month/);
  assert.equal(seriesOf({ ...NOTHING, by_day: [day("2024-01-01", 1), day("2024-12-31", 1)] }).days.labels.length, 366);
});

test("signals are ordered by the share of decided flags that were dismissed, undecided ones last", () => {
  const { dismissed } = seriesOf({
    ...NOTHING,
    by_kind: [
      { kind: "speech", flags: 4, confirmed: 3, dismissed: 1, disputed: 0, open: 0 },
      { kind: "no_face", flags: 2, confirmed: 0, dismissed: 0, disputed: 0, open: 2 },
      { kind: "gaze_distracted", flags: 2, confirmed: 0, dismissed: 2, disputed: 0, open: 0 },
    ],
  });
  assert.deepEqual(dismissed.labels, ["Looking away", "Speech", "Nobody in view"]);
  assert.deepEqual(dismissed.rows.map((row) => row.at(-1)), ["100 %", "25 %", "–"]);
  assert.deepEqual(dismissed.series.map(({ name }) => name), ["Confirmed", "Dismissed", "Open"]);
});

test("a chart shows the twelve greatest, its table all of them, each with the way to its session", () => {
  const { students } = seriesOf({ ...NOTHING, high_risk: Array.from({ length: 20 }, (_, index) => ({ session_id: `s${index}`, user_id: `u${index}`, exam_id: null, flagged_intervals: index, total_score: index })) });
  assert.equal(students.labels.length, 12);
  assert.equal(students.rows.length, 20);
  assert.equal(students.links[0], "/session/s19");
});

test("a student has the name beside the ID, where one is known", () => {
  const row = { session_id: "s1", user_id: "u1", exam_id: "math", flagged_intervals: 3, total_score: 30 };
  const { students } = seriesOf({ ...NOTHING, high_risk: [{ ...row, student_name: "Ann Lee" }, { ...row, student_name: "" }] });
  assert.deepEqual(students.labels, ["Ann Lee (u1), math", "u1, math"]);
  assert.deepEqual(students.rows.map(([student]) => student), ["Ann Lee (u1)", "u1"]);
});

test("bands of points are named by both ends, the last one is open", () => {
  const { scores } = seriesOf({ ...NOTHING, score_distribution: [{ from: 0, to: 0, intervals: 9 }, { from: 1, to: 4, intervals: 2 }, { from: 30, to: null, intervals: 1 }] });
  assert.deepEqual(scores.labels, ["0", "1–4", "30 and more"]);
});

test("a bar leads to what it counts: sessions of its day or month, flags of its kind, an exam's sessions, one session", () => {
  const answer = {
    ...NOTHING,
    by_day: [day("2024-02-28", 1), day("2024-02-29", 1)],
    by_kind: [{ kind: "speech", flags: 1, confirmed: 1, dismissed: 0, disputed: 0, open: 0 }],
    by_exam: [{ exam_id: null, sessions: 1, flags: 1, high_risk: 0 }],
    high_risk: [{ session_id: "s1", user_id: "u", exam_id: null, flagged_intervals: 3, total_score: 30 }],
  };
  const { days, dismissed, exams, students } = seriesOf(answer, { exam_id: "math" });
  assert.deepEqual(days.bars, ["28", "29"].map((one) => `/exams?exam_id=math&from=2024-02-${one}&to=2024-02-${one}#sessions-title`));
  assert.deepEqual(days.links, days.bars);
  assert.deepEqual(dismissed.bars, ["/review?state=all&kind=speech&exam_id=math"]);
  assert.deepEqual(exams.bars, ["/exams?without_exam=true#sessions-title"]);
  assert.deepEqual(students.bars, ["/session/s1"]);
  const months = seriesOf({ ...NOTHING, by_day: [day("2023-01-30", 1), day("2024-02-01", 4)] }).days;
  assert.equal(months.bars.at(-1), "/exams?from=2024-02-01&to=2024-02-29#sessions-title");
});

test("every chart that has values names its scales", () => {
  for (const { axes } of Object.values(seriesOf(NOTHING))) assert.ok(axes.values);
});
