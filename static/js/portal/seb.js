// Safe Exam Browser: how the page shows the server that it runs there, and what a student is told whose exam asks for it.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { byId, setText } from "../shared/dom.js";
import { sebTexts as texts } from "./texts-seb.js";

const ANSWER_MS = 8000;
const LOOK_MS = 100;
const COMES_MS = 5000; // it puts its interface into a page some time after that is there
const KEYS_MS = 3000; // and fills in its keys when it is asked, in its versions 3.0
const KEYS_FILLED = "sebKeysFilled"; // on a Mac the callback is called by its name
const AGAIN_MS = 2000; // where the server can't tell, and
const TRIES = 8; // in all: another takes up what a server had that is gone, after ten seconds
const PART = /^[0-9a-f]{32}$/;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Is this Safe Exam Browser, as far as it says so itself? Worth waiting for its interface, and no proof. */
export const isSeb = (page = window) => Boolean(page.SafeExamBrowser) || /\bSEB\w*\//.test(page.navigator.userAgent);

/** What its interface says of the page: `{config_key, browser_exam_key, version}`, each where there is one; empty in any other browser. */
export async function askSeb(page = window, wait = pause) {
  for (let waited = 0; isSeb(page) && !page.SafeExamBrowser && waited < COMES_MS; waited += LOOK_MS) await wait(LOOK_MS);
  const seb = page.SafeExamBrowser;
  if (!seb) return {};
  const { security } = seb;
  if (security?.updateKeys && !security.configKey) {
    await Promise.race([
      wait(KEYS_MS),
      new Promise((resolve) => {
        page[KEYS_FILLED] = { [KEYS_FILLED]: () => resolve() }[KEYS_FILLED];
        security.updateKeys(page[KEYS_FILLED]);
      }),
    ]);
  }
  const said = { config_key: security?.configKey, browser_exam_key: security?.browserExamKey, version: seb.version };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => typeof value === "string" && value));
}

/** The address that Safe Exam Browser opens; with a ticket it begins there as the student whose that is. */
export function sebLink(key, ticket, { protocol, host } = location) {
  return `${protocol === "https:" ? "sebs" : "seb"}://${host}${addressOf(`/exams/${key}.seb`)}${ticket ? `??t=${ticket}` : ""}`;
}

/** Looks like a WebSocket to the link, and opens one once the server has seen again where the page is. */
export class SebSocket {
  onmessage = null;
  onclose = null;
  binaryType = "arraybuffer";
  #inner = null;
  #closed = false;

  /** `pass()` gives what lets the connection in; `open(pass)` the socket. */
  constructor(pass, open) {
    this.#begin(pass, open);
  }

  async #begin(pass, open) {
    const given = await pass();
    if (this.#closed) return;
    this.#inner = open(given);
    this.#inner.binaryType = this.binaryType;
    this.#inner.onmessage = (event) => this.onmessage?.(event);
    this.#inner.onclose = (event) => this.onclose?.(event);
  }

  get bufferedAmount() {
    return this.#inner?.bufferedAmount ?? 0;
  }

  send(data) {
    this.#inner?.send(data);
  }

  tick() {
    this.#inner?.tick?.();
  }

  close() {
    this.#closed = true;
    this.#inner?.close();
  }
}

export class Seb {
  #terms = null;
  #token = null;
  #said = null;

  constructor({ page = window, ask = call, wait = pause } = {}) {
    Object.assign(this, { page, ask, wait });
    this.onState = () => {};
    byId("seb-again").addEventListener("click", () => page.location.reload());
  }

  /** May the student of `session` go on in this page? Else it is on its way to its own address, or `show()` shows what to do. */
  async allows(session, token, show) {
    this.#terms = session.seb ?? null;
    this.#token = token;
    if (!this.#terms || this.#leads()) return !this.#terms;
    let said = await this.look();
    for (let tries = 1; said.state === undefined && tries < TRIES; tries += 1) {
      await this.wait(AGAIN_MS);
      said = await this.look();
    }
    const { mode = this.#terms.mode, state } = said;
    if (mode !== "required" || state === "yes") return true;
    this.#tell(session.exam.exam_key, state);
    show();
    return false;
  }

  /** Before there is a session: is `exam` taken elsewhere than in this browser? Then that is said. */
  keepsOut(exam) {
    const out = exam?.seb === "required" && !isSeb(this.page);
    if (out) this.#tell(exam.exam_key, "no");
    return out;
  }

  /** Show the server where the page is; gives its answer, an empty one where there is none. */
  async look() {
    try {
      return await this.ask(`/api/student/seb${this.query}`, { method: "POST", token: this.#token, body: await this.said(), signal: AbortSignal.timeout(ANSWER_MS) });
    } catch (error) {
      console.info("Where this page runs could not be shown.", error.message);
      return {};
    }
  }

  /** What the page says of it, undefined where it isn't asked. */
  async said() {
    if (!this.#terms) return undefined;
    this.#said ??= askSeb(this.page);
    return { ...(await this.#said), lang: this.#query.get("lang") ?? "" };
  }

  /** The query of a call whose headers may prove it. */
  get query() {
    const part = this.#query.get("seb") ?? "";
    return PART.test(part) ? `?seb=${part}` : "";
  }

  /** A connection of the link to `address`, opened by `way`. */
  open(address, way) {
    if (!this.#terms) return way.open(address);
    const pass = async () => {
      const { mode, state, link_pass: given } = await this.look();
      if (mode) this.onState(mode === "required" && state !== "yes" ? texts.refused : null);
      return given ?? "";
    };
    return new SebSocket(pass, (given) => way.open(address, given));
  }

  /** The link was kept out: also of a page that was opened before the exam was taken there only, and is asked for no proof. */
  kept() {
    this.onState(texts.refused);
  }

  get #query() {
    return new URLSearchParams(this.page.location.search);
  }

  /** To the page's own address, whose proof is this session's and no other's. */
  #leads() {
    const { location } = this.page;
    const lang = this.#query.get("lang");
    const own = addressOf(this.#terms.page) + (lang ? `&lang=${encodeURIComponent(lang)}` : "");
    if (!isSeb(this.page) || location.pathname + location.search === own) return false;
    location.replace(own);
    return true;
  }

  #tell(key, state) {
    const words = { no: texts.outside, unknown: texts.other }[state] ?? texts.away;
    setText(byId("seb-text"), words);
    byId("seb-how").hidden = words === texts.away;
    byId("seb-again").hidden = state === "no";
    byId("seb-open").href = sebLink(key, this.#terms?.ticket, this.page.location);
    byId("seb-file").href = addressOf(`/exams/${key}.seb`);
  }
}
