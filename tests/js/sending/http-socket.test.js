import assert from "node:assert/strict";
import test from "node:test";

import { HttpSocket, packBatch } from "../../../static/js/sending/http-socket.js";

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A socket whose calls the test answers. */
async function makeSocket() {
  const calls = [];
  const world = { calls, heard: [], closed: [], waits: [], now: 0 };
  const post = (query, body, signal) => new Promise((resolve, reject) => calls.push({ query, body, signal, resolve, reject }));
  const wait = (ms) => (world.waits.push(ms), Promise.resolve());
  world.socket = new HttpSocket(post, { now: () => world.now, wait, id: "a-connection-of-mine" });
  world.socket.onmessage = ({ data }) => world.heard.push(JSON.parse(data));
  world.socket.onclose = ({ code }) => world.closed.push(code);
  world.answer = async (messages = [], over = "", status = 200) => {
    calls.at(-1).resolve({ status, answer: { batch: calls.at(-1).query.batch, messages, over } });
    await settled();
  };
  world.pass = async (ms) => {
    world.now += ms;
    world.socket.tick();
    await settled();
  };
  await settled();
  return world;
}

test("a batch holds each message behind its kind and its length", () => {
  const body = packBatch(["é", new Uint8Array([7, 8, 9])]);
  assert.deepEqual([...body], [1, 2, 0, 0, 0, 0xc3, 0xa9, 2, 3, 0, 0, 0, 7, 8, 9]);
});

test("the connection is opened by an empty batch, and each one after it has the next number", async () => {
  const world = await makeSocket();
  assert.deepEqual([world.calls[0].query, world.calls[0].body.length], [{ connection: "a-connection-of-mine", batch: 0 }, 0]);
  await world.answer();
  await world.pass(600);
  assert.equal(world.calls[1].query.batch, 1);
});

test("what is answered to the server at once goes at once, and the rest waits for its turn", async () => {
  const world = await makeSocket();
  world.socket.onmessage = () => world.socket.send('{"type":"clock"}');
  await world.answer([{ type: "clock", id: 1 }]);
  assert.equal(world.calls.length, 2);
  world.socket.onmessage = () => {};
  await world.answer([{ type: "received", count: 1 }]);
  world.socket.send("later");
  await world.pass(100);
  assert.equal(world.calls.length, 2);
  await world.pass(500);
  assert.equal(world.calls.length, 3);
});

test("what the server does not have yet is under way, until its batch is answered", async () => {
  const world = await makeSocket();
  await world.answer();
  world.socket.send(new Uint8Array(1000));
  assert.equal(world.socket.bufferedAmount, 1000);
  await world.pass(600);
  world.socket.send(new Uint8Array(10));
  assert.equal(world.socket.bufferedAmount, 1000 + 5 + 10);
  await world.answer();
  assert.equal(world.socket.bufferedAmount, 10);
});

test("a batch that did not come through is sent again under its number, and then the connection is given up", async () => {
  const world = await makeSocket();
  await world.answer();
  world.socket.send("once");
  await world.pass(600);
  for (const _ of [1, 2, 3]) {
    world.calls.at(-1).reject(new TypeError("network"));
    await settled();
  }
  assert.deepEqual(world.calls.slice(1).map(({ query }) => query.batch), [1, 1, 1, 1]);
  assert.equal(new Set(world.calls.slice(1).map(({ body }) => String(body))).size, 1);
  assert.deepEqual(world.closed, []);
  await world.answer([], "", 502);
  assert.deepEqual(world.closed, [1006]);
});

test("what waits goes in batches of bounded size, in order, and a large message alone", async () => {
  const world = await makeSocket();
  await world.answer();
  for (const size of [20_000, 20_000, 300_000, 5]) world.socket.send(new Uint8Array(size));
  const sizes = [];
  while (world.socket.bufferedAmount) {
    await world.pass(600);
    sizes.push(world.calls.at(-1).body.length);
    world.now += 1000; // a line of 20 KB/s or so
    await world.answer();
  }
  assert.deepEqual(sizes, [20_005, 20_005, 300_005, 10]);
});

test("an end of the connection is told once, and nothing is sent after it", async () => {
  const world = await makeSocket();
  await world.answer([{ type: "quality", notices: [] }], "again");
  assert.deepEqual([world.heard.length, world.closed], [1, [1013]]);
  world.socket.send("too late");
  await world.pass(5000);
  assert.equal(world.calls.length, 1);
});

test("too much is told as a server that has no room, a refusal as a lost connection", async () => {
  for (const [status, code] of [[429, 1013], [401, 1006], [413, 1006]]) {
    const world = await makeSocket();
    await world.answer([], "", status);
    assert.deepEqual(world.closed, [code]);
  }
});

test("a socket that is closed here ends its call, and says nothing", async () => {
  const world = await makeSocket();
  world.socket.close();
  assert.equal(world.calls[0].signal.aborted, true);
  await world.answer([{ type: "welcome" }]);
  assert.deepEqual([world.heard, world.closed, world.socket.bufferedAmount], [[], [], 0]);
});

test("a message that nobody takes is left out, and what follows goes under its number", async () => {
  const world = await makeSocket();
  await world.answer();
  world.socket.send(new Uint8Array(100_000));
  world.socket.send("after it");
  await world.pass(600);
  await world.answer([], "", 413);
  await world.pass(600);
  assert.deepEqual([world.calls.at(-1).query.batch, world.calls.at(-1).body.length, world.closed], [1, 13, []]);
});
