import assert from "node:assert/strict";
import test from "node:test";

import { Pictures, canLoad, fitSize } from "../../../static/js/sending/pictures.js";

/** The workers that a page opens; what each of them says is the test's to choose. */
function workers(t) {
  const opened = [];
  globalThis.Worker = class {
    isOpen = true;
    asked = [];
    constructor() {
      opened.push(this);
    }
    postMessage(message) {
      this.asked.push(message);
    }
    terminate() {
      this.isOpen = false;
    }
  };
  t.after(() => delete globalThis.Worker);
  return opened;
}

test("whether what makes the pictures can be loaded is found by loading it, and leaves nothing open", async (t) => {
  const opened = workers(t);
  for (const loads of [true, false]) {
    const found = canLoad();
    const worker = opened.at(-1);
    if (loads) worker.onmessage({ data: { loaded: true } });
    else worker.onerror({});
    assert.equal(await found, loads);
    assert.equal(worker.isOpen, false);
  }
});

test("what makes the pictures is loaded again until it is there, and the page is told of both", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  globalThis.HTMLMediaElement = { HAVE_CURRENT_DATA: 2 };
  globalThis.createImageBitmap = async () => ({});
  const opened = workers(t);
  const told = [];
  const pictures = new Pictures({ readyState: 4, videoWidth: 640, videoHeight: 480 }, () => {}, () => {}, (loaded) => told.push(loaded));
  await pictures.tick(true);
  opened[0].onerror({ message: "not found" });
  t.mock.timers.tick(4000);
  assert.equal(opened.length, 1);
  t.mock.timers.tick(1000);
  opened[1].onmessage({ data: { loaded: true } });
  assert.deepEqual(told, [false, true]);
  assert.deepEqual(opened.map((worker) => worker.isOpen), [false, true]);
  await pictures.tick(true);
  assert.deepEqual(opened.map((worker) => worker.asked.length), [0, 1]);
  pictures.close();
  assert.equal(opened[1].isOpen, false);
});

test("a page that closes while it waits to load again opens nothing more", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const opened = workers(t);
  const pictures = new Pictures({}, () => {});
  opened[0].onerror({});
  pictures.close();
  t.mock.timers.tick(60_000);
  assert.equal(opened.length, 1);
});

test("an upright camera's pictures are as large as those of one that lies", () => {
  const most = { width: 640, height: 480 };
  assert.deepEqual(fitSize(1280, 720, most), { width: 640, height: 360 });
  assert.deepEqual(fitSize(720, 1280, most), { width: 360, height: 640 });
  assert.deepEqual(fitSize(960, 1280, most), { width: 480, height: 640 });
  assert.deepEqual(fitSize(320, 240, most), { width: 320, height: 240 });
});
