// The exam page's side: it finds its window on each page, opens one at a press only, and believes the server's site alone.

import assert from "node:assert/strict";
import test from "node:test";
import { barOf } from "../../../static/js/snippet/bar.js";
import { Watcher } from "../../../static/js/snippet/watcher.js";

const HOME = "https://proctor.example/path/";
const settled = () => new Promise((resolve) => setImmediate(resolve));

class Window {
  closed = false;
  told = [];
  location = { href: "about:blank", replace: (href) => (this.location.href = href) };

  focus() {}

  postMessage(message, origin) {
    this.told.push([message, origin]);
  }
}

class Storage {
  kept = new Map();

  getItem(key) {
    return this.kept.get(key) ?? null;
  }

  setItem(key, value) {
    this.kept.set(key, value);
  }

  removeItem(key) {
    this.kept.delete(key);
  }
}

function examPage({ sessionStorage, ...more } = {}) {
  const at = { ms: 0 };
  const states = [];
  let hear;
  const opened = [];
  const page = { document: { hidden: false, hasFocus: () => true }, addEventListener: (_type, heard) => (hear = heard), sessionStorage, open: (...how) => (opened.push(how), more.gives ?? null) };
  const watcher = new Watcher(page, { home: new URL(HOME), exam: "k", token: async () => "a.b.c", id: "p", now: () => at.ms, onChange: ({ state }) => states.push(state), ...more });
  const says = (source, data, origin = "https://proctor.example") => hear({ source, origin, data: { proctor: 1, exam: "k", ...data } });
  return { at, watcher, states, says, opened };
}

const here = (state, more = {}) => ({ says: "here", state, focused: false, blur_ms: 700, ...more });

test("a new page finds the window that is there, opens none, and tells it what is done", () => {
  const { at, watcher, states, says, opened } = examPage();
  const window = new Window();
  at.ms = 1000;
  watcher.look();
  says(window, here("watched", { focused: true }));
  assert.deepEqual(states, ["watched"]);
  assert.deepEqual([watcher.hasFocus, watcher.blurLeast, opened.length], [true, 700, 0]);
  watcher.act({ id: "x", kind: "copy", page_ms: 5, detail: "nothing selected" }, 12);
  assert.deepEqual(window.told, [
    [{ proctor: 1, exam: "k", page: "p", says: "there", hidden: false, focused: true }, "https://proctor.example"],
    [{ proctor: 1, exam: "k", page: "p", says: "act", kind: "copy", age_ms: 12, detail: "nothing selected" }, "https://proctor.example"],
  ]);
});

test("without a window it says so, and a press opens it by name; one that is kept from opening is said", () => {
  const window = new Window();
  const { at, watcher, states, opened } = examPage({ gives: window, lang: "de" });
  at.ms = 4100;
  watcher.look();
  watcher.open();
  assert.deepEqual(states, ["none", "opening"]);
  assert.deepEqual(opened[0].slice(0, 2), ["", "proctor-k"]);
  assert.equal(window.location.href, "https://proctor.example/path/embed/window/k?lang=de");
  const blocked = examPage();
  blocked.watcher.open();
  assert.deepEqual(blocked.states, ["blocked"]);
});

test("a window of which the page before knew is sought, not said to be closed, until it is heard or was seen closed", () => {
  const sessionStorage = new Storage();
  const window = new Window();
  const first = examPage({ sessionStorage });
  first.says(window, here("watched"));
  const second = examPage({ sessionStorage });
  second.at.ms = 4100;
  second.watcher.look();
  second.says(window, here("watched"));
  window.closed = true;
  second.watcher.look();
  const third = examPage({ sessionStorage });
  third.at.ms = 4100;
  third.watcher.look();
  assert.deepEqual([second.states, third.states], [["sought", "watched", "closed"], ["none"]]);
  third.says(new Window(), here("over"));
  const [fourth, barred] = [examPage({ sessionStorage }), examPage()];
  for (const { at, watcher } of [fourth, barred]) watcher.look((at.ms = 4100));
  assert.deepEqual([fourth.states, barred.states], [["none"], ["none"]], "it had ended; and nothing is kept");
});

test("a press shows a window that is there, and loads it anew only where it does not answer", () => {
  const sessionStorage = new Storage();
  sessionStorage.setItem("proctor-k", "there");
  const window = new Window();
  Object.defineProperty(window.location, "href", { get: () => assert.fail("another site's") });
  const { at, watcher, states, says, opened } = examPage({ sessionStorage, gives: window });
  at.ms = 4100;
  watcher.look();
  watcher.open();
  assert.deepEqual([opened[0][0], window.told[0][0].says, states], ["", "there", ["sought"]]);
  says(window, here("paused"));
  at.ms = 25_000;
  watcher.look();
  watcher.open();
  assert.deepEqual(states, ["sought", "paused", "silent", "opening"]);
  assert.match(opened[1][0], /embed.window.k$/);
});

test("a closed window is told, one that falls silent too, and the end stays the end", () => {
  const { at, watcher, states, says } = examPage();
  const window = new Window();
  says(window, here("watched"));
  at.ms = 20_100;
  watcher.look();
  says(window, here("watched"));
  window.closed = true;
  watcher.look();
  const again = new Window();
  says(again, here("over"));
  again.closed = true;
  watcher.look();
  assert.deepEqual(states, ["watched", "silent", "watched", "closed", "over"]);
});

test("a window whose timers sleep is called, and no oftener than every five seconds", () => {
  const { at, watcher, says } = examPage();
  const window = new Window();
  says(window, here("check"));
  for (at.ms = 100; at.ms <= 12_000; at.ms += 100) watcher.look();
  assert.deepEqual([window.told.map(([{ says: what }]) => what), watcher.state], [["there", "there", "there"], "check"]);
});

test("only the server's site is believed, of this exam, and only states that there are", () => {
  const { watcher, states, says } = examPage();
  says(new Window(), here("watched"), "https://other.example");
  says(new Window(), here("constructor"));
  says(new Window(), { ...here("watched"), exam: "another" });
  says(null, here("watched"));
  says(new Window(), { says: "here", state: { toString: "watched" } });
  assert.deepEqual([states, watcher.state], [[], "looking"]);
});

test("the start token goes to the server's site alone, one at a time, and an empty one where there is none", async () => {
  let asked = 0;
  const { says } = examPage({ token: async () => `a.b.${(asked += 1)}\n` });
  const window = new Window();
  says(window, { says: "token" });
  says(window, { says: "token" });
  await settled();
  assert.deepEqual(window.told, [[{ proctor: 1, exam: "k", page: "p", says: "token", token: "a.b.1" }, "https://proctor.example"]]);
  const failing = [async () => Promise.reject(new Error("403")), ...["", "<!doctype html><title>Log in</title>", '"a.b.c"', `a.b.${"c".repeat(5000)}`].map((text) => async () => text)];
  for (const token of failing) {
    const none = examPage({ token });
    none.says(window, { says: "token" });
    await settled();
    assert.equal(window.told.pop()[0].token, "");
  }
});

test("the bar says what to do, with the button for it", () => {
  const words = { states: { none: "not open", watched: "watched", over: "over" }, message: "something to read" };
  assert.deepEqual(barOf("none", false, words), { words: "not open", needs: true, sign: "▲", opens: "open", shows: false });
  assert.deepEqual(barOf("watched", false, words), { words: "watched", needs: false, sign: "●", opens: null, shows: true });
  assert.deepEqual(barOf("watched", true, words), { words: "watched something to read", needs: true, sign: "▲", opens: null, shows: true });
  assert.deepEqual(barOf("over", false, words), { words: "over", needs: false, sign: "○", opens: "open", shows: false });
});
