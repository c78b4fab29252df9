// The analytics page: six questions, a chart and a table for each, and the figures as CSV.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { byId, make, setText } from "../shared/dom.js";
import { seriesOf } from "./analytics-series.js";
import { drawChart } from "./charts.js";
import { ZONE } from "./dates.js";
import { dressTable, makeSortable } from "./tables.js";
import { texts } from "./texts.js";

const KINDS_OF_CHART = {
  days: {},
  signals: { stacked: true },
  dismissed: { stacked: true, sideways: true },
  exams: { sideways: true },
  scores: { logarithmic: true },
  students: { sideways: true },
};
const TYPING_MS = 400;

const charts = new Map();
let series = null;
let asked = 0;
let typing = null;

/** What the filters ask for, as a query. */
function query(more = {}) {
  const given = { exam_id: byId("filter-exam").value, from: byId("filter-from").value, to: byId("filter-to").value, tz: ZONE, ...more };
  return new URLSearchParams(Object.entries(given).filter(([, value]) => value));
}

/** What is wrong with the days, in words. A date field gives a year as it is typed: 0002, 0020, 0202, then 2024. */
function wrongDays() {
  const [from, to] = [byId("filter-from"), byId("filter-to")];
  if (!from.validity.valid || !to.validity.valid) return texts.analytics.wholeDay;
  return from.value && to.value && to.value < from.value ? texts.analytics.dayOrder : "";
}

/** Read what the filters ask for, once they ask for something; what is half typed is let alone until its field is left. */
function settle() {
  clearTimeout(typing);
  const wrong = wrongDays();
  if (!wrong) read();
  else if (document.activeElement?.validity?.valid !== false) problem(wrong);
}

function problem(text) {
  setText(byId("analytics-error"), text);
  byId("analytics-error").hidden = !text;
}

async function read() {
  asked += 1;
  const mine = asked;
  for (const link of document.querySelectorAll("[data-csv]")) link.href = addressOf(`/api/analytics.csv?${query({ table: link.dataset.csv })}`);
  try {
    const answer = await call(`/api/analytics?${query()}`);
    if (mine !== asked) return;
    series = seriesOf(answer, { exam_id: byId("filter-exam").value });
    setText(byId("sum"), texts.analytics.sum(answer));
    problem("");
    draw();
  } catch (error) {
    if (!error.code) throw error;
    if (mine === asked) problem(texts.analytics.failed(error.message));
  } finally {
    delete byId("charts").dataset.waits;
  }
}

function draw() {
  for (const [name, options] of Object.entries(KINDS_OF_CHART)) {
    const place = byId(`chart-${name}`);
    const one = series[name];
    const empty = one.labels.length === 0 || one.series.every(({ values }) => values.every((value) => !value));
    charts.get(name)?.destroy();
    charts.delete(name);
    place.querySelector(".chart-picture").hidden = empty;
    place.querySelector("details").hidden = one.rows.length === 0;
    const none = place.querySelector(".chart-none");
    none.hidden = !empty;
    setText(none, texts.analytics.noData);
    const note = place.querySelector(".chart-note");
    note.hidden = empty || !one.note;
    setText(note, one.note);
    if (!empty) charts.set(name, drawChart(place.querySelector("canvas"), one, options));
    fillTable(place.querySelector("table"), one);
  }
}

const headCell = ({ text, value }, link) => make("th", { scope: "row", "data-value": value }, link ? make("a", { href: link, text }) : text);

function fillTable(table, { head, rows, links = [] }) {
  const cells = (row, link) =>
    row.map((value, index) => {
      const numeric = typeof value === "number";
      if (index === 0) return headCell(typeof value === "object" ? value : { text: String(value) }, link);
      return make("td", { class: numeric ? "number" : "", text: value });
    });
  const numericColumn = (index) => rows.length && typeof rows[0][index] === "number";
  table.replaceChildren(
    make("thead", {}, make("tr", {}, ...head.map((text, index) => make("th", { scope: "col", class: numericColumn(index) ? "number" : "", text })))),
    make("tbody", {}, ...rows.map((row, index) => make("tr", {}, ...cells(row, links[index])))),
  );
  dressTable(table);
  makeSortable(table);
}

async function readExams() {
  try {
    const { exams } = await call("/api/exams");
    byId("filter-exam").append(...exams.filter(({ exam_id }) => exam_id).map(({ exam_id }) => make("option", { value: exam_id, text: exam_id })));
  } catch (error) {
    console.info("The exams can't be listed.", error.message);
  }
}

byId("filters").addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(settle, TYPING_MS);
});
byId("filters").addEventListener("focusout", () => wrongDays() && settle());
byId("filters").addEventListener("submit", (event) => event.preventDefault());
// canvases know nothing of the style sheet: in other colours they are drawn anew
new MutationObserver(() => series && draw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
readExams();
read();
