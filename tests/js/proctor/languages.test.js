// The proctors' texts in another language: words, plural forms, decimals and the order of what stands in a sentence are the catalogue's.

import assert from "node:assert/strict";
import test from "node:test";

const texts = {
  "%(count)s flag left": ["noch %(count)s Meldung", "noch %(count)s Meldungen"],
  "Confirmed (%(reason)s) by %(name)s": "Von %(name)s bestätigt (%(reason)s)",
  "Glasses": "Brille",
  "%(text)s (%(note)s)": "%(text)s – %(note)s",
  "Can’t tell for %(time)s": "Seit %(time)s nicht zu erkennen",
  "too dark": "zu dunkel",
  "left in %(count)s reading": ["links in %(count)s Messung", "links in %(count)s Messungen"],
  "likeness to the student’s own voice %(likeness)s of 1": "Ähnlichkeit mit der eigenen Stimme %(likeness)s von 1",
  "Last %(count)s interval: %(scores)s": ["Letzter Abschnitt: %(scores)s", "Letzte %(count)s Abschnitte: %(scores)s"],
  "%(score)s flagged": "%(score)s gemeldet",
};
const forms = Array.from({ length: 200 }, (unused, count) => (count === 1 ? 0 : 1));

globalThis.document = { documentElement: { lang: "de" }, querySelector: (selector) => (selector === "meta[name=catalogue]" ? { content: "/de.json" } : null) };
globalThis.fetch = async () => ({ ok: true, json: async () => ({ texts, forms }) });
const { texts: said } = await import("../../../static/js/proctor/texts.js");
const { unreadLines } = await import("../../../static/js/proctor/unread.js");

test("words and plural forms are those of the page's language", () => {
  assert.equal(said.review.left(1), "noch 1 Meldung");
  assert.equal(said.review.left(3), "noch 3 Meldungen");
  assert.equal(said.evidence.directions({ left: 2 }), "links in 2 Messungen");
  assert.equal(said.live.recent([{ score: 5, flagged: false }, { score: 12, flagged: true }]), "Letzte 2 Abschnitte: 5, 12 gemeldet");
});

test("what stands in a sentence stands where the language wants it", () => {
  assert.equal(said.review.decided({ decision: "confirmed", reason: "glasses", by: "Ada" }), "Von Ada bestätigt (Brille)");
  assert.equal(said.unwatchedFor(42, "dark"), "Seit 0:42 nicht zu erkennen – zu dunkel");
});

test("decimals are written as the language writes them", () => {
  assert.equal(said.evidence.own(0.214), "Ähnlichkeit mit der eigenen Stimme 0,21 von 1");
});

test("what nobody has translated is said in English", () => {
  const [line] = unreadLines({ gaze: { of_s: 100, unread_s: 50, reasons: { dark: 50 } } });
  assert.equal(line, "Where the student looked could not be read: 0:50 of 1:40 – zu dunkel");
});
