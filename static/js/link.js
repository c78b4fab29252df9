// The student's link: one WebSocket that answers the clock, carries media and acts, and comes back by itself.

import { backOff, pageMs } from "./clock.js";
import { CODEC, KIND, encodeMessage } from "./link-protocol.js";

const ROOM_BYTES = 96 * 1024; // about four pictures under way; more would only arrive late
const SOUND_WAIT_BYTES = 1024 * 1024; // about 20 s of sound
const STUCK_MS = 8000; // nothing of what waits has left for so long: the network is gone, whatever the socket believes
const SILENT_MS = 25_000; // the server tells its time every 10 s: nothing for so long, and the line is cut, also where nothing waits to leave
const WELCOME_MS = 10_000; // a socket that is not welcomed in this time is tried anew
const FINAL = new Set(["ended", "replaced", "refused"]);

export class Link {
  #socket = null;
  #attempt = 0;
  #dueAt = 0; // page ms of the next attempt; 0: none waits
  #sequence = { [KIND.picture]: 0, [KIND.sound]: 0, [KIND.still]: 0 };
  #waiting = { bytes: 0, since: 0 };
  #openedAt = 0;
  #heardAt = 0;

  /**
   * `url` of the link with its token; `queue` an ActQueue; `on` holds what is told: `state(state)` with connecting, open,
   * waiting, ended, replaced or refused, and `welcome`, `quality`, `message`, `pause`, `rate`, `key`, `late`, `ended`, `error` with the
   * server's message. `room`: bytes that may wait to leave before pictures are skipped; may be set.
   */
  constructor(url, queue, on, { open = (address) => new WebSocket(address), now = pageMs, random = Math.random } = {}) {
    Object.assign(this, { url, queue, on, open, now, random });
    this.state = "waiting";
    this.room = ROOM_BYTES;
  }

  connect() {
    this.#dueAt = 0;
    this.#openedAt = this.now();
    this.#heardAt = this.#openedAt;
    this.#become("connecting");
    const socket = this.open(this.url);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#waiting = { bytes: 0, since: this.#openedAt };
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket) return;
      this.#heardAt = this.now();
      this.#hear(data);
    };
    socket.onclose = ({ code }) => socket === this.#socket && this.#lost(code);
  }

  /** Call at every tick: starts a due attempt, notices a connection that is stuck. Page timers would sleep in a hidden tab. */
  tick() {
    const now = this.now();
    if (this.#dueAt && now >= this.#dueAt) this.connect();
    if (this.state === "connecting" && now - this.#openedAt > WELCOME_MS) this.drop();
    const bytes = this.#socket?.bufferedAmount ?? 0;
    if (bytes < this.#waiting.bytes || bytes === 0) this.#waiting = { bytes, since: now };
    else this.#waiting.bytes = bytes;
    if (this.state === "open" && bytes && now - this.#waiting.since > STUCK_MS) this.drop();
    if (this.state === "open" && now - this.#heardAt > SILENT_MS) this.drop();
  }

  /** Give the present socket up and try anew at once (the network changed, or is stuck). */
  drop() {
    if (FINAL.has(this.state)) return;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#retry();
  }

  get isOpen() {
    return this.state === "open";
  }

  /** True when another picture can leave without queueing behind others. */
  get isFree() {
    return this.isOpen && this.#socket.bufferedAmount < this.room;
  }

  /** Bytes that wait to leave. */
  get waitingBytes() {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /**
   * Send a picture. A JPEG is left out when the way is not free; H.264 that was encoded is sent, since what follows rests on it. False when
   * a picture of H.264 is lost: its number is, too, and the next one must be a key.
   */
  picture(bytes, time, { codec = "jpeg", key = true, layer = 0 } = {}) {
    const goes = codec === "jpeg" ? this.isFree : this.isOpen;
    if (goes) this.#media(KIND.picture, CODEC[codec], bytes, time, { key, layer });
    else if (codec !== "jpeg") this.#skip(KIND.picture);
    return goes || codec === "jpeg";
  }

  sound(samples, time, codec = "pcm16") {
    if (this.isOpen && this.#socket.bufferedAmount < SOUND_WAIT_BYTES) this.#media(KIND.sound, CODEC[codec], samples, time);
    else if (codec === "opus") this.#skip(KIND.sound);
  }

  /** Queue an act and send it as soon as there is a way. */
  async act(act) {
    const stored = this.queue.add(act).catch((error) => console.warn("An act is kept in memory only.", error));
    if (this.isOpen) this.#say({ type: "acts", acts: [act] });
    await stored;
  }

  device(device, state, reason) {
    if (this.isOpen) this.#say({ type: "device", device, state, reason });
  }

  /** A still of the shared screen; skipped while pictures wait. */
  still(bytes, time) {
    if (this.isFree) this.#media(KIND.still, CODEC.jpeg, bytes, time);
  }

  /** The student asks for a break, or ends it; the server answers by `pause` or an `error` about it. False when it can't be said now. */
  takeBreak(on) {
    if (this.isOpen) this.#say({ type: "break", on });
    return this.isOpen;
  }

  /** The student ends the exam. False when it can't be said now. */
  end() {
    if (this.isOpen) this.#say({ type: "end" });
    return this.isOpen;
  }

  /** For good: `state` is ended or refused. */
  close(state) {
    if (!FINAL.has(this.state)) this.#finish(state);
  }

  #media(kind, codec, payload, time, about = {}) {
    const sequence = this.#sequence[kind];
    this.#skip(kind);
    this.#socket.send(encodeMessage({ kind, codec, sequence, time, ...about }, payload));
  }

  /** A number that is left out tells the server that something was lost. */
  #skip(kind) {
    this.#sequence[kind] = (this.#sequence[kind] + 1) >>> 0;
  }

  #say(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.on.state?.(state);
  }

  #lost(code) {
    this.#socket = null;
    if (code === 4401 || code === 4403 || code === 1008) this.#finish("refused");
    else if (!FINAL.has(this.state)) this.#retry();
  }

  #retry() {
    this.#dueAt = this.now() + backOff(this.#attempt, this.random);
    this.#attempt += 1;
    this.#become("waiting");
  }

  #finish(state) {
    this.#dueAt = 0;
    this.#become(state);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #forget(ids) {
    this.queue.acknowledge(ids).catch((error) => console.warn("Acknowledged acts stay stored.", error));
  }

  #hear(data) {
    if (typeof data !== "string") return;
    const message = JSON.parse(data);
    switch (message.type) {
      case "clock":
        this.#say({ type: "clock", id: message.id, server_ms: message.server_ms, page_ms: this.now() });
        break;
      case "welcome":
        this.#attempt = 0;
        this.#become("open");
        this.on.welcome?.(message);
        for (const acts of this.queue.batches()) this.#say({ type: "acts", acts });
        break;
      case "acts":
        this.#forget(message.ids ?? []);
        break;
      case "slower":
      case "faster":
        this.on.rate?.(message);
        break;
      case "ended":
        this.#finish("ended");
        this.on.ended?.(message);
        break;
      case "replaced":
        this.#finish("replaced");
        break;
      case "error":
        this.on.error?.(message);
        if (message.act_id) this.#forget([message.act_id]); // an act the server can't read would be sent for ever
        if (message.code === "unauthorized" || message.code === "forbidden") this.#finish("refused");
        break;
      case "quality":
      case "message":
      case "pause":
      case "key":
      case "late":
        this.on[message.type]?.(message);
        break;
      default: // a newer server may say more than this page knows
    }
  }
}
