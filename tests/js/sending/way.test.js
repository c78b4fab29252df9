import assert from "node:assert/strict";
import test from "node:test";

import { Way, letsWebSocketsThrough, tryOnce } from "../../../static/js/sending/way.js";

const settled = () => new Promise((resolve) => setImmediate(resolve));

function makeWay(given = {}) {
  const kept = new Map();
  const world = { opened: [], trials: 0, goes: false, back: 0, now: 0, kept };
  const storage = { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value), removeItem: (name) => kept.delete(name) };
  world.make = (more = {}) => new Way("token", {
    now: () => world.now,
    webSocket: () => (world.opened.push("socket"), (world.socket = new EventTarget())),
    http: () => (world.opened.push("http"), {}),
    trial: () => ((world.trials += 1), Promise.resolve(world.goes)),
    onWebSocket: () => (world.back += 1),
    storage,
    ...given,
    ...more,
  });
  world.way = world.make();
  return world;
}

test("HTTP is tried after two WebSockets that were opened in vain, and WebSockets again where that goes neither", () => {
  const world = makeWay();
  for (let times = 0; times < 6; times += 1) world.way.open("ws://x");
  assert.deepEqual(world.opened, ["socket", "socket", "http", "socket", "http", "socket"]);
});

test("a WebSocket over which something came is no failure, however often it is lost", () => {
  const world = makeWay();
  for (let times = 0; times < 5; times += 1) {
    world.way.open("ws://x");
    world.socket.dispatchEvent(new Event("message"));
  }
  assert.deepEqual(new Set(world.opened), new Set(["socket"]));
});

test("where the check found WebSockets blocked HTTP comes first, and stays while it works, over a reload too", () => {
  const world = makeWay({ blocked: true });
  world.way.open("ws://x");
  world.way.opened();
  world.way.open("ws://x");
  assert.deepEqual(world.opened, ["http", "http"]);
  const reloaded = world.make({ blocked: false });
  reloaded.open("ws://x");
  assert.equal(reloaded.isByHttp, true);
});

test("by HTTP it is looked now and then whether a WebSocket goes after all, and that one is taken", async () => {
  const world = makeWay({ blocked: true });
  world.way.open("ws://x");
  world.way.opened();
  world.way.tick();
  assert.equal(world.trials, 0);
  world.now += 120_000;
  world.way.tick();
  world.way.tick();
  await settled();
  assert.deepEqual([world.trials, world.back], [1, 0]);
  world.goes = true;
  world.now += 120_000;
  world.way.tick();
  await settled();
  assert.equal(world.back, 1);
  world.way.open("ws://x");
  world.way.opened();
  assert.deepEqual([world.opened.at(-1), world.kept.size], ["socket", 0]);
});

/** A socket of the check: what it does when it is opened. */
function fake(does) {
  const socket = { sent: [], close() {}, send: (data) => socket.sent.push(data) };
  queueMicrotask(() => does(socket));
  return socket;
}

test("a network lets WebSockets through where one opens and all that was sent is counted", async () => {
  const whole = (socket) => {
    socket.onopen();
    socket.onmessage({ data: JSON.stringify({ type: "trial", bytes: socket.sent[0].length }) });
  };
  const part = (socket) => {
    socket.onopen();
    socket.onmessage({ data: '{"bytes":1}' });
  };
  assert.equal(await tryOnce(() => fake(whole)), true);
  assert.equal(await tryOnce(() => fake(part)), false);
  assert.equal(await tryOnce(() => fake((socket) => socket.onerror())), false);
  assert.equal(await tryOnce(() => fake(() => {}), { ms: 5 }), false, "what never answers");
  assert.equal(await tryOnce(() => { throw new Error("blocked by policy"); }), false);
});

test("a trial that is refused is tried again: a whole room checks at once", async () => {
  let opened = 0;
  const pauses = [];
  const open = () => fake((socket) => {
    opened += 1;
    if (opened < 3) socket.onclose();
    else {
      socket.onopen();
      socket.onmessage({ data: JSON.stringify({ bytes: socket.sent[0].length }) });
    }
  });
  const pause = async (ms) => pauses.push(ms);
  assert.equal(await letsWebSocketsThrough(null, { open, pause }), true);
  assert.equal(pauses.length, 2);
  opened = -10;
  assert.equal(await letsWebSocketsThrough(null, { open, pause, tries: 2 }), false);
});
