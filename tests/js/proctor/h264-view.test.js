// What a browser that decodes H.264 is given: pictures cut apart, and the codec's name as the parameters have it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { canDecode, codecOf, cut } from "../../../static/js/proctor/h264-view.js";

test("the codec's name is that of the parameters, wherever they stand", () => {
  assert.equal(codecOf(new Uint8Array([0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 1, 0, 0, 1, 0x65, 9])), "avc1.42c01f");
  assert.equal(codecOf(new Uint8Array([0, 0, 1, 9, 0xf0, 0, 0, 1, 0x27, 0x64, 0x00, 0x0a, 7])), "avc1.64000a");
  assert.equal(codecOf(new Uint8Array([0, 0, 1, 0x65, 1, 2, 3, 4, 5])), null);
  assert.equal(codecOf(new Uint8Array([0, 0, 1, 0x67])), null);
});

test("pictures are cut apart, from a buffer and from an odd place in one", () => {
  const bytes = new Uint8Array([9, 1, 2, 3, 4, 5]);
  assert.deepEqual(cut(bytes.subarray(1), [2, 3]).map((one) => [...one]), [[1, 2], [3, 4, 5]]);
  assert.deepEqual(cut(bytes.buffer, [6]).map((one) => [...one]), [[9, 1, 2, 3, 4, 5]]);
  assert.throws(() => cut(bytes, [5]), /6 bytes/);
});

test("where nothing decodes JPEG is asked for", async () => assert.equal(await canDecode, false));
