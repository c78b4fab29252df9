// The notices of a running exam: a line each, whose button is what its notice has now.

import assert from "node:assert/strict";
import test from "node:test";
import { Notices } from "../../../static/js/portal/notices.js";

class Element {
  constructor(name) {
    Object.assign(this, { name, children: [], dataset: {}, textContent: "", listeners: {} });
  }
  append(...children) {
    for (const child of children) this.appendChild(child);
  }
  appendChild(child) {
    child.parent = this;
    this.children.push(child);
    return child;
  }
  remove() {
    this.parent.children.splice(this.parent.children.indexOf(this), 1);
  }
  contains() {
    return false;
  }
  querySelector(name) {
    return this.children.find((child) => child.name === name) ?? null;
  }
  setAttribute(name, value) {
    if (name === "data-code") this.dataset.code = value;
  }
  addEventListener(kind, does) {
    this.listeners[kind] = does;
  }
}

test("the button of a notice that stays says and does what the notice has now", () => {
  const list = new Element("ul");
  globalThis.document = { createElement: (name) => new Element(name), getElementById: () => list, activeElement: null };
  const notices = new Notices();
  const done = [];
  notices.set("password", "It is kept here.", { text: "Show", does: () => done.push("shown") });
  const [item] = list.children;
  const button = item.querySelector("button");
  button.listeners.click();
  notices.set("password", "It is: kelp.", { text: "Hide", does: () => done.push("hidden") });
  assert.deepEqual([item.querySelector("span").textContent, item.querySelector("button")], ["It is: kelp.", button], "the focus stays in it");
  assert.equal(button.textContent, "Hide");
  button.listeners.click();
  assert.deepEqual(done, ["shown", "hidden"]);
  notices.set("password", "It is over.");
  assert.equal(item.querySelector("button"), null);
  notices.set("password", null);
  assert.deepEqual(list.children, []);
});
