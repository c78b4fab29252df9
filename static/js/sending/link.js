// The student's link: one WebSocket that answers the clock, carries media and acts, and comes back by itself.

import { ClockName, backOff, pageMs } from "../shared/clock.js";
import { Backlog } from "./backlog.js";
import { CODEC, KIND, encodeMessage } from "./link-protocol.js";

const ROOM_BYTES = 12 * 1024; // under way before pictures are skipped, until `room` is set
const SOUND_WAIT_BYTES = 1024 * 1024; // about 20 s of sound
const STUCK_MS = 8000; // nothing of what waits has left for so long: the network is gone, whatever the socket believes
const SILENT_MS = 25_000; // the server tells its time every 10 s: nothing for so long, and the line is cut, also where nothing waits to leave
const STALLED_MS = 5000; // something is under way, and for so long there was no word of it: people are told that there is no connection
const WELCOME_MS = 10_000; // a socket that is not welcomed in this time is tried anew
const MOVED_ATTEMPT = 1; // its back-off is a second
const FINAL = new Set(["ended", "replaced", "refused"]);

export class Link {
  #socket = null;
  #attempt = 0;
  #dueAt = 0; // page ms of the next attempt; 0: none waits
  #sequence = { [KIND.picture]: 0, [KIND.sound]: 0, [KIND.still]: 0 };
  #waiting = { bytes: 0, since: 0 };
  #backlog = new Backlog();
  #openedAt = 0;
  #heardAt = 0;
  #clock; // its name when it was last looked at
  #ending = false; // the student has ended the exam, and the server has not said so yet
  #read = new Set(); // messages that the student has read; the server says one again until it knows
  #attempts = 0; // in all: of two, the server takes the newer one for this page, in whatever order it comes to them

  /**
   * `url` of the link; `queue` an ActQueue; `on` holds what is told: `state(state, end)` with connecting, open,
   * waiting, ended (with the end's {code, note}), replaced or refused, and `welcome`, `quality`, `message`, `pause`, `call`, `rate`,
   * `key`, `error` with the server's message. `room`: bytes that may be under way before pictures are skipped; may be set. `clock` names the page's, `name` this load of
   * the page.
   */
  constructor(
    url,
    queue,
    on,
    { open = (address) => new WebSocket(address), now = pageMs, random = Math.random, clock = new ClockName(), name = crypto.randomUUID() } = {},
  ) {
    Object.assign(this, { url, queue, on, open, now, random, clock, name });
    this.#clock = clock.now;
    this.state = "waiting";
    this.room = ROOM_BYTES;
  }

  connect() {
    this.#dueAt = 0;
    this.#openedAt = this.now();
    this.#heardAt = this.#openedAt;
    this.#become("connecting");
    this.#attempts += 1;
    const socket = this.open(`${this.url}${this.url.includes("?") ? "&" : "?"}page=${this.name}&attempt=${this.#attempts}`);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#waiting = { bytes: 0, since: this.#openedAt };
    this.#backlog = new Backlog();
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
    this.#socket?.tick?.(); // what is no WebSocket has no thread of the browser's
    if (this.#clock !== this.clock.now) {
      this.#clock = this.clock.now; // the computer has slept, or was set: what is sent now needs the clock anew
      if (this.state === "open") this.hurry();
    }
    if (this.#dueAt && now >= this.#dueAt) this.connect();
    if (this.state === "connecting" && now - this.#openedAt > WELCOME_MS) this.drop();
    const bytes = this.#socket?.bufferedAmount ?? 0;
    if (bytes < this.#waiting.bytes || bytes === 0) this.#waiting = { bytes, since: now };
    else this.#waiting.bytes = bytes;
    if (this.state === "open" && bytes && now - this.#waiting.since > STUCK_MS) this.drop();
    if (this.state === "open" && now - this.#heardAt > SILENT_MS) this.drop();
  }

  /** Give the present socket up (it is stuck), and try anew after a while. */
  drop() {
    if (FINAL.has(this.state)) return;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    this.#retry();
  }

  /** The network is there again: give the present socket up and try anew at once, however often it was tried in vain. */
  hurry() {
    if (FINAL.has(this.state)) return;
    this.drop();
    this.#attempt = 0;
    this.connect();
  }

  get isOpen() {
    return this.state === "open";
  }

  /** Is the line dead, as far as can be told: something waits to arrive, and nothing is heard? The socket itself finds out much later. */
  get isStalled() {
    const now = this.now();
    return this.isOpen && this.#backlog.late(now) > STALLED_MS && now - this.#heardAt > STALLED_MS;
  }

  /** True when another picture can leave without queueing behind others. */
  get isFree() {
    return this.isOpen && this.#backlog.regular < this.room;
  }

  /** What is under way: `bytes`, for how many ms the oldest (`late`), bits a second that arrived of late (`rate`, 0: not known), least ms to hear of one (`trip`). */
  get underWay() {
    const { bytes, rate, trip } = this.#backlog;
    return { bytes, rate, trip, late: this.#backlog.late(this.now()) };
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
    if (this.isOpen && this.#backlog.bytes < SOUND_WAIT_BYTES) this.#media(KIND.sound, CODEC[codec], samples, time);
    else if (codec === "opus") this.#skip(KIND.sound);
  }

  /** Queue an act and send it as soon as there is a way. */
  async act(act) {
    const noted = { ...act, page: this.clock.now, apart: this.clock.apart };
    const stored = this.queue.add(noted).catch((error) => console.warn("An act is kept in memory only.", error));
    if (this.isOpen && noted.page === this.#clock) this.#sayActs([noted]); // else the computer has just slept: it goes once the clock is known anew
    await stored;
  }

  /** A device's state; `more`: of the camera, whether it `gives` new pictures. */
  device(device, state, reason, more = {}) {
    if (this.isOpen) this.#say({ type: "device", device, state, reason, ...more });
  }

  /** How the page is: `{hidden, camera}`. */
  page(page) {
    if (this.isOpen) this.#say({ type: "page", ...page });
  }

  /** A still of the shared screen; skipped while pictures wait, or another still is under way. */
  still(bytes, time) {
    if (this.isFree && this.#backlog.bytes === this.#backlog.regular) this.#media(KIND.still, CODEC.jpeg, bytes, time);
  }

  /** The student asks for a break, or ends it; the server answers by `pause` or an `error` about it. False when it can't be said now. */
  takeBreak(on) {
    if (this.isOpen) this.#say({ type: "break", on });
    return this.isOpen;
  }

  /** The student calls the proctors, with or without words; null takes it back. Answered by `call`, or an `error` about it. False when it can't be said now. */
  call(text) {
    if (this.isOpen) this.#say(text === null ? { type: "uncall" } : { type: "call", text });
    return this.isOpen;
  }

  /** The student ends the exam: said now where it can be, and at each welcome until the server says that it has ended. */
  end() {
    this.#ending = true;
    if (this.isOpen) this.#say({ type: "end" });
  }

  /** The student has read message `id`: said now where it can be, and at each welcome. */
  read(id) {
    this.#read.add(id);
    if (this.isOpen) this.#say({ type: "read", id });
  }

  /** For good: `state` is ended or refused. */
  close(state, end) {
    if (!FINAL.has(this.state)) this.#finish(state, end);
  }

  #media(kind, codec, payload, time, about = {}) {
    const sequence = this.#sequence[kind];
    this.#skip(kind);
    this.#send(encodeMessage({ kind, codec, sequence, time, ...about }, payload), { extra: kind === KIND.still });
  }

  /** A number that is left out tells the server that something was lost. */
  #skip(kind) {
    this.#sequence[kind] = (this.#sequence[kind] + 1) >>> 0;
  }

  #say(message) {
    this.#send(JSON.stringify(message));
  }

  /** Acts that were noted by one clock, and by how much it is apart from the one that runs now: the server may never have met it. */
  #sayActs(acts) {
    const [{ page, apart }] = acts;
    const shift = Number.isFinite(apart) ? { shift_ms: apart - this.clock.apart } : {};
    this.#say({ type: "acts", page, ...shift, acts: acts.map(({ page: _page, apart: _apart, ...act }) => act) });
  }

  #send(data, about) {
    this.#backlog.sent(this.now(), data.byteLength ?? data.length, about);
    this.#socket.send(data);
  }

  #become(state, end) {
    if (state === this.state) return;
    this.state = state;
    this.on.state?.(state, end);
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

  #finish(state, end) {
    this.#dueAt = 0;
    this.#become(state, end);
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
        this.#say({ type: "clock", id: message.id, server_ms: message.server_ms, page_ms: this.now(), page: this.clock.now });
        break;
      case "welcome":
        this.#attempt = 0;
        this.#become("open");
        this.on.welcome?.(message);
        for (const acts of this.queue.batches()) this.#sayActs(acts);
        for (const id of this.#read) this.#say({ type: "read", id });
        if (this.#ending) this.#say({ type: "end" }); // last: what was done before it counts
        break;
      case "received":
        this.#backlog.received(this.now(), message.count);
        break;
      case "acts":
        this.#forget(message.ids ?? []);
        break;
      case "slower":
      case "faster":
        this.on.rate?.(message);
        break;
      case "moved": // to another server: nothing is over, and what is not acknowledged is told there
        this.#attempt = Math.min(this.#attempt, MOVED_ATTEMPT);
        break;
      case "ended":
        this.#finish("ended", { code: message.code, note: message.note });
        break;
      case "replaced":
        this.#finish("replaced");
        break;
      case "error":
        this.on.error?.(message);
        if (message.act_id) this.#forget([message.act_id]); // an act the server can't read would be sent for ever
        if (message.code === "unauthorized" || message.code === "forbidden") this.#finish("refused");
        break;
      case "message":
        if (!this.#read.has(message.id)) this.on.message?.(message);
        break;
      case "quality":
      case "seb":
      case "pause":
      case "call":
      case "time":
      case "different":
      case "key":
        this.on[message.type]?.(message);
        break;
      default: // a newer server may say more than this page knows
    }
  }
}
