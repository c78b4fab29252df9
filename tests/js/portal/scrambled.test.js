import assert from "node:assert/strict";
import test from "node:test";

import { judgeBrowser } from "../../../static/js/portal/checks.js";
import { isFarFromDrawn, scramblerOf, scrambles } from "../../../static/js/portal/scrambled.js";

/** A canvas that keeps what is drawn, and gives it back as `read` changes it. */
function canvas(read) {
  const pixels = new Uint8ClampedArray(4 * 32 * 32).fill(255);
  const context = {
    fillRect(x, y, width, height) {
      const colour = this.fillStyle.match(/\d+/g).map(Number);
      for (let row = y; row < y + height; row += 1) for (let column = x; column < x + width; column += 1) pixels.set(colour, 4 * (32 * row + column));
    },
    getImageData: () => ({ data: pixels.map(read) }),
  };
  return () => ({ getContext: () => context });
}

test("a picture that comes back as it was drawn is not scrambled, nor one of which a few bits are changed", () => {
  assert.equal(scrambles(canvas((level) => level)), false);
  assert.equal(scrambles(canvas((level, at) => level ^ (at % 7 ? 0 : 1))), false);
});

test("noise, one colour, stripes and nothing at all are", () => {
  let seed = 1;
  const noise = () => (seed = (seed * 16807) % 2147483647) % 256;
  assert.equal(scrambles(canvas(noise)), true);
  assert.equal(scrambles(canvas(() => 255)), true);
  assert.equal(scrambles(canvas((level, at) => (at % 64 < 8 ? 0 : level))), true);
  assert.equal(isFarFromDrawn(new Uint8ClampedArray(0)), true);
});

test("the check says it with the advice of this browser", () => {
  assert.equal(scramblerOf({ brave: {}, userAgent: "Chrome/140" }), "brave");
  assert.equal(scramblerOf({ userAgent: "Mozilla/5.0 Gecko/20100101 Firefox/140.0" }), "firefox");
  assert.equal(scramblerOf({ userAgent: "Chrome/140" }), "other");
  const all = ["Worker", "WebSocket", "OffscreenCanvas", "AudioWorkletNode", "createImageBitmap", "indexedDB"];
  const scope = { isSecureContext: true, navigator: { mediaDevices: { getUserMedia() {} }, userAgent: "Firefox/140.0" }, ...Object.fromEntries(all.map((name) => [name, 1])) };
  assert.equal(judgeBrowser(scope).state, "ready");
  const row = judgeBrowser(scope, true);
  assert.deepEqual([row.state, row.detail], ["warning", "scrambled"]);
  assert.match(row.text, /resistFingerprinting/);
});
