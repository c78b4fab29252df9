import assert from "node:assert/strict";
import test from "node:test";
import { decodeMessage } from "../../../static/js/sending/link-protocol.js";
import { makeLink } from "./made-link.js";

test("the clock is answered at once with the page's time", () => {
  const world = makeLink();
  world.link.connect();
  world.now = 5432.5;
  world.hear({ type: "clock", id: 7, server_ms: 12 });
  assert.deepEqual(world.sent(), [{ type: "clock", id: 7, server_ms: 12, page_ms: 5432.5, page: "a clock" }]);
});

test("a computer that slept connects anew at once, and what was done before goes by the clock of then", async () => {
  const world = makeLink();
  world.link.connect();
  world.hear({ type: "welcome" });
  await world.link.act({ id: "a", kind: "copy", page_ms: 1 });
  world.clock.now = "another clock";
  world.link.tick();
  assert.equal(world.sockets.length, 2);
  await world.link.act({ id: "b", kind: "cut", page_ms: 2 });
  world.hear({ type: "welcome" });
  const acts = (page, id, kind, page_ms) => ({ type: "acts", page, acts: [{ id, kind, page_ms }] });
  assert.deepEqual(world.sent(), [acts("a clock", "a", "copy", 1), acts("another clock", "b", "cut", 2)]);
  world.link.tick();
  assert.equal(world.sockets.length, 2);
});

test("no media leaves before the welcome", () => {
  const world = makeLink();
  world.link.connect();
  world.link.picture(new Uint8Array([1]), 1);
  world.link.sound(new Int16Array([1]), 1);
  assert.equal(world.sockets[0].sent.length, 0);
  world.hear({ type: "welcome" });
  world.link.picture(new Uint8Array([1]), 42);
  world.link.picture(new Uint8Array([1]), 43);
  world.link.sound(new Int16Array([1]), 44);
  const media = world.sockets[0].sent.map(decodeMessage);
  assert.deepEqual(media.map(({ kind, sequence, time }) => [kind, sequence, time]), [[1, 0, 42], [1, 1, 43], [2, 0, 44]]);
});

test("pictures are skipped while earlier ones are under way, wherever they wait, and sound goes on", () => {
  const world = makeLink();
  world.link.connect();
  world.hear({ type: "welcome" });
  const kinds = () => world.sockets[0].sent.filter((data) => typeof data !== "string").map((data) => decodeMessage(data).kind);
  world.link.room = 50_000;
  world.link.picture(new Uint8Array(60_000), 1); // the socket says that nothing waits: the system has taken it
  world.now += 700;
  assert.equal(world.link.isFree, false);
  world.link.picture(new Uint8Array([1]), 2);
  world.link.sound(new Int16Array([1]), 2);
  assert.deepEqual(kinds(), [1, 2]);
  assert.deepEqual([world.link.underWay.bytes, world.link.underWay.late], [60_000 + 2 * 16 + 2, 700]);
  world.hear({ type: "received", count: 1 });
  assert.ok(world.link.isFree);
  world.link.picture(new Uint8Array([1]), 3);
  assert.deepEqual(kinds(), [1, 2, 1]);
});

test("a still of the screen holds up no picture, and no other still goes while it is under way", () => {
  const world = makeLink();
  world.link.connect();
  world.hear({ type: "welcome" });
  const kinds = () => world.sockets[0].sent.filter((data) => typeof data !== "string").map((data) => decodeMessage(data).kind);
  world.link.room = 50_000;
  world.link.still(new Uint8Array(100_000), 1);
  world.link.still(new Uint8Array(100_000), 2);
  assert.ok(world.link.isFree);
  world.link.picture(new Uint8Array([1]), 3);
  assert.deepEqual(kinds(), [3, 1]);
  assert.ok(world.link.underWay.bytes > 100_000);
  world.hear({ type: "received", count: 2 });
  world.link.still(new Uint8Array(100_000), 4);
  assert.deepEqual(kinds(), [3, 1, 3]);
});

test("what was under way on a lost connection is under way no more", () => {
  const world = makeLink();
  world.link.connect();
  world.hear({ type: "welcome" });
  world.link.picture(new Uint8Array(60_000), 1);
  world.sockets[0].onclose({ code: 1006 });
  world.now += 500;
  world.link.tick();
  world.hear({ type: "welcome" });
  assert.equal(world.link.underWay.bytes, 0);
});

test("acts are sent again after a break until they are acknowledged, and once only", async () => {
  const world = makeLink();
  world.link.connect();
  world.hear({ type: "welcome" });
  await world.link.act({ id: "a", kind: "copy", page_ms: 1 });
  await world.link.act({ id: "b", kind: "cut", page_ms: 2 });
  world.hear({ type: "acts", ids: ["a"] });
  world.sockets[0].onclose({ code: 1006 });
  await world.link.act({ id: "c", kind: "paste", page_ms: 3 });
  world.now += 500;
  world.link.tick();
  world.hear({ type: "welcome" });
  assert.equal(world.sockets.length, 2);
  assert.deepEqual(world.sent().at(-1).acts.map(({ id }) => id), ["b", "c"]);
});

test("an act that the server can't read is not sent for ever", async () => {
  const world = makeLink();
  world.link.connect();
  world.hear({ type: "welcome" });
  await world.link.act({ id: "odd", kind: "?", page_ms: 1 });
  world.hear({ type: "error", code: "invalid", message: "…", act_id: "odd" });
  assert.deepEqual([world.queue.size, world.link.state], [0, "open"]);
});

test("attempts wait longer and longer, and a welcome forgets them", () => {
  const world = makeLink();
  world.link.connect();
  const waits = [];
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const lostAt = world.now;
    const before = world.sockets.length;
    world.sockets.at(-1).onclose({ code: 1006 });
    while (world.sockets.length === before) {
      world.now += 100;
      world.link.tick();
    }
    waits.push(world.now - lostAt);
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 5000]);
  world.hear({ type: "welcome" });
  world.sockets.at(-1).onclose({ code: 1001 });
  world.now += 500;
  world.link.tick();
  assert.equal(world.link.state, "connecting");
});

test("a connection on which nothing moves any more is given up", () => {
  const world = makeLink();
  world.link.connect();
  world.hear({ type: "welcome" });
  world.sockets[0].bufferedAmount = 50_000;
  world.link.tick();
  world.now += 7000;
  world.link.tick();
  assert.equal(world.link.state, "open");
  world.now += 2000;
  world.link.tick();
  assert.deepEqual([world.link.state, world.sockets[0].closed], ["waiting", true]);
});

test("a slow connection that still moves is kept", () => {
  const world = makeLink();
  world.link.connect();
  world.hear({ type: "welcome" });
  for (let second = 0; second < 60; second += 1) {
    world.sockets[0].bufferedAmount = second % 4 === 0 ? 40_000 : 90_000;
    world.now += 1000;
    if (second % 10 === 0) world.hear({ type: "clock", id: second, server_ms: second * 1000 });
    world.link.tick();
  }
  assert.equal(world.link.state, "open");
});

test("a connection over which the server says nothing is given up, also when nothing waits to leave", () => {
  const world = makeLink();
  world.link.connect();
  world.hear({ type: "welcome" });
  world.now += 24_000;
  world.link.tick();
  assert.equal(world.link.state, "open");
  world.now += 2000;
  world.link.tick();
  assert.deepEqual([world.link.state, world.sockets[0].closed], ["waiting", true]);
});

test("a page whose exam moves to another server comes again each second, and its acts stay until they are acknowledged", async () => {
  const world = makeLink();
  world.link.connect();
  world.hear({ type: "welcome" });
  await world.link.act({ id: "a", kind: "copy", page_ms: 1 });
  for (const sockets of [2, 3, 4]) {
    world.hear({ type: "moved" });
    world.sockets.at(-1).onclose({ code: 1013 });
    world.now += 1000;
    world.link.tick();
    assert.equal(world.sockets.length, sockets);
  }
  world.hear({ type: "welcome" });
  assert.deepEqual([world.link.state, world.queue.size, world.sent().map(({ type }) => type)], ["open", 1, ["acts"]]);
});

test("a page that is kept out of its exam is told, and comes again", () => {
  const world = makeLink();
  world.link.connect();
  world.hear({ type: "seb" });
  world.sockets[0].onclose({ code: 1013 });
  assert.deepEqual([world.told.filter(([name]) => name === "seb").length, world.link.state], [1, "waiting"]);
});

test("a page that was replaced, or whose exam ended, does not come back", () => {
  for (const type of ["replaced", "ended"]) {
    const world = makeLink();
    world.link.connect();
    world.hear({ type: "welcome" });
    world.hear({ type });
    world.sockets[0].onclose({ code: 1000 });
    world.now += 60_000;
    world.link.tick();
    assert.deepEqual([world.link.state, world.sockets.length], [type, 1]);
    world.link.end();
    assert.deepEqual(world.sent(), []);
  }
});

test("what an earlier socket still says is not heard", () => {
  const world = makeLink();
  world.link.connect();
  world.link.drop();
  world.now += 500;
  world.link.tick();
  world.hear({ type: "welcome" }, world.sockets[0]);
  assert.equal(world.link.state, "connecting");
});

/** Lose the connection and be welcomed by the next one. */
function reconnect(world) {
  world.sockets.at(-1).onclose({ code: 1006 });
  world.now += 5000;
  world.link.tick();
  world.hear({ type: "welcome" });
}

test("the end of the exam is said at each welcome until the server knows, after all that was done before it", async () => {
  const world = makeLink();
  world.link.connect();
  world.link.end(); // there is no way yet
  assert.deepEqual(world.sent(), []);
  await world.link.act({ id: "a", kind: "copy", page_ms: 1 });
  world.hear({ type: "welcome" });
  assert.deepEqual(world.sent().map(({ type }) => type), ["acts", "end"]);
  reconnect(world); // it was lost on the way
  assert.deepEqual(world.sent().map(({ type }) => type), ["acts", "end"]);
});

test("the end that is said on a line that carries nothing any more is said again", () => {
  const world = makeLink();
  world.link.connect();
  world.hear({ type: "welcome" });
  world.link.end();
  assert.deepEqual(world.sent(), [{ type: "end" }]);
  world.now += 26_000;
  world.link.tick(); // given up
  world.now += 5000;
  world.link.tick();
  world.hear({ type: "welcome" });
  assert.equal(world.sockets.length, 2);
  assert.deepEqual(world.sent(), [{ type: "end" }]);
});

test("an end is told with its code and note", () => {
  const world = makeLink();
  world.link.connect();
  world.hear({ type: "welcome" });
  world.hear({ type: "ended", reason: "ended by the proctor: fire drill", code: "proctor", note: "fire drill" });
  assert.deepEqual(world.told.at(-1), ["state", "ended", { code: "proctor", note: "fire drill" }]);
});

test("a message that was read is told as read, also later, and not shown again", () => {
  const world = makeLink();
  const shown = () => world.told.filter(([name]) => name === "message").map(([, { id }]) => id);
  world.link.connect();
  world.hear({ type: "welcome" });
  world.hear({ type: "message", id: "m1", text: "Ten minutes left." });
  world.sockets[0].onclose({ code: 1006 });
  world.link.read("m1"); // there is no way at the moment
  world.now += 5000;
  world.link.tick();
  world.hear({ type: "message", id: "m1", text: "Ten minutes left." }); // the server can't know yet
  world.hear({ type: "message", id: "m2", text: "Five." });
  world.hear({ type: "welcome" });
  assert.deepEqual(shown(), ["m1", "m2"]);
  assert.deepEqual(world.sent(), [{ type: "read", id: "m1" }]);
  world.link.read("m2");
  assert.deepEqual(world.sent().at(-1), { type: "read", id: "m2" });
});

test("when the network is there again it is tried at once, whatever the attempts before waited for", () => {
  const world = makeLink();
  world.link.connect();
  for (let attempt = 0; attempt < 6; attempt += 1) {
    world.sockets.at(-1).onclose({ code: 1006 });
    world.now += 5000;
    world.link.tick();
  }
  world.sockets.at(-1).onclose({ code: 1006 });
  const before = world.sockets.length;
  world.link.hurry();
  assert.equal(world.sockets.length, before + 1);
  assert.equal(world.link.state, "connecting");
  world.sockets.at(-1).onclose({ code: 1006 });
  world.now += 500;
  world.link.tick();
  assert.equal(world.sockets.length, before + 2); // and the waits begin anew
});

test("an open connection is given up when the network has changed, and a final one is left alone", () => {
  const world = makeLink();
  world.link.connect();
  world.hear({ type: "welcome" });
  world.link.hurry();
  assert.deepEqual([world.sockets.length, world.sockets[0].closed, world.link.state], [2, true, "connecting"]);
  world.hear({ type: "replaced" });
  world.link.hurry();
  assert.deepEqual([world.sockets.length, world.link.state], [2, "replaced"]);
});

test("an act right after waking waits until the clock is known anew, and says how far its clock is from the one of now", async () => {
  const world = makeLink();
  world.clock.apart = 1_000_000;
  world.link.connect();
  world.hear({ type: "welcome" });
  await world.link.act({ id: "before", kind: "copy", page_ms: 1 });
  world.clock.now = "slept";
  world.clock.apart = 1_060_000; // the computer slept for a minute
  await world.link.act({ id: "woken", kind: "cut", page_ms: 2 });
  assert.deepEqual(world.sent().map((said) => said.acts.map((act) => act.id)), [["before"]]);
  world.link.tick();
  world.hear({ type: "welcome" });
  assert.deepEqual(world.sent(), [
    { type: "acts", page: "a clock", shift_ms: -60_000, acts: [{ id: "before", kind: "copy", page_ms: 1 }] },
    { type: "acts", page: "slept", shift_ms: 0, acts: [{ id: "woken", kind: "cut", page_ms: 2 }] },
  ]);
});
