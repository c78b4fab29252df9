// The binary header of the student's link: 16 bytes, little endian, in front of every picture and stretch of sound.
//
//   u8 kind · u8 codec · u8 flags (bit 0 key, bits 1-3 temporal layer) · u8 version · u32 sequence (per kind)
//   f64 time in ms on the page's clock (for sound: of its first sample)

export const HEADER_BYTES = 16;
export const VERSION = 1;
export const KIND = Object.freeze({ picture: 1, sound: 2, still: 3 });
export const CODEC = Object.freeze({ jpeg: 1, pcm16: 2, h264: 3, opus: 4 });

/** One message: the header for `fields`, then `payload` (Uint8Array, ArrayBuffer or Int16Array). */
export function encodeMessage({ kind, codec, key = true, layer = 0, sequence, time }, payload) {
  const body = ArrayBuffer.isView(payload)
    ? new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength)
    : new Uint8Array(payload);
  const message = new Uint8Array(HEADER_BYTES + body.byteLength);
  const view = new DataView(message.buffer);
  view.setUint8(0, kind);
  view.setUint8(1, codec);
  view.setUint8(2, (key ? 1 : 0) | ((layer & 7) << 1));
  view.setUint8(3, VERSION);
  view.setUint32(4, sequence >>> 0, true);
  view.setFloat64(8, time, true);
  message.set(body, HEADER_BYTES);
  return message;
}

/** The fields and payload of a message. Throws RangeError when it is too short or of another version. */
export function decodeMessage(message) {
  if (message.byteLength < HEADER_BYTES) {
    throw new RangeError(`a message of ${message.byteLength} bytes has no header of ${HEADER_BYTES}`);
  }
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  if (view.getUint8(3) !== VERSION) {
    throw new RangeError(`header version ${view.getUint8(3)} is not ${VERSION}`);
  }
  const flags = view.getUint8(2);
  return {
    kind: view.getUint8(0),
    codec: view.getUint8(1),
    key: (flags & 1) === 1,
    layer: (flags >> 1) & 7,
    sequence: view.getUint32(4, true),
    time: view.getFloat64(8, true),
    payload: new Uint8Array(message.buffer, message.byteOffset + HEADER_BYTES, message.byteLength - HEADER_BYTES),
  };
}
