// Texts in the reader's language. The page names the file with its language's texts; they are here before the first module that says one begins. English needs none.

const page = globalThis.document;

/** The page's language, such as `de`. */
export const language = page?.documentElement.lang || "en";

/** The same for `Intl`, with the reader's own region where the browser tells one, and figures as everything else on the page has them. */
export const locale = (() => {
  const own = globalThis.navigator?.languages?.find((one) => one.split("-")[0] === language) ?? language;
  return `${own}${own.includes("-u-") ? "" : "-u-nu-latn"}`;
})();

async function read(address) {
  try {
    const answer = await fetch(address);
    return answer.ok ? await answer.json() : {};
  } catch {
    return {}; // in English the page still does all it should
  }
}

const address = page?.querySelector("meta[name=catalogue]")?.content;
const { texts = {}, forms = null } = address ? await read(address) : {};

// A name or an ID that runs from left to right keeps its direction within a sentence that doesn't. What runs as the sentence does stays bare: an element
// that takes its direction from what it says looks past what is set apart.
const RUNS_FROM_RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;
const placed = page?.documentElement.dir === "rtl" ? (value) => (value === "" || RUNS_FROM_RIGHT.test(value) ? value : `\u2068${value}\u2069`) : (value) => value;

const filled = (text, values, as = placed) => (values ? text.replace(/%(?:%|\((\w+)\)s)/g, (whole, name) => (whole === "%%" ? "%" : as(String(values[name] ?? "")))) : text);

/** A text of a record, which is kept in English, in the page's language where it has one. */
export function saidAgain(text) {
  return texts[text] ?? text;
}

const KEPT = 100;
const made = new Map(); // what was filled in, in English, the newest last

function remember(said, text, values) {
  const inThem = Object.entries(values).map(([name, value]) => [name, inEnglish(value)]);
  made.delete(said);
  made.set(said, filled(text, Object.fromEntries(inThem), (value) => value.replace(/[\u2068\u2069]/g, "")));
  if (made.size > KEPT) made.delete(made.keys().next().value);
}

/** A text in the page's language. Its placeholders (`%(name)s`) are filled from `values`; only with values `%` is written `%%`. */
export function _(text, values) {
  const said = filled(texts[text] ?? text, values);
  if (values && address) remember(said, text, values);
  return said;
}

const BETWEEN = "\u0004"; // as gettext keeps a text with its context

/** A text that means one thing here and another elsewhere, told apart by `context`, which nobody reads. */
export function pgettext(context, text) {
  return texts[`${context}${BETWEEN}${text}`] ?? text;
}

/** In English what `_` has said here: for a record, which is read by others. What it has not said of late stays as it is. */
export function inEnglish(said) {
  return made.get(said) ?? Object.keys(texts).find((text) => texts[text] === said)?.split(BETWEEN).at(-1) ?? said;
}

/** A text that depends on a whole number, which stands in it as `%(count)s`. */
export function ngettext(one, many, count, values) {
  const found = texts[one];
  const form = Array.isArray(found) && forms ? (found[forms[count < forms.length ? count : 100 + (count % 100)]] ?? found.at(-1)) : count === 1 ? one : many;
  return filled(form, { count: number(count), ...values });
}

const formats = new Map();

/** A number as the page's language writes it, with so many digits after the point. */
export function number(value, digits = 0) {
  if (!formats.has(digits)) formats.set(digits, new Intl.NumberFormat(locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  return formats.get(digits).format(value);
}

const COMMA = { ar: "، ", fa: "، ", ja: "、", ur: "، ", zh: "、" }[language] ?? ", "; // `Intl` has an "and" in most lists, which a name and its time don't bear

/** What runs from left to right within any text, such as `+10`. */
export const leftToRight = page?.documentElement.dir === "rtl" ? (text) => `\u2066${text}\u2069` : (text) => text;

/** Several things in a row, with the comma of the page's language. */
export function list(items) {
  return inRow(items, COMMA);
}

/** Several things in a row, each of which keeps its own direction. */
export function inRow(items, separator) {
  return items.map((item) => placed(String(item))).join(separator);
}
