// The analytics page: six questions, a chart and a table for each, and the figures as CSV.

import { seriesOf } from "./analytics-series.js";
import { call } from "./api.js";
import { drawChart } from "./charts.js";
import { byId, make, setText } from "./dom.js";
import { texts } from "./texts.js";

const KINDS_OF_CHART = {
  days: {},
  signals: { stacked: true },
  dismissed: { stacked: true, sideways: true },
  exams: { sideways: true },
  scores: { logarithmic: true },
  students: { sideways: true },
};
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone; // days are the viewer's

const charts = new Map();
let series = null;
let asked = 0;

/** What the filters ask for, as a query. */
function query(more = {}) {
  const given = { exam_id: byId("filter-exam").value, from: byId("filter-from").value, to: byId("filter-to").value, tz: ZONE, ...more };
  return new URLSearchParams(Object.entries(given).filter(([, value]) => value));
}

async function read() {
  asked += 1;
  const mine = asked;
  for (const link of document.querySelectorAll("[data-csv]")) link.href = `/api/analytics.csv?${query({ table: link.dataset.csv })}`;
  try {
    const answer = await call(`/api/analytics?${query()}`);
    if (mine !== asked) return;
    series = seriesOf(answer);
    setText(byId("sum"), texts.analytics.sum(answer));
    byId("analytics-error").hidden = true;
    draw();
  } catch (error) {
    if (!error.code) throw error;
    setText(byId("analytics-error"), texts.analytics.failed(error.message));
    byId("analytics-error").hidden = false;
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
    if (!empty) charts.set(name, drawChart(place.querySelector("canvas"), one, options));
    fillTable(place.querySelector("table"), one);
  }
}

function fillTable(table, { head, rows, links = [] }) {
  const cells = (row, link) =>
    row.map((value, index) => {
      const numeric = typeof value === "number";
      if (index === 0) return make("th", { scope: "row" }, link ? make("a", { href: link, text: value }) : String(value));
      return make("td", { class: numeric ? "number" : "", text: value });
    });
  const numericColumn = (index) => rows.length && typeof rows[0][index] === "number";
  table.replaceChildren(
    make("thead", {}, make("tr", {}, ...head.map((text, index) => make("th", { scope: "col", class: numericColumn(index) ? "number" : "", text })))),
    make("tbody", {}, ...rows.map((row, index) => make("tr", {}, ...cells(row, links[index])))),
  );
}

async function readExams() {
  try {
    const { exams } = await call("/api/exams");
    byId("filter-exam").append(...exams.filter(({ exam_id }) => exam_id).map(({ exam_id }) => make("option", { value: exam_id, text: exam_id })));
  } catch (error) {
    console.info("The exams can't be listed.", error.message);
  }
}

byId("filters").addEventListener("change", read);
byId("filters").addEventListener("submit", (event) => event.preventDefault());
// canvases know nothing of the style sheet: in other colours they are drawn anew
new MutationObserver(() => series && draw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
readExams();
read();
