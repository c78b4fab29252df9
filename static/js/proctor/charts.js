// Charts in the page's own colours, told apart by pattern as well as colour. Wraps Chart.js, which the page loads as a classic script.

import { locale } from "../shared/translate.js";
import { inLines } from "./chart-words.js";

const SIZE = 13;
const LETTER = 0.58; // the width of a letter, as a share of its height
const NAMES_SHARE = 0.36; // of a chart's width, for the names beside bars that lie
const MANY_BARS = 6; // above which a name has one line
const SHADES = ["--accent", "--flag", "--attention", "--ok", "--unknown", "--control", "--accent-strong", "--muted"];

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** A fill for series `index`: every second one is hatched, each hatch another, so that no two need their colours. */
function fillOf(index, colour) {
  if (index === 0) return colour;
  const size = 8;
  const tile = new OffscreenCanvas(size, size);
  const context = tile.getContext("2d");
  context.fillStyle = style("--raised");
  context.fillRect(0, 0, size, size);
  context.fillStyle = colour;
  context.strokeStyle = colour;
  context.lineWidth = 2;
  const line = (...points) => {
    context.beginPath();
    context.moveTo(points[0], points[1]);
    context.lineTo(points[2], points[3]);
    context.stroke();
  };
  const draw = [
    () => context.fillRect(0, 0, size, size),
    () => [line(0, size, size, 0), line(-1, 1, 1, -1), line(size - 1, size + 1, size + 1, size - 1)],
    () => context.fillRect(2, 2, 3, 3),
    () => line(0, 4, size, 4),
    () => line(4, 0, 4, size),
    () => [line(0, 0, size, size), line(-1, size - 1, 1, size + 1), line(size - 1, -1, size + 1, 1)],
    () => [line(0, 4, size, 4), line(4, 0, 4, size)],
    () => [context.fillRect(0, 0, 4, 4), context.fillRect(4, 4, 4, 4)],
  ][index % 8];
  draw();
  return context.createPattern(tile, "repeat");
}

const lettersIn = (room) => Math.floor(room / (LETTER * SIZE));

/** What a scale says at a bar: its name in so many lines; pointed at, the bar says it whole. */
function shortened(letters, lines) {
  return function nameOf(value) {
    return inLines(this.getLabelForValue(value), letters, lines);
  };
}

/** Draw `series` (of analytics-series.js) on `canvas`, with a name at each scale; a click on a bar leads to its address, where it has one. Returns the chart, to be destroyed before the next. */
export function drawChart(canvas, { labels, series, axes, bars = [] }, { stacked = false, sideways = false, logarithmic = false } = {}) {
  const { Chart } = globalThis;
  Chart.defaults.color = style("--muted");
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = SIZE;
  const datasets = series.map(({ name, values }, index) => {
    const colour = style(SHADES[index % SHADES.length]);
    return { label: name, data: values, backgroundColor: fillOf(index, colour), borderColor: colour, borderWidth: 1, maxBarThickness: 36 };
  });
  const grid = { color: style("--line") };
  const values = { beginAtZero: true, stacked, grid, ticks: { precision: 0 }, ...(logarithmic && { type: "logarithmic", min: 0.8, ticks: { callback: (value) => ("125".includes(value.toExponential()[0]) && Number.isInteger(value) ? value : "") } }) };
  const { width, height } = canvas.parentElement.getBoundingClientRect();
  const named = (scale, text, room) => ({ ...scale, title: { display: Boolean(text), text: inLines(text, lettersIn(room), 2) } });
  const beside = sideways && { autoSkip: false, callback: shortened(lettersIn(NAMES_SHARE * width), labels.length > MANY_BARS ? 1 : 2) };
  const names = named({ stacked, grid: { display: false }, ticks: { ...beside } }, axes.names, sideways ? height : width);
  const counts = named(values, axes.values, sideways ? width : 0.7 * height);
  const addressAt = (elements) => bars[elements[0]?.index];
  return new Chart(canvas, {
    type: "bar",
    data: { labels, datasets },
    options: {
      locale,
      animation: false,
      maintainAspectRatio: false,
      indexAxis: sideways ? "y" : "x",
      interaction: { mode: "index", intersect: false, axis: sideways ? "y" : "x" },
      scales: sideways ? { x: counts, y: names } : { x: names, y: counts },
      onClick: (_, elements) => addressAt(elements) && location.assign(addressAt(elements)),
      onHover: (_, elements) => {
        canvas.style.cursor = addressAt(elements) ? "pointer" : "";
      },
      plugins: { legend: { display: stacked || series.length > 1, position: "bottom", labels: { boxWidth: 16 } } },
    },
  });
}
