// The proctor's Socket.IO connection: what is joined is joined again after a break, and the page shows whether it is live.

import { io } from "../../vendor/socket.io.esm.min.js";
import { addressOf } from "../shared/base.js";
import { byId, setText } from "../shared/dom.js";
import { routed } from "../shared/route.js";
import { Detours } from "./detours.js";
import { lookAgain } from "./signed-out.js";
import { texts } from "./texts.js";

const JOIN_AGAIN_MS = 3000;
const COME_BACK_MS = 1000;
const TRIES = 3; // to join on one connection, before the sessions are sought by another
const ASK_MS = 5000; // a refused connection does not say why: a call does
const SOUND_ANSWER_MS = 5000;

export class ProctorSocket {
  #sessions = new Map(); // session id → options of join_session
  #exam = null;
  #joined = new Set();
  #refused = 0;
  #sounds = new Set();
  #onConnect = [];
  #isOut = false;
  #askedAt = -Infinity;
  #closed = new AbortController();
  #detours = new Detours();

  /**
   * To the server of the page's own key, or of `route`. The page does not show how a `quiet` one is. `onElsewhere(session_id, server)`: a session runs
   * at another server; else the connection goes there, where it is for one session alone.
   */
  constructor({ route, quiet = false, onElsewhere = (session_id, server) => this.#goTo(server) } = {}) {
    const query = Object.fromEntries(new URLSearchParams(routed("", route)));
    Object.assign(this, { quiet, isLed: Boolean(query.e), onElsewhere });
    this.socket = io({ path: addressOf("/socket.io"), query, forceNew: quiet, transports: ["websocket", "polling"], reconnectionDelay: 500, reconnectionDelayMax: 5000 });
    this.socket.on("connect", async () => {
      this.#show("open");
      this.#joined.clear();
      this.#refused = 0;
      if (this.#exam) this.socket.emit("join_exam", this.#exam); // first, so that nothing that begins meanwhile is missed
      for (const read of this.#onConnect) await read();
      for (const id of this.#sessions.keys()) this.#emitJoin(id);
      for (const session_id of this.#sounds) this.socket.emit("join_sound", { session_id });
    });
    this.socket.on("disconnect", (reason) => {
      this.#show("lost");
      // a server that stops says goodbye, and then the library does not come back by itself
      if (reason === "io server disconnect" && !this.#isOut) setTimeout(() => this.socket.connect(), COME_BACK_MS);
    });
    this.socket.on("connect_error", (error) => {
      this.#show(this.socket.active ? "lost" : "refused");
      console.info("Not connected:", error.message);
      if (performance.now() - this.#askedAt < ASK_MS) return;
      this.#askedAt = performance.now();
      lookAgain();
    });
    this.socket.on("session_moved", ({ session_id }) => this.#joined.delete(session_id) && this.#joinSoon(session_id));
    this.socket.on("signed_out", () => document.dispatchEvent(new Event("signed-out")));
    // Somebody's rights were taken away or given: what is shown is read anew.
    this.socket.on("rights_changed", () => this.socket.disconnect().connect());
    const { signal } = this.#closed;
    document.addEventListener("signed-out", () => this.#leave(), { signal });
    document.addEventListener("signed-in", () => {
      this.#isOut = false;
      this.socket.connect();
    }, { signal });
    this.#show("connecting");
  }

  get isOpen() {
    return this.socket.connected;
  }

  /** `read()` is called at each (re)connection, once events are heard again and before sessions are: what was missed must be read anew. */
  onConnect(read) {
    this.#onConnect.push(read);
    if (this.isOpen) read();
  }

  on(event, heard) {
    this.socket.on(event, heard);
  }

  /** Hear the events of all sessions of `exam_id`, or of all exams. */
  joinExam(exam_id = null) {
    this.#exam = exam_id ? { exam_id } : {};
    if (this.socket.connected) this.socket.emit("join_exam", this.#exam);
  }

  /** Watch one session: `{frames: "binary"|"h264"|"none", fps}`; again with other options to change them. */
  joinSession(session_id, options) {
    const before = this.#sessions.get(session_id);
    if (before && before.frames === options.frames && before.fps === options.fps) return;
    this.#sessions.set(session_id, options);
    if (this.socket.connected) this.#emitJoin(session_id);
  }

  leaveSession(session_id) {
    this.#joined.delete(session_id);
    if (this.#sessions.delete(session_id) && this.socket.connected) this.socket.emit("leave_session", { session_id });
  }

  /** Hear one session's sound as `sound` events. Throws with the server's reason where it is refused. */
  async joinSound(session_id) {
    this.#sounds.add(session_id);
    const answer = await this.socket.timeout(SOUND_ANSWER_MS).emitWithAck("join_sound", { session_id });
    if (answer?.ok !== false) return;
    this.#sounds.delete(session_id);
    throw new Error(answer.error?.message ?? "");
  }

  leaveSound(session_id) {
    if (this.#sounds.delete(session_id) && this.socket.connected) this.socket.emit("leave_sound", { session_id });
  }

  #emitJoin(session_id) {
    this.socket.emit("join_session", { session_id, ...this.#sessions.get(session_id) }, (answer) => {
      if (!answer) return;
      if (answer.ok) {
        this.#joined.add(session_id);
        return;
      }
      this.#refused += 1;
      if (answer.error?.instance && this.#sessions.has(session_id)) this.onElsewhere(session_id, answer.error.instance);
      this.#joinSoon(session_id); // after a restart the server takes a session up only when its student is back
    });
  }

  #joinSoon(session_id) {
    setTimeout(() => {
      if (!this.socket.connected || !this.#sessions.has(session_id)) return;
      const isElsewhere = this.isLed && this.#joined.size === 0 && this.#refused >= TRIES * this.#sessions.size;
      if (isElsewhere) this.socket.disconnect().connect(); // the key leads to another server now
      else this.#emitJoin(session_id);
    }, JOIN_AGAIN_MS);
  }

  async #goTo(server) {
    const { query } = this.socket.io.opts;
    const key = this.#sessions.size === 1 ? await this.#detours.find(server, query.e) : null;
    if (!key || key === query.e || this.#isOut || this.#joined.size) return;
    this.isLed = true;
    query.e = key;
    this.socket.disconnect().connect();
  }

  /** For good. */
  close() {
    this.#closed.abort();
    this.#leave();
  }

  /** Nobody is logged in any more: it would only be refused, again and again. */
  #leave() {
    this.#isOut = true;
    this.socket.disconnect();
    this.#show("refused");
  }

  #show(shown) {
    if (this.quiet) return;
    const state = this.#isOut ? "refused" : shown;
    const place = byId("server-state");
    place.dataset.state = state;
    setText(place, texts.server[state]);
  }
}
