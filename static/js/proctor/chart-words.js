// The words at a chart's scales: names in as many lines as there is room for, days as the reader writes them. Pure.

import { locale } from "../shared/translate.js";

const ELLIPSIS = "…";
const DAY_LENGTH = 10; // of 2024-10-05; a month is 2024-10

/** `text` in at most `most` lines of at most `letters`, broken after a space or a hyphen where it can be; what has no room ends in "…". */
export function inLines(text, letters, most) {
  const room = Math.max(letters, 4);
  const lines = [""];
  for (const part of text.match(/[^\s-]*[\s-]|[^\s-]+$/g) ?? []) {
    if (lines.at(-1) && (lines.at(-1) + part).trimEnd().length > room) lines.push("");
    lines[lines.length - 1] += part;
  }
  const shown = lines.slice(0, most).map((line) => line.trimEnd());
  if (lines.length > most) shown[most - 1] += ELLIPSIS;
  return shown.map((line) => (line.length > room ? `${line.slice(0, room - 1).trimEnd()}${ELLIPSIS}` : line));
}

const formats = new Map();

function format(name, options) {
  if (!formats.has(name)) formats.set(name, new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options }));
  return formats.get(name);
}

/** A day (`2024-10-05`) or a month (`2024-10`) as the reader writes it. */
export function dayName(label) {
  const whole = label.length === DAY_LENGTH;
  return format(whole ? "day" : "month", whole ? { dateStyle: "medium" } : { month: "short", year: "numeric" }).format(Date.parse(whole ? label : `${label}-01`));
}

/** The same for a row of them beside each other: the year stands there only where it is not the same for all. */
export function dayNames(labels) {
  const oneYear = labels.every((label) => label.length === DAY_LENGTH && label.slice(0, 4) === labels[0].slice(0, 4));
  return labels.map((label) => (oneYear ? format("short", { day: "numeric", month: "short" }).format(Date.parse(label)) : dayName(label)));
}
