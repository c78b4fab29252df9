// The report of a whole exam, for paper: numbers, students, who decided what, rules.

import { call } from "../shared/api.js";
import { byId, make, setText } from "../shared/dom.js";
import { kindName } from "../shared/names.js";
import { number } from "../shared/translate.js";
import { ZONE, fullTime, minuteTime } from "./dates.js";
import { exact, labelled } from "./phrases.js";
import { watchedText } from "./results-rows.js";
import { texts } from "./texts.js";
import { resultsTexts as t } from "./texts-results.js";
import { unreadLines } from "./unread.js";

const PAGE = 900;
const COUNTS = ["open", "confirmed", "dismissed", "disputed"];

const key = document.body.dataset.examKey;
const path = `/api/exams/${key}/results`;

/** A cell: its first line as it is, further ones below it. */
const lines = ([first, ...more]) => make("td", {}, first, ...more.filter(Boolean).map((text) => make("div", { class: "muted", text })));
const table = (head, rows) => make("table", { class: "table" }, make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col", text })))), make("tbody", {}, ...rows));
const said = (text) => make("p", { class: "muted", text });

async function readAll() {
  const exam = await call(`${path}?limit=${PAGE}`);
  for (let after = exam.next_after; after; ) {
    const next = await call(`${path}?${new URLSearchParams({ limit: PAGE, after })}`);
    exam.results.push(...next.results);
    after = next.next_after;
  }
  return exam;
}

function studentRow({ user_id: user, name, started_at: started, unread, total_score: points, flags, conclusion, unreadable = [] }) {
  const stands = conclusion ? [t.stands(conclusion), t.byAt(conclusion.by, minuteTime(conclusion.at)), conclusion.second && t.second(conclusion.second, minuteTime(conclusion.second.at)), conclusion.reason && t.exam.reason(conclusion.reason)] : [t.notConcluded];
  return make("tr", {}, lines([user, name, minuteTime(started), texts.damaged({ fields: unreadable, records: [] })]), lines([watchedText(unread), ...unreadLines(unread)]), ...[points, ...COUNTS.map((count) => flags[count])].map((count) => make("td", { class: "number", text: count })), lines(stands));
}

function rules(of) {
  const points = Object.entries(of.points ?? {}).map(([kind, count]) => [kindName(kind), count ? String(count) : texts.exams.off]);
  const others = Object.entries(texts.report.rules).filter(([name]) => of[name] !== undefined).map(([name, words]) => [words, typeof of[name] === "number" ? exact(of[name]) : String(of[name])]);
  const rows = (pairs) => pairs.map((pair) => make("tr", {}, ...pair.map((text) => make("td", { text }))));
  return [table(texts.report.pointsHead, rows(points)), table(texts.report.rulesHead, rows(others))];
}

function draw(exam, people) {
  const { exam_id: id, title, sums, results } = exam;
  const name = title ? labelled(title, id) : id;
  document.title = `${name} · ${document.title.split(" · ").at(-1)}`;
  setText(byId("report-title"), name);
  setText(byId("report-made"), t.exam.made(fullTime(new Date().toISOString()), ZONE));
  byId("report-sums").replaceChildren(...Object.entries(t.exam.sums).map(([which, words]) => make("div", {}, make("dt", { text: words }), make("dd", { text: number(sums[which]) }))));
  byId("report-students").replaceChildren(results.length ? table(t.exam.studentHead, results.map(studentRow)) : said(t.exam.noSessions));
  const acts = people.map(({ by, confirmed, dismissed, concluded, agreed, disagreed, settled, withdrawn }) => make("tr", {}, make("td", { text: by }), ...[confirmed, dismissed, concluded, agreed, disagreed, settled, withdrawn].map((count) => make("td", { class: "number", text: count }))));
  byId("report-people").replaceChildren(acts.length ? table(t.exam.peopleHead, acts) : said(t.exam.nobody));
  byId("report-rules").replaceChildren(...[exam.defined ? null : said(t.undefinedExam), exam.four_eyes ? said(t.fourEyes) : null, ...rules(exam.rules)].filter(Boolean));
}

async function start() {
  byId("print").addEventListener("click", () => window.print());
  try {
    const [exam, { people }] = await Promise.all([readAll(), call(`${path}/people`)]);
    draw(exam, people);
    byId("report").hidden = false;
  } catch (error) {
    if (error.code === undefined) throw error;
    setText(byId("report-error"), t.failed(error.message));
    byId("report-error").hidden = false;
    byId("report-error-title").hidden = false;
  } finally {
    byId("skeleton").hidden = true;
  }
}

start();
