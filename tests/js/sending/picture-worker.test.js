import assert from "node:assert/strict";
import test from "node:test";

const KEY = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3];
const DELTA = [0, 0, 0, 1, 0x41, 4];
const FULL = { fps: 10, width: 640, height: 480, quality: 0.6, bitrate: 350_000, layers: true, stillMs: 1500 };
const LOWER = { ...FULL, bitrate: 180_000 };

/** The worker in a world that the test holds in its hands: an encoder that answers until it `hangs`, and canvases of which nothing is seen. */
async function startWorker() {
  const world = { posted: [], hangs: false };
  class Picture {
    displayWidth = 640;
    displayHeight = 480;
    constructor(_image, { timestamp }) {
      this.timestamp = timestamp;
    }
    clone() {
      return new Picture(this, this);
    }
    close() {}
  }
  class Canvas {
    constructor(width, height) {
      Object.assign(this, { width, height });
    }
    getContext() {
      return { canvas: this, drawImage() {}, getImageData: () => ({ data: new Uint8ClampedArray(4) }) };
    }
    async convertToBlob() {
      return new Blob(["jpeg"]);
    }
  }
  class Encoder {
    static isConfigSupported = async () => ({ supported: true });
    state = "configured";
    constructor(callbacks) {
      Object.assign(this, callbacks);
    }
    configure() {}
    encode({ timestamp }, { keyFrame }) {
      if (world.hangs) return;
      const bytes = keyFrame ? KEY : DELTA;
      this.output({ timestamp, type: keyFrame ? "key" : "delta", byteLength: bytes.length, copyTo: (target) => target.set(bytes) });
    }
    flush() {
      return world.hangs ? new Promise(() => {}) : Promise.resolve();
    }
    close() {
      this.state = "closed";
    }
  }
  Object.assign(globalThis, { VideoFrame: Picture, OffscreenCanvas: Canvas, VideoEncoder: Encoder, onmessage: null });
  globalThis.postMessage = (message) => world.posted.push(message);
  await import("../../../static/js/sending/picture-worker.js");
  world.take = (at, wanted) => globalThis.onmessage({ data: { image: new Picture(null, { timestamp: 0 }), wanted, at, key: false } });
  world.pictures = () => world.posted.filter(({ bytes }) => bytes).map(({ at, codec }) => [at, codec]);
  return world;
}

test("an encoder that hangs at a step down holds nothing up and loses no picture: JPEG from then on, in order", async (t) => {
  const world = await startWorker();
  for (let at = 0; at < 500; at += 100) await world.take(at, FULL); // the trial
  await new Promise(setImmediate);
  await world.take(500, FULL);
  assert.deepEqual(world.pictures().at(-1), [500, "h264"]);

  t.mock.timers.enable({ apis: ["setTimeout"] });
  world.hangs = true;
  await world.take(600, FULL);
  await world.take(700, FULL);
  world.posted.length = 0;
  const taken = world.take(800, LOWER);
  await new Promise(setImmediate);
  t.mock.timers.tick(2000);
  await taken;
  assert.deepEqual(world.pictures(), [[600, "jpeg"], [700, "jpeg"], [800, "jpeg"]]);
  assert.deepEqual(world.posted.at(-1), { done: true });
  await world.take(900, LOWER);
  assert.deepEqual(world.pictures().at(-1), [900, "jpeg"]);

  // All these pictures are alike; after how long that is told is the server's to say.
  const frozen = () => world.posted.filter((message) => "frozen" in message);
  for (const at of [1400, 1900, 2400]) await world.take(at, { ...LOWER, stillMs: 5000 });
  assert.deepEqual(frozen(), []);
  await world.take(2900, LOWER);
  assert.deepEqual(frozen(), [{ frozen: true, gives: false }]);
});
