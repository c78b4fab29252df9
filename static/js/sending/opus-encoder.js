// Opus by WebCodecs for short links: 16 kHz samples in, messages of packets out, each packet behind its length as u16.

const RATE = 16_000;
const MESSAGE_MS = 200;

/** The payload of a message: packets, each behind its length. */
export function packPackets(packets) {
  const payload = new Uint8Array(packets.reduce((sum, packet) => sum + 2 + packet.length, 0));
  let position = 0;
  for (const packet of packets) {
    payload[position] = packet.length & 255;
    payload[position + 1] = packet.length >> 8;
    payload.set(packet, position + 2);
    position += 2 + packet.length;
  }
  return payload;
}

/** Page times of encoded sound: the encoder counts samples, the page says when each block was heard. */
export class BlockTimes {
  #blocks = []; // {from, time}: sample count at the block's start, its page time in ms

  add(from, time) {
    this.#blocks.push({ from, time });
    if (this.#blocks.length > 50) this.#blocks.shift();
  }

  /** The page time of sample number `sample`. */
  of(sample) {
    const block = this.#blocks.findLast(({ from }) => from <= sample) ?? this.#blocks[0];
    return block.time + ((sample - block.from) / RATE) * 1000;
  }
}

export class OpusEncoder {
  #encoder = null;
  #bitrate = 0;
  #taken = 0;
  #times = new BlockTimes();
  #packets = [];
  #from = 0; // sample number of the first packet that waits

  /** `onSound(payload, time)` for each message; `onFailure()` when the encoder ends by itself. */
  constructor(onSound, onFailure) {
    this.onSound = onSound;
    this.onFailure = onFailure;
  }

  /** Can this browser encode it? */
  static async canEncode() {
    if (typeof AudioEncoder !== "function") return false;
    const { supported } = await AudioEncoder.isConfigSupported(configOf(24_000)).catch(() => ({ supported: false }));
    return Boolean(supported);
  }

  /** Take int16 samples heard from `time` (page ms) on, to be sent at `bitrate` bits a second. */
  take(samples, time, bitrate) {
    if (bitrate !== this.#bitrate) this.#open(bitrate);
    this.#times.add(this.#taken, time);
    const data = new AudioData({
      format: "s16", sampleRate: RATE, numberOfChannels: 1, numberOfFrames: samples.length, timestamp: Math.round((this.#taken / RATE) * 1e6), data: samples,
    });
    this.#taken += samples.length;
    this.#encoder.encode(data);
    data.close();
  }

  /** Send what the encoder still holds, and let it go. */
  async finish() {
    const encoder = this.#encoder;
    this.#bitrate = 0;
    this.#encoder = null;
    if (encoder?.state !== "configured") return;
    await encoder.flush().catch(() => {}); // its failure is told by the encoder itself
    if (encoder.state !== "closed") encoder.close();
    this.#send();
  }

  #open(bitrate) {
    this.#bitrate = bitrate;
    if (!this.#encoder) {
      this.#taken = 0;
      this.#times = new BlockTimes();
      this.#packets = [];
      this.#encoder = new AudioEncoder({
        output: (chunk) => this.#out(chunk),
        error: (error) => {
          console.warn("Sound can't be encoded as Opus.", error);
          this.#encoder = null;
          this.#bitrate = 0;
          this.onFailure();
        },
      });
    }
    this.#encoder.configure(configOf(bitrate));
  }

  #out(chunk) {
    const packet = new Uint8Array(chunk.byteLength);
    chunk.copyTo(packet);
    const from = (chunk.timestamp / 1e6) * RATE;
    if (!this.#packets.length) this.#from = from;
    this.#packets.push(packet);
    const until = from + ((chunk.duration ?? 20_000) / 1e6) * RATE;
    if (((until - this.#from) / RATE) * 1000 >= MESSAGE_MS - 1) this.#send();
  }

  #send() {
    if (!this.#packets.length) return;
    const payload = packPackets(this.#packets);
    this.#packets = [];
    this.onSound(payload, this.#times.of(this.#from));
  }
}

function configOf(bitrate) {
  return { codec: "opus", sampleRate: RATE, numberOfChannels: 1, bitrate, opus: { frameDuration: 20_000, application: "voip" } };
}
