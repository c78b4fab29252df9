// Decodes H.264 as the student's browser sent it, where this browser can: no JPEG need be made of it at the server. Newest only.

const LATEST_MOST = 120; // pictures that wait to be decoded; a decoder that is so far behind begins again at the next key

/** Can this browser decode what students' browsers send? Only pages of https, or of this computer, may. */
export const canDecode = (async () => {
  if (typeof VideoDecoder !== "function") return false;
  const { supported } = await VideoDecoder.isConfigSupported({ codec: "avc1.42001f" }).catch(() => ({ supported: false }));
  return Boolean(supported);
})();

/** The codec's name as the parameters in Annex B bytes have it (ITU-T H.264, 7.3.2.1.1); null without any. */
export function codecOf(bytes) {
  for (let index = 0; index + 6 < bytes.length; index += 1) {
    if (bytes[index] !== 0 || bytes[index + 1] !== 0 || bytes[index + 2] !== 1 || (bytes[index + 3] & 31) !== 7) continue;
    const [profile, constraints, level] = bytes.subarray(index + 4, index + 7);
    return `avc1.${[profile, constraints, level].map((value) => value.toString(16).padStart(2, "0")).join("")}`;
  }
  return null;
}

/** `data` cut into pictures of `sizes` bytes. Throws where they don't fit. */
export function cut(data, sizes) {
  const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (sizes.reduce((sum, size) => sum + size, 0) !== bytes.length) throw new Error(`${bytes.length} bytes are no ${sizes.length} pictures`);
  let at = 0;
  return sizes.map((size) => bytes.subarray(at, (at += size)));
}

export class H264View {
  #decoder = null;
  #codec = null;
  #number = 0;
  #newest = 0;

  /** `draw(videoFrame)` for the newest picture of each lot; `onTrouble(reason)` once, when this browser can't decode it after all. */
  constructor(draw, onTrouble) {
    this.draw = draw;
    this.onTrouble = onTrouble;
  }

  /** Pictures of one update: `{data, sizes, key}`. Without a key they go on from the last one. */
  take({ data, sizes, key }) {
    try {
      const pictures = cut(data, sizes);
      if (key) this.#open(codecOf(pictures[0]));
      if (!this.#decoder || this.#decoder.decodeQueueSize > LATEST_MOST) return;
      this.#newest = this.#number + pictures.length - 1;
      for (const [index, picture] of pictures.entries()) {
        const type = key && index === 0 ? "key" : "delta";
        this.#decoder.decode(new EncodedVideoChunk({ type, timestamp: this.#number, data: picture }));
        this.#number += 1;
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  close() {
    if (this.#decoder && this.#decoder.state !== "closed") this.#decoder.close();
    this.#decoder = null;
    this.#codec = null;
  }

  #open(codec) {
    if (!codec) throw new Error("a key picture came without its parameters");
    if (this.#decoder && this.#codec === codec) return;
    this.close();
    const decoder = new VideoDecoder({ output: (picture) => this.#out(picture), error: (error) => decoder === this.#decoder && this.#fail(error) });
    decoder.configure({ codec, optimizeForLatency: true });
    this.#decoder = decoder;
    this.#codec = codec;
  }

  #out(picture) {
    try {
      if (picture.timestamp >= this.#newest) this.draw(picture);
    } finally {
      picture.close();
    }
  }

  #fail(error) {
    this.close();
    this.onTrouble(error.message);
  }
}
