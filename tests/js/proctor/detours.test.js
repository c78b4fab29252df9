// Keys that lead to a server at which a session is, though its exam's key leads to another one.

import assert from "node:assert/strict";
import test from "node:test";

import { Detours, WallDetours } from "../../../static/js/proctor/detours.js";

/** What stands in front, with these servers behind it: each key leads to one of them. */
function front(servers) {
  const asked = [];
  const at = (key) => servers[parseInt(key.slice(0, 8), 16) % servers.length];
  return { asked, at, answered: async (key) => (asked.push(key), at(key)) };
}

test("a key is sought until one leads to the server, and is kept", async () => {
  const { asked, at, answered } = front(["a", "b", "c"]);
  const detours = new Detours({ answered });
  const [key, same] = await Promise.all([detours.find("b"), detours.find("b")]);
  assert.equal(at(key), "b");
  assert.equal(same, key);
  assert.match(key, /^[0-9a-f]{32}$/);
  const before = asked.length;
  assert.equal(await detours.find("b"), key);
  assert.equal(asked.length, before);
});

test("one that leads there no more is replaced", async () => {
  const { at, answered } = front(["a", "b"]);
  const detours = new Detours({ answered });
  const worn = await detours.find("b");
  const key = await detours.find("b", worn);
  assert.notEqual(key, worn);
  assert.equal(at(key), "b");
});

test("a search in vain ends, throws nothing, and begins anew after a minute", async () => {
  let now = 0;
  let asked = 0;
  const detours = new Detours({ answered: async () => (asked += 1) % 2 ? "a" : Promise.reject(new Error("503")), now: () => now });
  assert.equal(await detours.find("gone"), null);
  const first = asked;
  assert.ok(first > 10 && first < 100);
  assert.equal(await detours.find("gone"), null);
  assert.equal(asked, first);
  now += 61_000;
  await detours.find("gone");
  assert.equal(asked, 2 * first);
  assert.equal(await detours.find(""), null, "on its way it is at no server");
});

function tile(route) {
  const made = { status: { route }, detour: null, update: (more) => Object.assign(made.status, more) };
  return made;
}

test("a tile is watched where its session is, until that moves", async () => {
  const { at, answered } = front(["a", "b"]);
  const ann = tile("key-to-a");
  const changed = [];
  const wall = new WallDetours(new Map([["ann", ann]]), (id) => changed.push(id), new Detours({ answered }));
  await wall.away("ann", "b");
  assert.equal(at(ann.detour), "b");
  assert.deepEqual([changed, wall.lost], [["ann"], false]);
  await wall.away("nobody", "b");
  wall.home("ann");
  assert.deepEqual([ann.detour, changed], [null, ["ann", "ann"]]);
  wall.home("ann");
  assert.equal(changed.length, 2);
});

test("where no key leads there the tile says at which server it is", async () => {
  const ann = tile("key-to-a");
  const wall = new WallDetours(new Map([["ann", ann]]), () => assert.fail("nothing has changed"), new Detours({ answered: async () => "a" }));
  await wall.away("ann", "b");
  assert.deepEqual([ann.detour, ann.status.elsewhere, wall.lost], [null, "b", true]);
});
