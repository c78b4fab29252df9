// The live page's connections to the servers of the exams that it shows.

import assert from "node:assert/strict";
import test from "node:test";

import { WallSockets } from "../../../static/js/proctor/wall-sockets.js";

class Connection {
  heard = new Map();
  isClosed = false;

  constructor(key) {
    this.key = key;
  }

  on(event, heard) {
    this.heard.set(event, heard);
  }

  close() {
    this.isClosed = true;
  }
}

function wall(most = 3) {
  const made = [];
  const own = new Connection("own");
  const sockets = new WallSockets(own, (key) => (made.push(new Connection(key)), made.at(-1)), { most });
  return { sockets, own, made, keys: () => made.filter(({ isClosed }) => !isClosed).map(({ key }) => key) };
}

test("where the server is alone the page's own connection serves every exam", () => {
  const { sockets, own, made } = wall();
  assert.equal(sockets.want(["a", "b"]), false);
  assert.equal(sockets.of("a"), own);
  assert.equal(made.length, 0);
  assert.equal(sockets.missing, 0);
});

test("each key has one connection, which hears what the page does; what has no key is the page's own", () => {
  const { sockets, own, made, keys } = wall();
  sockets.alone = false;
  const seen = [];
  sockets.on("early", (what) => seen.push(what));
  assert.equal(sockets.want(["a", "b", "a", ""]), true);
  assert.equal(sockets.want(["b", "a", ""]), false);
  assert.deepEqual(keys(), ["a", "b"]);
  sockets.on("late", (what) => seen.push(what));
  made[1].heard.get("early")(1);
  made[0].heard.get("late")(2);
  assert.deepEqual(seen, [1, 2]);
  assert.equal(sockets.of("b"), made[1]);
  assert.equal(sockets.of(""), own);
});

test("no more are opened than a handful, what is shown first, and what is open stays", () => {
  const { sockets, keys } = wall();
  sockets.alone = false;
  sockets.want(["a", "b"], ["hidden", "more"]);
  assert.deepEqual(keys(), ["a", "b", "hidden"]);
  assert.equal(sockets.missing, 0, "nobody looks at what is hidden");
  sockets.want(["c", "d", "a", "b"]);
  assert.deepEqual(keys().sort(), ["a", "b", "c"]);
  assert.equal(sockets.of("d"), null);
  assert.equal(sockets.missing, 1);
  sockets.want(["d"], ["a", "b", "c"]);
  assert.deepEqual(keys().sort(), ["a", "b", "d"]);
  assert.equal(sockets.missing, 0);
});

test("the connections go when the other servers do", () => {
  const { sockets, own, keys } = wall();
  sockets.alone = false;
  sockets.want(["a", "b"]);
  sockets.alone = true;
  assert.equal(sockets.want(["a", "b"]), true);
  assert.deepEqual(keys(), []);
  assert.equal(sockets.of("a"), own);
});
