// H.264 by WebCodecs, as the student's link wants it: Annex B, no delay, a key picture every second or two. Runs in a worker.

const CODEC = "avc1.42001f"; // constrained baseline, up to 1280 × 720: every decoder reads it
const BROAD = 300_000; // bits a second from which on a key takes little of them
const KEY_EVERY_MS = 1000; // of who sits still the server reads one picture a second, and of a key it decodes no other
const KEY_EVERY_NARROW_MS = 2000;
const KEY_SLACK_MS = 50; // pictures come at a beat of their own
const TRIAL_PICTURES = 5;
const TRIAL_MS = 4000;
const ANSWER_MS = 1500; // an encoder that holds a picture longer has stopped
const LOOK_WIDTH = 16;
const LOOK_HEIGHT = 12;
const LOOK_MOST = 24; // mean difference (of 255) between a picture and what became of it; other pictures differ by 40 and more

/** The types of the NAL units in Annex B bytes. */
export function nalTypes(bytes) {
  const types = [];
  for (let index = 0; index + 3 < bytes.length; index += 1) {
    if (bytes[index] === 0 && bytes[index + 1] === 0 && bytes[index + 2] === 1) types.push(bytes[index + 3] & 31);
  }
  return types;
}

/** What is wrong with the chunks of a trial (`{bytes, key, at}`), in words; empty when nothing is. `sent`: the pictures' times. */
export function faultOf(chunks, sent) {
  if (chunks.length !== sent.length) return `${chunks.length} of ${sent.length} pictures came out`;
  if (chunks.some(({ at }, index) => at !== sent[index])) return "pictures came out in another order";
  const types = chunks.map(({ bytes }) => nalTypes(bytes));
  if (!chunks[0].key || ![5, 7, 8].every((type) => types[0].includes(type))) return "the first picture is no key with its parameters in Annex B";
  if (types.some((found) => !found.includes(1) && !found.includes(5))) return "a chunk holds no picture";
  return "";
}

/** Mean difference of two RGBA pictures of one size, 0..255. */
export function difference(one, other) {
  let sum = 0;
  for (let index = 0; index < one.length; index += 4) {
    for (let colour = 0; colour < 3; colour += 1) sum += Math.abs(one[index + colour] - other[index + colour]);
  }
  return sum / ((one.length / 4) * 3);
}

export class H264Encoder {
  #encoder = null;
  #keyAt = -Infinity;
  #pending = []; // {at, image}: given to the encoder, not yet out; a copy of each, so that none is lost when it fails
  config = null; // what it was opened for

  /** `onChunk({bytes, at, key, layer})` for each picture; `onFailure(images, reason)` once, with the pictures that did not come out. */
  constructor(onChunk, onFailure) {
    this.onChunk = onChunk;
    this.onFailure = onFailure;
  }

  static get exists() {
    return typeof VideoEncoder === "function" && typeof VideoFrame === "function";
  }

  /** Make it ready for `{width, height, bitrate, fps, layers}`; the next picture is a key. False when the browser says that it can't. */
  async open({ width, height, bitrate, fps, layers }) {
    const config = {
      codec: CODEC, width, height, bitrate, framerate: Math.max(1, fps), latencyMode: "realtime", avc: { format: "annexb" },
      ...(layers ? { scalabilityMode: "L1T2" } : {}),
    };
    const { supported } = await VideoEncoder.isConfigSupported(config).catch(() => ({ supported: false }));
    if (!supported) return false;
    this.#encoder ??= new VideoEncoder({ output: (chunk, about) => this.#out(chunk, about), error: (error) => this.#fail(error) });
    this.#encoder.configure(config);
    this.config = { width, height, bitrate, fps, layers };
    this.#keyAt = -Infinity;
    return true;
  }

  /** Encode `image` (a VideoFrame of its size, which is closed), taken at `at` ms of the page. False when it has failed. */
  encode(image, at, key) {
    if (this.#pending.length && at - this.#pending[0].at > ANSWER_MS) this.#fail(new Error("the encoder does not answer"));
    if (!this.#encoder) {
      image.close();
      return false;
    }
    const every = this.config.bitrate >= BROAD ? KEY_EVERY_MS : KEY_EVERY_NARROW_MS;
    const keyFrame = key || at - this.#keyAt >= every - KEY_SLACK_MS;
    if (keyFrame) this.#keyAt = at;
    this.#pending.push({ at, image: image.clone() });
    try {
      this.#encoder.encode(image, { keyFrame });
    } catch (error) {
      this.#fail(error);
    }
    image.close();
    return true;
  }

  /** Resolves when every picture is out; an encoder that does not answer within `most` ms has failed. */
  async flush(most = ANSWER_MS) {
    try {
      await within(this.#encoder?.flush(), most);
    } catch (error) {
      this.#fail(error);
    }
  }

  close() {
    if (this.#encoder && this.#encoder.state !== "closed") this.#encoder.close();
    this.#encoder = null;
    for (const { image } of this.#pending) image.close();
    this.#pending = [];
  }

  #out(chunk, about) {
    const at = chunk.timestamp / 1000;
    while (this.#pending.length && this.#pending[0].at <= at + 0.5) {
      const { at: taken, image } = this.#pending.shift();
      image.close();
      if (Math.abs(taken - at) >= 0.5) continue;
      const bytes = new Uint8Array(chunk.byteLength);
      chunk.copyTo(bytes);
      this.onChunk({ bytes, at: taken, key: chunk.type === "key", layer: about?.svc?.temporalLayerId ?? 0 });
    }
  }

  #fail(error) {
    if (!this.#encoder) return;
    const images = this.#pending;
    this.#pending = [];
    this.close();
    this.onFailure(images, String(error));
  }
}

/** Does this browser's encoder do what it says? Feed it the page's first real pictures: `take` each, then ask `verdict`. */
export class Trial {
  #chunks = [];
  #sent = [];
  #look = null; // the last picture, small
  #encoder;
  #failure = "";

  constructor() {
    this.#encoder = new H264Encoder(
      (chunk) => this.#chunks.push(chunk),
      (images, reason) => {
        for (const { image } of images) image.close();
        this.#failure = reason;
      },
    );
  }

  open(config) {
    return this.#encoder.open(config);
  }

  get isFull() {
    return this.#sent.length >= TRIAL_PICTURES;
  }

  /** Take `image` (a VideoFrame of the encoder's size, which is closed). */
  take(image, at) {
    this.#sent.push(at);
    if (this.isFull) this.#look = small(image);
    this.#encoder.encode(image, at, false);
  }

  /** Why it is not to be used; empty when it is. */
  async verdict() {
    try {
      await this.#encoder.flush(TRIAL_MS);
      const fault = this.#failure || faultOf(this.#chunks, this.#sent);
      if (fault || typeof VideoDecoder !== "function") return fault;
      const seen = await within(this.#decode(), TRIAL_MS);
      return difference(seen, this.#look) > LOOK_MOST ? "pictures come out as something else" : "";
    } catch (error) {
      return String(error);
    } finally {
      this.#encoder.close();
    }
  }

  /** The last picture as it would be seen, small. */
  async #decode() {
    let last = null;
    let failure = null;
    const decoder = new VideoDecoder({
      output: (picture) => {
        last = small(picture);
        picture.close();
      },
      error: (error) => {
        failure = error;
      },
    });
    decoder.configure({ codec: CODEC });
    for (const { bytes, key, at } of this.#chunks) {
      decoder.decode(new EncodedVideoChunk({ type: key ? "key" : "delta", timestamp: Math.round(at * 1000), data: bytes }));
    }
    await decoder.flush();
    decoder.close();
    if (failure || !last) throw failure ?? new Error("nothing could be decoded");
    return last;
  }
}

function small(image) {
  const context = new OffscreenCanvas(LOOK_WIDTH, LOOK_HEIGHT).getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0, LOOK_WIDTH, LOOK_HEIGHT);
  return context.getImageData(0, 0, LOOK_WIDTH, LOOK_HEIGHT).data;
}

function within(promise, most) {
  return Promise.race([promise, new Promise((_, refuse) => setTimeout(() => refuse(new Error("the encoder does not answer")), most))]);
}
