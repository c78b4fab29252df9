import assert from "node:assert/strict";
import test from "node:test";

import { CODEC, HEADER_BYTES, KIND, decodeMessage, encodeMessage } from "../../../static/js/sending/link-protocol.js";

test("a message is read back as it was written", () => {
  const payload = new Uint8Array([255, 216, 1, 2, 3]);
  const fields = { kind: KIND.picture, codec: CODEC.h264, key: false, layer: 5, sequence: 4_000_000_000, time: 1_790_000_000_123.456 };
  const read = decodeMessage(encodeMessage(fields, payload));
  assert.deepEqual(read, { ...fields, payload });
});

test("the header's bytes stand where the protocol says, little endian", () => {
  const message = encodeMessage({ kind: KIND.sound, codec: CODEC.pcm16, layer: 1, sequence: 258, time: 1 }, new Int16Array([1, -2]));
  assert.deepEqual([...message], [2, 2, 3, 1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 1, 0, 0xfe, 0xff]);
});

test("a view into a larger buffer sends only its own bytes", () => {
  const samples = new Int16Array([9, 9, 1, 2, 9]).subarray(2, 4);
  const { payload } = decodeMessage(encodeMessage({ kind: 2, codec: 2, sequence: 0, time: 0 }, samples));
  assert.deepEqual([...payload], [1, 0, 2, 0]);
});

test("what is too short or of another version is refused", () => {
  assert.throws(() => decodeMessage(new Uint8Array(HEADER_BYTES - 1)), RangeError);
  assert.throws(() => decodeMessage(new Uint8Array(HEADER_BYTES)), RangeError);
});
