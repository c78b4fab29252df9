// The window's side of an exam's page of another site: what it tells that page, and how much it takes of what that page says.

import assert from "node:assert/strict";
import test from "node:test";
import { Outside, standing } from "../../../static/js/portal/outside.js";

const SITE = "https://exams.example";

class NoWorker {
  postMessage() {}
}

function opened({ sites = `${SITE} https://other.example`, hasOpener = true, Worker = NoWorker } = {}) {
  const at = { ms: 0 };
  const heard = {};
  const told = [];
  const opener = { closed: false, postMessage: (message, origin) => told.push([message, origin]) };
  const bar = { dataset: { link: "open" }, hasAttribute: () => true };
  const body = { dataset: { examKey: "k", sites, blurMinS: "0.5", step: "exam" } };
  const lists = { "exam-bar": bar, "exam-messages": { childElementCount: 0 }, "exam-notices": { childElementCount: 0 } };
  const document = { body, hasFocus: () => false, getElementById: (id) => lists[id] ?? null };
  const page = { document, opener: hasOpener ? opener : null, addEventListener: (type, hear) => (heard[type] = hear), setInterval() {}, setTimeout, Worker };
  const outside = new Outside(page, { now: () => at.ms, clock: () => 1e6 + at.ms });
  const says = (data, { origin = SITE, source = opener } = {}) => heard.message?.({ origin, source, data: { proctor: 1, exam: "k", ...data } });
  return { at, outside, says, told, body, bar, lists, document };
}

test("how the exam stands is told to each of the sites by name, and to the one that answered alone", () => {
  const { at, outside, says, told } = opened();
  outside.tick();
  const here = { proctor: 1, exam: "k", says: "here", state: "watched", focused: false, message: false, blur_ms: 500 };
  assert.deepEqual(told.splice(0), [[here, SITE], [here, "https://other.example"]]);
  says({ says: "there" });
  at.ms = 500;
  outside.tick();
  assert.deepEqual(told, []); // nothing new, and it was said just now
  at.ms = 1000;
  outside.tick();
  assert.deepEqual(told, [[here, SITE]]);
});

test("a notice in the window, of a camera that gives nothing, is told as something to read, and so is a message", () => {
  const { at, outside, told, lists } = opened({ sites: SITE });
  const said = ["exam-notices", "exam-messages"].map((id) => {
    lists[id].childElementCount = 1;
    outside.tick();
    lists[id].childElementCount = 0;
    at.ms += 1000;
    outside.tick();
    return told.splice(0).map(([{ message }]) => message);
  });
  assert.deepEqual(said, [[true, false], [true, false]]);
});

test("a window whose timers sleep answers a page that calls it, and does not answer its answer", () => {
  const { at, outside, says, told } = opened({ sites: SITE });
  outside.tick();
  at.ms = 60_000;
  says({ says: "there", hidden: false });
  says({ says: "there", hidden: false });
  assert.deepEqual(told.map(([{ says: what }]) => what), ["here", "here"]);
});

test("a window whose own timers sleep says each second that it is there, by a worker's ticks", () => {
  const workers = [];
  class Worker {
    constructor(address) {
      workers.push({ worker: this, file: address.pathname.split("/").at(-1) });
    }

    postMessage({ period }) {
      workers.at(-1).period = period;
    }
  }
  const { at, told } = opened({ sites: SITE, Worker });
  const [{ worker, file, period }, ...others] = workers;
  assert.deepEqual([file, period, others], ["worker-timer.js", 1000, []]);
  for (at.ms = 1000; at.ms <= 3000; at.ms += period) worker.onmessage();
  assert.deepEqual(told.map(([{ says: what }]) => what), ["here", "here", "here"]);
  opened({ sites: "", Worker });
  assert.equal(workers.length, 1, "an exam that no other site starts has none");
});

test("a page that was left and went is away no longer than until another says that it is in sight", () => {
  const { outside, says } = opened();
  outside.watch(() => {}, () => {});
  says({ says: "act", kind: "tab_hidden" });
  const there = [undefined, true, "false", false].map((hidden) => (says({ says: "there", hidden }), outside.isThere));
  assert.deepEqual(there, [false, false, false, true]);
});

test("a leaving ends when another page stands before the student, where the one that told it went meanwhile", () => {
  const { outside, says } = opened();
  const acts = [];
  let takes = true;
  outside.watch((act) => takes && acts.push([act.kind, act.detail]), () => {});
  const there = (page, more) => says({ says: "there", page, hidden: false, focused: true, ...more });
  says({ says: "act", kind: "tab_hidden", page: "one" });
  there("one"); // tells it itself
  there("two", { focused: false });
  there("two", { hidden: true });
  takes = false; // a break
  there("two");
  takes = true;
  assert.deepEqual(acts.splice(0), [["tab_hidden", undefined]]);
  there("two");
  there("two");
  assert.deepEqual(acts.splice(0), [["tab_visible", "at the start"]]);
  says({ says: "act", kind: "window_blur", detail: "elsewhere", page: "two" });
  there("three");
  assert.deepEqual(acts.splice(0), [["window_blur", "elsewhere"], ["window_focus", "unproven"]]);
  says({ says: "act", kind: "tab_hidden", page: "three" });
  says({ says: "act", kind: "tab_hidden", detail: "at the start", page: "four" }); // one leaving, over two pages
  there("four");
  says({ says: "act", kind: "tab_visible", page: "four" });
  there("five");
  assert.deepEqual(acts, [["tab_hidden", undefined], ["tab_visible", undefined]]);
});

test("what is done on the exam's page goes on as that page's word, with what is known of it and no more", () => {
  const { outside, says } = opened();
  const acts = [];
  says({ says: "act", kind: "copy" }); // no exam runs yet
  outside.watch((act) => acts.push(act), () => {});
  says({ says: "act", kind: "copy", age_ms: 200, detail: "nothing selected", id: "theirs", told_by: "us" });
  says({ says: "act", kind: "window_blur", age_ms: 1e9, detail: "whatever they like" });
  for (const kind of ["tab_switch", "share_stopped", "__proto__", 7, null]) says({ says: "act", kind });
  assert.deepEqual(
    acts.map(({ id, ...act }) => [id.length, act]),
    [
      [36, { kind: "copy", page_ms: 1e6 - 200, told_by: "exam_page", detail: "nothing selected" }],
      [36, { kind: "window_blur", page_ms: 1e6 - 5000, told_by: "exam_page", detail: "unclear" }],
    ],
  );
  assert.equal(outside.isThere, true);
  says({ says: "act", kind: "tab_hidden" });
  assert.equal(outside.isThere, false);
  says({ says: "act", kind: "tab_visible" });
  assert.equal(outside.isThere, true);
  outside.rest();
  says({ says: "act", kind: "copy" });
  assert.equal(acts.length, 4);
});

test("a page that floods is heard no more often than anybody acts", () => {
  const { at, outside, says } = opened();
  let count = 0;
  outside.watch(() => (count += 1), () => {});
  for (let number = 0; number < 500; number += 1) says({ says: "act", kind: "paste" });
  assert.equal(count, 20);
  at.ms = 3000;
  for (let number = 0; number < 500; number += 1) says({ says: "act", kind: "paste" });
  assert.equal(count, 26);
});

test("another site, another window and another exam are not heard", () => {
  const { outside, says } = opened();
  const acts = [];
  outside.watch((act) => acts.push(act), () => {});
  says({ says: "act", kind: "copy" }, { origin: "https://evil.example" });
  says({ says: "act", kind: "copy" }, { origin: "null" });
  says({ says: "act", kind: "copy" }, { source: {} });
  says({ says: "act", kind: "copy", exam: "another" });
  says({ says: "act", kind: "copy", proctor: 2 });
  assert.deepEqual(acts, []);
});

test("a page that falls silent is told once, and its return too", () => {
  const { at, outside, says } = opened();
  const lost = [];
  outside.watch(() => {}, (is) => lost.push(is));
  at.ms = 14_000;
  outside.tick();
  assert.equal(outside.isThere, true);
  at.ms = 15_100;
  outside.tick();
  at.ms = 16_200;
  outside.tick();
  assert.equal(outside.isThere, false);
  says({ says: "there" });
  outside.tick();
  assert.deepEqual(lost, [true, false]);
});

test("the token is asked for until the page answers; without a page nobody is waited for", async () => {
  const { outside, says, told } = opened();
  let waits = 0;
  const wait = async () => ((waits += 1) === 2 ? says({ says: "token", token: "a.b.c" }) : undefined);
  assert.deepEqual(await outside.askToken(wait), { token: "a.b.c", origin: SITE });
  assert.deepEqual(told.map(([{ says: what }]) => what), ["token", "token", "token", "token"]); // to two sites, twice
  const long = opened();
  assert.deepEqual(await long.outside.askToken(async () => long.says({ says: "token", token: "x".repeat(5000) })), { token: "", origin: SITE });
  assert.equal(await opened().outside.askToken(async () => {}), null);
  assert.equal(await opened({ hasOpener: false }).outside.askToken(() => assert.fail("waits")), null);
});

test("an exam that no other site starts has no such page", () => {
  const { outside, told } = opened({ sites: "" });
  outside.tick();
  assert.deepEqual([outside.isOn, outside.isThere, told], [false, null, []]);
});

test("how it stands follows the portal's step and its bar", () => {
  const { body, bar, document } = opened();
  const states = [standing(document)];
  bar.hasAttribute = () => false;
  states.push(standing(document));
  bar.dataset.link = "waiting";
  states.push(standing(document));
  for (const step of ["check", "done"]) states.push(standing(document, (body.dataset.step = step)));
  document.getElementById = () => ({ hidden: false }); // the button by which it goes on here
  assert.deepEqual([...states, standing(document)], ["watched", "paused", "offline", "check", "over", "check"]);
});
