// Which way the link takes: a WebSocket, or HTTP where the network lets none through.

import { addressOf } from "../shared/base.js";
import { routed } from "../shared/route.js";
import { HttpSocket } from "./http-socket.js";
import { linkAddress, linkProtocols } from "./link-address.js";

const FAILED_MOST = 2; // WebSockets that opened in vain before HTTP is tried
const AGAIN_MS = 120_000; // between two looks whether a WebSocket goes after all
const AGAIN_SOON_MS = 15_000; // where one went before in this page
const KEPT = "portal.http"; // in the tab's storage: HTTP was the way, which a reloaded page goes on with
const TRIAL_MS = 8000;
const TRIAL_TRIES = 4; // an exam room that checks at once takes turns
const TRIAL_PAUSE_MS = 700;
const TRIAL_BYTES = 2048; // about a small picture: what lets a handshake through may hold up what follows

const socketTo = (address, token, pass) => new WebSocket(address, linkProtocols(token, pass));

/** One WebSocket that begins no exam: true where it opened and what was sent over it arrived. */
export function tryOnce(open, { ms = TRIAL_MS } = {}) {
  return new Promise((resolve) => {
    let socket = null;
    const end = (went) => {
      clearTimeout(timer);
      resolve(went);
      socket?.close();
    };
    const timer = setTimeout(() => end(false), ms);
    try {
      socket = open();
    } catch (error) {
      console.info("No WebSocket can be opened.", error.message);
      end(false);
      return;
    }
    socket.onopen = () => socket.send(new Uint8Array(TRIAL_BYTES));
    socket.onmessage = ({ data }) => end(heardAll(data));
    socket.onerror = socket.onclose = () => end(false);
  });
}

function heardAll(data) {
  try {
    return JSON.parse(data).bytes === TRIAL_BYTES;
  } catch {
    return false;
  }
}

/** Does the network let WebSockets to the server through? `token` is the student's, null where the portal is open. */
export async function letsWebSocketsThrough(
  token,
  { open = () => socketTo(linkAddress("/trial"), token), tries = TRIAL_TRIES, pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms)) } = {},
) {
  for (let attempt = 0; attempt < tries; attempt += 1) {
    if (attempt) await pause(TRIAL_PAUSE_MS * attempt * (0.5 + Math.random()));
    const from = performance.now();
    if (await tryOnce(open)) return true;
    if (performance.now() - from >= TRIAL_MS) break; // no answer at all: one more would be another wait
  }
  return false;
}

/** A batch as a call of the server's; `address` is that of the link, which names the page and its attempt, `pass` as `Way.open` has it. */
async function postBatch(token, { address, pass }, { connection, batch }, body, signal) {
  const said = new URLSearchParams(address.split("?")[1]);
  const query = new URLSearchParams({ connection, batch });
  for (const name of ["page", "attempt"]) if (said.has(name)) query.set(name, said.get(name));
  if (pass) query.set("seb", pass);
  const headers = { "Content-Type": "application/octet-stream", Authorization: `Bearer ${token}` };
  const answer = await fetch(addressOf(routed(`/api/student/link?${query}`)), { method: "POST", headers, body, signal });
  return { status: answer.status, answer: await answer.json().catch(() => null) };
}

/** Opens the link's connections, one after another. */
export class Way {
  #failed; // WebSockets that were opened one after another, and over which nothing was heard
  #went = false; // one did in this page
  #byHttp = false;
  #lookAt = Infinity;
  #looking = false;

  /** `blocked`: the check found that no WebSocket goes. `onWebSocket` is called when one goes after all, while the link is by HTTP. */
  constructor(
    token,
    { blocked = false, onWebSocket = () => {}, now = () => performance.now(), webSocket, http, trial, storage = globalThis.sessionStorage } = {},
  ) {
    this.#failed = blocked || storage.getItem(KEPT) ? FAILED_MOST : 0;
    Object.assign(this, { onWebSocket, now, storage });
    this.webSocket = webSocket ?? ((address, pass) => socketTo(address, token, pass));
    this.http = http ?? ((address, pass) => new HttpSocket((...batch) => postBatch(token, { address, pass }, ...batch)));
    this.trial = trial ?? (() => letsWebSocketsThrough(token, { tries: 1 }));
  }

  /** Does the newest connection go by HTTP? */
  get isByHttp() {
    return this.#byHttp;
  }

  /** `pass` lets a page in Safe Exam Browser in, where the exam asks for it. */
  open(address, pass = "") {
    this.#byHttp = this.#failed >= FAILED_MOST;
    this.#lookAt = this.#byHttp ? this.now() + (this.#went ? AGAIN_SOON_MS : AGAIN_MS) : Infinity;
    const socket = this.#byHttp ? this.http(address, pass) : this.webSocket(address, pass);
    if (this.#byHttp) this.#failed = FAILED_MOST - 1; // where this one is lost as well it need not be the WebSockets: they are tried again
    else {
      this.#failed += 1; // until something is heard
      socket.addEventListener?.("message", () => this.#heard(), { once: true });
    }
    return socket;
  }

  #heard() {
    this.#failed = 0;
    this.#went = true;
  }

  /** The link is open: what it goes by is right. */
  opened() {
    if (!this.#byHttp) {
      this.storage.removeItem(KEPT);
      return;
    }
    this.#failed = FAILED_MOST;
    this.storage.setItem(KEPT, "yes");
  }

  /** At every tick: by HTTP it is looked from time to time whether a WebSocket goes after all. */
  tick() {
    if (this.#looking || !this.#byHttp || this.now() < this.#lookAt) return;
    this.#looking = true;
    this.trial().then((went) => {
      this.#looking = false;
      this.#lookAt = this.now() + (this.#went ? AGAIN_SOON_MS : AGAIN_MS);
      if (!went || !this.#byHttp) return;
      this.#failed = 0;
      this.onWebSocket();
    });
  }
}
