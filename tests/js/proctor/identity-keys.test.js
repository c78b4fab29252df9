// What a key means where people compare students with their cards, who comes next, and in which order pictures lie.

import assert from "node:assert/strict";
import { test } from "node:test";
import { identityAction, laidOut, nextUndecided } from "../../../static/js/proctor/identity-keys.js";

test("each key has its action, not with a modifier and not while it is held", () => {
  for (const [key, action] of [["j", "next"], ["K", "previous"], ["a", "accept"], ["q", "query"], ["n", "undecided"]]) assert.equal(identityAction({ key }), action);
  assert.equal(identityAction({ key: "a", repeat: true }), null);
  assert.equal(identityAction({ key: "a", ctrlKey: true }), null);
  assert.equal(identityAction({ key: "constructor" }), null);
});

test("the next one is who is undecided behind, then from the beginning", () => {
  const rows = ["open", "accepted", "queried", "open"].map((stands) => ({ stands }));
  assert.equal(nextUndecided(rows, 0), 3);
  assert.equal(nextUndecided(rows, 3), 0);
  assert.equal(nextUndecided(rows.slice(1, 3), 0), -1);
  assert.equal(nextUndecided([{ stands: "open" }], 0), -1, "it stands there already");
});

test("card and face lie side by side, the newest first, then what the exam gave", () => {
  const pictures = [{ kind: "still", name: 1 }, { kind: "face", name: 2 }, { kind: "card", name: 3 }, { kind: "face", name: 4 }, { kind: "room", name: 5 }, { kind: "still", name: 6 }];
  assert.deepEqual(laidOut(pictures).map(({ name }) => name), [3, 4, 2, 1, 6, 5]);
});
