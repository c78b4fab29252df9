import assert from "node:assert/strict";
import test from "node:test";

import { ActQueue } from "../../../static/js/sending/act-queue.js";
import { MemoryStore } from "../../../static/js/sending/act-store.js";
import { Link } from "../../../static/js/sending/link.js";

/** A link over one socket that the test holds in its hands, on a clock of its own. */
function makeLink() {
  const sent = [];
  const world = { now: 1000, told: [], sent: () => sent };
  const socket = { bufferedAmount: 0, send: (data) => sent.push(JSON.parse(data)), close: () => {} };
  const on = { call: (message) => world.told.push(["call", message]) };
  world.link = new Link("ws://x", new ActQueue(new MemoryStore(), "s"), on, { open: () => socket, now: () => world.now, clock: { now: "a clock" } });
  world.hear = (message) => socket.onmessage({ data: JSON.stringify(message) });
  return world;
}

test("a line on which nothing is acknowledged is known to be dead after five seconds, and a slow one is not", () => {
  const world = makeLink();
  world.link.connect();
  world.hear({ type: "welcome" });
  world.link.device("camera", "ok", "");
  world.now += 4900;
  assert.equal(world.link.isStalled, false);
  world.now += 200;
  assert.equal(world.link.isStalled, true);
  world.hear({ type: "clock", id: 1, server_ms: 1 });
  assert.equal(world.link.isStalled, false, "something is heard");
  world.hear({ type: "received", count: 2 });
  world.now += 9000;
  assert.equal(world.link.isStalled, false, "nothing is under way");
});

test("the student's call is said while there is a way, and its state is told", () => {
  const world = makeLink();
  assert.equal(world.link.call("too early"), false);
  world.link.connect();
  world.hear({ type: "welcome" });
  assert.equal(world.link.call("My mouse"), true);
  world.link.call(null);
  assert.deepEqual(world.sent(), [{ type: "call", text: "My mouse" }, { type: "uncall" }]);
  world.hear({ type: "call", call: { at: 3, text: "My mouse" } });
  assert.deepEqual(world.told.at(-1), ["call", { type: "call", call: { at: 3, text: "My mouse" } }]);
});

test("each attempt names its page and counts, so that the server knows which of two is the newer", () => {
  const world = makeLink();
  const addresses = [];
  Object.assign(world.link, { name: "p", open: (address) => (addresses.push(address), { close: () => {} }) });
  world.link.connect();
  world.link.url = "ws://x?e=1";
  world.link.hurry();
  assert.deepEqual(addresses, ["ws://x?page=p&attempt=1", "ws://x?e=1&page=p&attempt=2"]);
});

test("how the page is, is said while there is a way", () => {
  const world = makeLink();
  world.link.page({ hidden: true });
  world.link.connect();
  world.hear({ type: "welcome" });
  world.link.page({ hidden: false });
  assert.deepEqual(world.sent(), [{ type: "page", hidden: false }]);
});
