// The step between check and exam in which a student takes a picture of the face and of a card, for a person to compare. No program compares.

import { call } from "../shared/api.js";
import { oneWish, setText } from "../shared/dom.js";
import { plainLine } from "./calls.js";
import { PictureTaker, sendPicture } from "./picture-taker.js";
import { texts } from "./texts.js";

const KINDS = ["face", "card"];
const SAY_MS = 8000;
const part = (id) => document.getElementById(id); // there only where the exam asks for pictures
const DONE_WITH = new Set(["sent", "none", "failed"]); // without a camera, or where nothing can be sent, the exam goes on

/** What the server is told of a picture in this state; `words`: why there is no card. */
export function givenOf(state, words = "") {
  if (state === "sent") return "given";
  return words ? "none" : "unknown";
}

/** What is still to be done before the exam, from the pictures' states: `face`, `card` or null. */
export function missingOf({ face, card }, words = "") {
  if (!DONE_WITH.has(face)) return "face";
  return DONE_WITH.has(card) || words ? null : "card";
}

export class IdentityStep {
  #token = null;
  #takers = {};

  /** `onDone()` when the exam may start, `onBack()` when the student goes back to the check. */
  constructor({ onDone, onBack }) {
    this.onDone = onDone;
    this.done = !part("step-identity");
    if (this.done) return;
    for (const kind of KINDS) this.#takers[kind] = new PictureTaker(`identity-${kind}`, { send: (blob) => sendPicture(kind, blob, this.#token), onChange: () => this.#draw() });
    this.words = part("identity-no-card");
    this.words.addEventListener("input", () => this.#draw());
    oneWish(part("identity-back")).addEventListener("click", () => onBack());
    oneWish(part("identity-start")).addEventListener("click", () => this.#finish());
  }

  /** Is it the student's next step in this session? */
  isNext(session) {
    return !this.done && !session.begun && Boolean(session.exam?.identity_step);
  }

  /** `track` is the camera's, null where none is on. */
  open(token, track) {
    this.#token = token;
    for (const taker of Object.values(this.#takers)) taker.open(track);
    this.#draw();
  }

  get #states() {
    return Object.fromEntries(KINDS.map((kind) => [kind, this.#takers[kind].hasSent ? "sent" : this.#takers[kind].state]));
  }

  #draw() {
    if (Object.keys(this.#takers).length < KINDS.length) return; // it is being made
    const missing = missingOf(this.#states, plainLine(this.words.value));
    part("identity-without").hidden = KINDS.some((kind) => this.#takers[kind].state !== "none");
    const start = part("identity-start");
    if (missing) start.setAttribute("aria-disabled", "true");
    else start.removeAttribute("aria-disabled");
    setText(part("identity-hint"), missing ? texts.identity.missing[missing] : texts.identity.ready);
  }

  async #finish() {
    const words = plainLine(this.words.value);
    const states = this.#states;
    if (missingOf(states, words)) return;
    const body = { face: givenOf(states.face), card: givenOf(states.card, words), words };
    try {
      await call("/api/student/identity", { method: "POST", token: this.#token, body, signal: AbortSignal.timeout(SAY_MS) });
    } catch (error) {
      console.info("How this step ended was not stored.", error.message); // it keeps nobody from the exam
    }
    for (const taker of Object.values(this.#takers)) taker.close();
    this.done = true;
    this.onDone();
  }
}
