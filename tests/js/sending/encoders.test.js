import assert from "node:assert/strict";
import test from "node:test";

import { H264Encoder, difference, faultOf, nalTypes } from "../../../static/js/sending/h264-encoder.js";
import { BlockTimes, packPackets } from "../../../static/js/sending/opus-encoder.js";

const KEY = [0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3];
const DELTA = [0, 0, 0, 1, 0x41, 4];
const chunks = (...list) => list.map((bytes, index) => ({ bytes: new Uint8Array(bytes), key: bytes.includes(0x65), at: index * 100 }));
const AT = [0, 100, 200];

test("the units of a picture are told by their start codes", () => {
  assert.deepEqual(nalTypes(new Uint8Array(KEY)), [7, 8, 5]);
});

test("a trial passes when every picture came out, in order, the first a key with its parameters", () => {
  assert.equal(faultOf(chunks(KEY, DELTA, DELTA), AT), "");
});

for (const [what, list, sent] of [
  ["a picture is missing", chunks(KEY, DELTA), AT],
  ["the first is no key", chunks(DELTA, DELTA, DELTA), AT],
  ["the key has no parameters", chunks(KEY.slice(12), DELTA, DELTA), AT],
  ["it is not Annex B", chunks([0, 0, 0, 2, 0x67, 1, 0, 0, 0, 2, 0x65, 3], DELTA, DELTA), AT],
  ["a chunk is empty", chunks(KEY, [], DELTA), AT],
  ["times are mixed up", chunks(KEY, DELTA, DELTA).reverse(), AT],
]) {
  test(`a trial fails when ${what}`, () => assert.notEqual(faultOf(list, sent), ""));
}

test("two pictures of one thing differ little, a green one much", () => {
  const grey = new Uint8ClampedArray(64).fill(128);
  const green = grey.map((value, index) => [0, 135, 0, 255][index % 4]);
  assert.equal(difference(grey, grey), 0);
  assert.ok(difference(grey, green) > 80);
});

/** A browser's encoder that the test holds in its hands. */
function withFakeEncoder(run) {
  const made = [];
  globalThis.VideoEncoder = class {
    static isConfigSupported = async () => ({ supported: true });
    state = "configured";
    asked = [];
    constructor(callbacks) {
      Object.assign(this, callbacks);
      made.push(this);
    }
    configure(config) {
      this.config = config;
    }
    encode(image, { keyFrame }) {
      this.asked.push({ timestamp: image.timestamp, keyFrame });
    }
    close() {
      this.state = "closed";
    }
    answer() {
      const { timestamp, keyFrame } = this.asked.shift();
      const type = keyFrame ? "key" : "delta";
      this.output({ timestamp, type, byteLength: 3, copyTo: (bytes) => bytes.fill(7) }, { svc: { temporalLayerId: 1 } });
    }
  };
  return run(made).finally(() => delete globalThis.VideoEncoder);
}

function picture(at, open) {
  open.add(at);
  return { timestamp: Math.round(at * 1000), clone: () => picture(at, open), close: () => open.delete(at) };
}

for (const [bitrate, keys] of [[350_000, [0, 1000, 1300, 2300, 3300, 4300]], [180_000, [0, 1300, 3300]]]) {
  test(`at ${bitrate} bits a second a key comes first, at its beat, and when it is asked for`, () =>
    withFakeEncoder(async (made) => {
      const out = [];
      const encoder = new H264Encoder((chunk) => out.push(chunk), assert.fail);
      assert.equal(await encoder.open({ width: 640, height: 480, bitrate, fps: 10, layers: true }), true);
      assert.equal(made[0].config.scalabilityMode, "L1T2");
      for (let beat = 0; beat < 5000; beat += 100) {
        const at = beat - (beat % 200 ? 20 : 0); // no beat is exact
        encoder.encode(picture(at, new Set()), at, beat === 1300);
        made[0].answer();
      }
      assert.deepEqual(out.filter(({ key }) => key).map(({ at }) => 100 * Math.round(at / 100)), keys);
      assert.deepEqual([...new Set(out.map(({ layer }) => layer))], [1]);
      assert.equal(out.length, 50);
    }));
}

test("when the encoder fails, the pictures it held are handed back and none stays open", () =>
  withFakeEncoder(async (made) => {
    const open = new Set();
    const back = [];
    const encoder = new H264Encoder(
      () => {},
      (images, reason) => back.push([images.map(({ at }) => at), reason]),
    );
    await encoder.open({ width: 640, height: 480, bitrate: 1, fps: 10, layers: false });
    assert.equal(encoder.encode(picture(100, open), 100, false), true);
    made[0].answer();
    assert.equal(open.size, 0);
    encoder.encode(picture(200, open), 200, false);
    made[0].error(new Error("the graphics card went away"));
    assert.deepEqual(back.map(([at]) => at), [[200]]);
    assert.equal(encoder.encode(picture(300, open), 300, false), false);
    assert.ok(!open.has(300));
  }));

test("an encoder that says nothing any more has failed", () =>
  withFakeEncoder(async () => {
    const back = [];
    const encoder = new H264Encoder(assert.fail, (images) => back.push(...images.map(({ at }) => at)));
    await encoder.open({ width: 640, height: 480, bitrate: 1, fps: 10, layers: false });
    const results = [];
    for (let at = 0; at < 3000; at += 100) results.push(encoder.encode(picture(at, new Set()), at, false));
    assert.equal(results.indexOf(false), 16);
    assert.equal(back.length, 16);
  }));

test("packets stand behind their lengths", () => {
  assert.deepEqual([...packPackets([new Uint8Array([1, 2]), new Uint8Array(300).fill(9)])].slice(0, 8), [2, 0, 1, 2, 44, 1, 9, 9]);
});

test("encoded sound keeps the page's own times, through a pause too", () => {
  const times = new BlockTimes();
  times.add(0, 1000);
  times.add(3200, 1203); // the page's clock is a little off the sound card's
  times.add(6400, 9000); // a break
  assert.equal(times.of(0), 1000);
  assert.equal(times.of(1600), 1100);
  assert.equal(times.of(3200), 1203);
  assert.equal(times.of(6720), 9020);
});

test("an encoder that never gets done has failed, and hands back what it held", (t) =>
  withFakeEncoder(async (made) => {
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const back = [];
    const encoder = new H264Encoder(assert.fail, (images) => back.push(...images.map(({ at }) => at)));
    await encoder.open({ width: 640, height: 480, bitrate: 1, fps: 10, layers: false });
    made[0].flush = () => new Promise(() => {});
    encoder.encode(picture(100, new Set()), 100, false);
    const flushed = encoder.flush();
    t.mock.timers.tick(2000);
    await flushed;
    assert.deepEqual(back, [100]);
    assert.equal(made[0].state, "closed");
  }));
