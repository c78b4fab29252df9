// Texts in the page's language, with a catalogue as the server gives it.

import assert from "node:assert/strict";
import test from "node:test";

let pages = 0;

/** The module as a page in `lang` has it; `answer` is its catalogue, or what the server answers instead. */
async function pageIn(lang, answer, dir = "ltr") {
  const asked = [];
  globalThis.document = { documentElement: { lang, dir }, querySelector: (selector) => (selector === "meta[name=catalogue]" && answer !== undefined ? { content: `/texts/${lang}/student.json` } : null) };
  globalThis.fetch = async (address) => {
    asked.push(address);
    if (answer instanceof Error) throw answer;
    return answer instanceof Response ? answer : Response.json(answer);
  };
  pages += 1;
  return { ...(await import(`../../../static/js/shared/translate.js?page=${pages}`)), asked };
}

const ARABIC = (n) => (n === 0 ? 0 : n === 1 ? 1 : n === 2 ? 2 : n % 100 >= 3 && n % 100 <= 10 ? 3 : n % 100 >= 11 ? 4 : 5);
const formsOf = (rule) => Array.from({ length: 200 }, (_, count) => rule(count));

test("a page in English asks for no catalogue and says what stands in the program", async () => {
  const { _, ngettext, language, asked } = await pageIn("en", undefined);
  assert.deepEqual([language, asked], ["en", []]);
  assert.equal(_("Ready."), "Ready.");
  assert.equal(_("%(who)s is 100 %% sure", { who: "Anna" }), "Anna is 100 % sure");
  assert.equal(_("100 % sure"), "100 % sure", "without values nothing is filled in");
  assert.deepEqual([0, 1, 2].map((n) => ngettext("%(count)s flag", "%(count)s flags", n)), ["0 flags", "1 flag", "2 flags"]);
});

test("a text is said as its catalogue says it, its values where the language has them, and one that is missing in English", async () => {
  const { _, ngettext, language, asked } = await pageIn("de", { texts: { "From %(who)s to %(to)s": "An %(to)s von %(who)s", "Ready.": "Bereit." }, forms: formsOf((n) => Number(n !== 1)) });
  assert.deepEqual([language, asked], ["de", ["/texts/de/student.json"]]);
  assert.equal(_("Ready."), "Bereit.");
  assert.equal(_("From %(who)s to %(to)s", { who: "Anna", to: "%(who)s" }), "An %(who)s von Anna", "what somebody wrote is no placeholder");
  assert.equal(_("Not said yet, %(who)s.", { who: "Anna" }), "Not said yet, Anna.");
  assert.equal(_("%(who)s", {}), "");
  assert.deepEqual([1, 2].map((n) => ngettext("%(count)s lamp", "%(count)s lamps", n)), ["1 lamp", "2 lamps"]);
});

test("a number has the form that its language has for it, all six of Arabic's", async () => {
  const six = ["zero", "one", "two", "few %(count)s", "many %(count)s", "other %(count)s"];
  const { ngettext } = await pageIn("ar", { texts: { "%(count)s flag": six }, forms: formsOf(ARABIC) });
  const said = (n) => ngettext("%(count)s flag", "%(count)s flags", n);
  assert.deepEqual([0, 1, 2, 3, 11, 100, 102, 103, 111].map(said), ["zero", "one", "two", "few 3", "many 11", "other 100", "other 102", "few 103", "many 111"]);
  assert.deepEqual([200, 1003, 1011].map((n) => said(n).split(" ")[0]), ["other", "few", "many"], "beyond the table the last two figures tell");
});

test("a value beside the count is filled in, too", async () => {
  const { ngettext } = await pageIn("de", { texts: { "%(count)s break of %(minutes)s min": ["eine Pause zu %(minutes)s min", "%(count)s Pausen zu %(minutes)s min"] }, forms: formsOf((n) => Number(n !== 1)) });
  const said = (n) => ngettext("%(count)s break of %(minutes)s min", "%(count)s breaks of %(minutes)s min", n, { minutes: "7,5" });
  assert.deepEqual([said(1), said(2)], ["eine Pause zu 7,5 min", "2 Pausen zu 7,5 min"]);
});

test("without its catalogue a page speaks English and does all it should", async () => {
  for (const answer of [new Error("no network"), new Response("gone", { status: 404 }), new Response("<html>", { status: 200 })]) {
    const { _, ngettext } = await pageIn("de", answer);
    assert.equal(_("Ready."), "Ready.");
    assert.equal(ngettext("%(count)s flag", "%(count)s flags", 3), "3 flags");
  }
});

test("numbers and lists are written as the page's language writes them, with figures as the page has them", async () => {
  const german = await pageIn("de", { texts: {}, forms: [] });
  assert.equal(german.locale.split("-u-")[0].split("-")[0], "de");
  assert.deepEqual([german.number(1234.56, 1), german.number(7)], ["1.234,6", "7"]);
  assert.equal(german.list(["Ada", "12:03"]), "Ada, 12:03", "a name and its time are joined by no “and”");
  const arabic = await pageIn("ar", { texts: {}, forms: [] });
  assert.deepEqual([arabic.number(25), arabic.list(["a", "b"])], ["25", "a، b"]);
  const english = await pageIn("en", undefined);
  assert.deepEqual([english.number(0.5, 2), english.list(["a", "b", "c"]), english.list(["a"])], ["0.50", "a, b, c", "a"]);
});

test("where lines begin at the right a name keeps its own direction, and a record has no mark of it", async () => {
  const { _, inEnglish, inRow } = await pageIn("ar", { texts: { "%(name)s waits": "ينتظر %(name)s" }, forms: [] }, "rtl");
  const said = _("%(name)s waits", { name: "12-a" });
  assert.equal(said, "ينتظر \u206812-a\u2069");
  assert.equal(_("%(name)s waits", { name: "علي" }), "ينتظر علي");
  assert.equal(inRow(["12-a", 3], " · "), "\u206812-a\u2069 · \u20683\u2069");
  assert.equal(inEnglish(said), "12-a waits");
});

test("what goes on record is English, whatever the page said", async () => {
  const texts = { "Microphone found": "Mikrofon gefunden", "%(name)s: %(text)s": "%(name)s – %(text)s", "No sound.": "Kein Ton." };
  const { _, inEnglish } = await pageIn("de", { texts, forms: [] });
  assert.equal(inEnglish(_("No sound.")), "No sound.");
  const said = _("%(name)s: %(text)s", { name: _("Microphone found"), text: _("No sound.") });
  assert.equal(said, "Mikrofon gefunden – Kein Ton.");
  assert.equal(inEnglish(said), "Microphone found: No sound.");
  assert.equal(inEnglish("Never said"), "Never said");
});

test("one English text that means two things is said as its context wants it, and a record has the English alone", async () => {
  const { _, pgettext, inEnglish } = await pageIn("fr", { texts: { "Confirmed": "Confirmé", "flags\u0004Confirmed": "Confirmés" }, forms: [] });
  assert.deepEqual([_("Confirmed"), pgettext("flags", "Confirmed"), pgettext("device", "off")], ["Confirmé", "Confirmés", "off"]);
  assert.equal(inEnglish("Confirmés"), "Confirmed");
});

test("a figure with its sign stands from left to right in a text that does not", async () => {
  const [arabic, english] = [await pageIn("ar", { texts: {}, forms: [] }, "rtl"), await pageIn("en", undefined)];
  assert.deepEqual([arabic.leftToRight("+10"), english.leftToRight("+10")], ["\u2066+10\u2069", "+10"]);
});
