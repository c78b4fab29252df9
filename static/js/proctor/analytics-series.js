// The answer of GET /api/analytics as what each chart draws and the table behind it says. Pure.

import { addressOf } from "../shared/base.js";
import { kindName, signalKinds } from "../shared/names.js";
import { list, number } from "../shared/translate.js";
import { dayName, dayNames } from "./chart-words.js";
import { texts } from "./texts.js";
import { who } from "./who.js";

const MOST_BARS = 12;
const MOST_DAYS = 366; // with more of them no bar can be told from the next
const DAY_MS = 86_400_000;

/**
 * For each chart `{labels, series: [{name, values,}], axes: {names, values}, bars?, head, rows, links?, note?}`; `rows` are complete where a chart
 * shows only the greatest; a cell is a text, a number, or `{text, value}` where it sorts by something else. `bars` and `links` are the addresses to which a bar and a row lead: the sessions or flags that it counts. `chosen` is
 * what the figures are of (`exam_id`, or an empty text).
 * Charts over time have every day from the first to the last, and months where those are too many; their tables the days on which something was.
 */
export function seriesOf(answer, chosen = {}) {
  const time = periods(answer.by_day);
  const links = { bars: time.days.map((label) => sessionsOf(label, chosen)), links: answer.by_day.map(({ day }) => sessionsOf(day, chosen)) };
  return {
    days: { ...days(answer.by_day, time), ...links },
    signals: { ...signals(answer.by_day, time), ...links },
    dismissed: dismissed(answer.by_kind, chosen),
    exams: exams(answer.by_exam),
    scores: scores(answer.score_distribution),
    students: students(answer.high_risk),
  };
}

const c = texts.analytics.columns;
const a = texts.analytics.axes;

/** A day in a table, which sorts by it as it was told. */
const dayCell = (day) => ({ text: dayName(day), value: Date.parse(day) });

/** The sessions of a day, or of a month (`2024-10`). */
function sessionsOf(label, { exam_id: exam = "" }) {
  const [year, month] = label.split("-").map(Number);
  const [from, to] = label.length > 7 ? [label, label] : [`${label}-01`, new Date(Date.UTC(year, month, 0)).toISOString().slice(0, 10)];
  return addressOf(`/exams?${new URLSearchParams({ ...(exam && { exam_id: exam }), from, to })}#sessions-title`);
}

const ofExam = (exam) => addressOf(`/exams?${new URLSearchParams(exam === null ? { without_exam: true } : { exam_id: exam })}#sessions-title`);
const ofKind = (kind, { exam_id: exam = "" }) => addressOf(`/review?${new URLSearchParams({ state: "all", kind, ...(exam && { exam_id: exam }) })}`);
const examName = (exam) => exam ?? texts.analytics.noExam;

/** Every day from the first to the last as its rows, none where nothing was; every month where the days are more than a chart can show. */
function periods(rows) {
  const all = [];
  for (let at = Date.parse(rows[0]?.day); at <= Date.parse(rows.at(-1)?.day); at += DAY_MS) all.push(new Date(at).toISOString().slice(0, 10));
  const byMonth = all.length > MOST_DAYS;
  const nameOf = (day) => (byMonth ? day.slice(0, 7) : day);
  const found = new Map(all.map((day) => [nameOf(day), []]));
  for (const row of rows) found.get(nameOf(row.day)).push(row);
  const sums = (value) => [...found.values()].map((rowsOfOne) => rowsOfOne.reduce((sum, row) => sum + value(row), 0));
  return { days: [...found.keys()], labels: dayNames([...found.keys()]), sums, note: byMonth ? texts.analytics.months : null };
}

function days(rows, { labels, sums, note }) {
  return {
    labels,
    note,
    axes: { names: note ? a.month : a.day, values: a.count },
    series: [
      { name: c.flags, values: sums(({ flags }) => flags) },
      { name: c.sessions, values: sums(({ sessions }) => sessions) },
    ],
    head: [c.day, c.sessions, c.flags],
    rows: rows.map(({ day, sessions, flags }) => [dayCell(day), sessions, flags]),
  };
}

function signals(rows, { labels, sums, note }) {
  const found = signalKinds.filter((kind) => rows.some(({ violations }) => violations?.[kind]));
  return {
    labels,
    note,
    axes: { names: note ? a.month : a.day, values: a.times },
    series: found.map((kind) => ({ name: kindName(kind), values: sums(({ violations }) => violations?.[kind] ?? 0) })),
    head: [c.day, ...found.map(kindName)],
    rows: rows.map(({ day, violations }) => [dayCell(day), ...found.map((kind) => violations?.[kind] ?? 0)]),
  };
}

function dismissed(rows, chosen) {
  const share = ({ confirmed, dismissed: against }) => (confirmed + against ? against / (confirmed + against) : null);
  const sorted = [...rows].sort((a, b) => (share(b) ?? -1) - (share(a) ?? -1));
  const states = ["confirmed", "dismissed", "disputed", "open"].filter((state) => rows.some((row) => row[state]));
  const names = { ...c, disputed: texts.review.states.disputed };
  return {
    labels: sorted.map(({ kind }) => kindName(kind)),
    axes: { names: "", values: a.flags },
    bars: sorted.map(({ kind }) => ofKind(kind, chosen)),
    links: sorted.map(({ kind }) => ofKind(kind, chosen)),
    series: states.map((state) => ({ name: names[state], values: sorted.map((row) => row[state] ?? 0) })),
    head: [c.signal, c.flags, ...states.map((state) => names[state]), c.share],
    rows: sorted.map((row) => [kindName(row.kind), row.flags, ...states.map((state) => row[state] ?? 0), texts.analytics.percent(share(row))]),
  };
}

function exams(rows) {
  const rate = ({ flags, sessions }) => (sessions ? flags / sessions : 0);
  const sorted = [...rows].sort((a, b) => rate(b) - rate(a));
  const shown = sorted.slice(0, MOST_BARS);
  return {
    labels: shown.map(({ exam_id }) => examName(exam_id)),
    axes: { names: "", values: a.perSession },
    bars: shown.map(({ exam_id }) => ofExam(exam_id)),
    links: sorted.map(({ exam_id }) => ofExam(exam_id)),
    series: [{ name: c.perSession, values: shown.map((row) => Math.round(100 * rate(row)) / 100) }],
    head: [c.exam, c.sessions, c.flags, c.perSession, c.highRisk],
    rows: sorted.map((row) => [examName(row.exam_id), row.sessions, row.flags, number(rate(row), 2), row.high_risk]),
  };
}

function scores(rows) {
  return {
    labels: rows.map(texts.analytics.scores),
    axes: { names: a.points, values: a.intervals },
    series: [{ name: c.intervals, values: rows.map(({ intervals }) => intervals) }],
    head: [c.points, c.intervals],
    rows: rows.map((row) => [texts.analytics.scores(row), row.intervals]),
  };
}

function students(rows) {
  const sorted = [...rows].sort((a, b) => b.flagged_intervals - a.flagged_intervals);
  const shown = sorted.slice(0, MOST_BARS);
  return {
    axes: { names: "", values: a.flagged },
    bars: shown.map(({ session_id: id }) => addressOf(`/session/${id}`)),
    labels: shown.map((row) => list([who(row), row.exam_id].filter(Boolean))),
    series: [{ name: c.flagged, values: shown.map(({ flagged_intervals: flags }) => flags) }],
    head: [c.student, c.exam, c.flagged, c.total],
    rows: sorted.map((row) => [who(row), examName(row.exam_id), row.flagged_intervals, row.total_score]),
    links: sorted.map(({ session_id: id }) => addressOf(`/session/${id}`)),
  };
}
