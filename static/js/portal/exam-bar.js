// The bar above an exam, and the heading below it: what is recorded, for how long, how the connection is, what is shared.

import { spellSeconds } from "../shared/clock.js";
import { byId, levelShare, setShare, setText } from "../shared/dom.js";
import { texts } from "./texts.js";

const t = texts.exam;

/**
 * What the bar says, from the state of things: `link` as the link tells it, `offline` from the loss of a connection until the next is open, `slower`: by HTTP, `stalled`
 * while nothing is heard on an open one, `paused` in a break, `camera` and `microphone` whether they give something. `dot`: the red one of a camera.
 */
export function barWords({ link, offline, slower = false, stalled, paused, running, camera, microphone }) {
  const line = offline || stalled ? "waiting" : link; // each attempt is not told, only what came of it
  const live = running && line === "open" && !paused;
  let words = t.notRecording;
  if (paused) words = t.paused;
  else if (live && camera) words = t.recording;
  else if (live) words = microphone ? t.recordingSound : t.recordingPage;
  return { line, live, dot: live && camera, words, connection: t.connection[line === "open" && slower ? "slower" : line], heading: t.heading[paused ? "paused" : "running"] };
}

export class ExamBar {
  #state = { link: "connecting", offline: false, slower: false, stalled: false, paused: false, running: false, camera: false, microphone: false };
  #elapsed = null; // {seconds, at}: the session's age when the page's clock stood at `at`

  constructor(video) {
    this.video = video;
    this.#tuckSelf(false);
    this.#draw();
    byId("exam-self").addEventListener("click", () => this.#tuckSelf(!video.classList.contains("is-tucked")));
  }

  /** An exam begins: of whom and which, as far as the page's head says it. */
  open({ exam_id: id, exam }) {
    const name = exam?.title ?? id;
    byId("exam-name").hidden = byId("exam-name-below").hidden = !name;
    setText(byId("exam-name-text"), name ?? "");
    byId("exam-name").title = name ?? ""; // it may be cut
    setText(byId("exam-name-below"), name ?? ""); // where the bar is too narrow for it
    this.set({ running: true });
  }

  /** Something may be another way now; true where it is. */
  set(changes) {
    if (Object.entries(changes).every(([name, value]) => this.#state[name] === value)) return false;
    Object.assign(this.#state, changes);
    this.#draw();
    return true;
  }

  /** Is the line gone, as far as anybody can tell? */
  get isOffline() {
    return this.#state.offline || this.#state.stalled;
  }

  /** The session is `elapsed` seconds old now. */
  since(elapsed) {
    if (typeof elapsed === "number") this.#elapsed = { seconds: elapsed, at: performance.now() };
  }

  drawTime() {
    if (this.#elapsed) setText(byId("exam-time"), spellSeconds(this.#elapsed.seconds + (performance.now() - this.#elapsed.at) / 1000));
  }

  /** What the microphone gives, in dBFS. In a break nothing is heard, and nothing moves. */
  level(dbfs) {
    if (!this.#state.paused) setShare(byId("exam-meter"), levelShare(dbfs));
  }

  /** Is the screen shared as the exam asks for it? */
  shared(on) {
    const mark = document.getElementById("exam-shared"); // there only where the exam asks for a screen
    if (mark) mark.hidden = !on;
  }

  #draw() {
    const { line, live, dot, words, connection, heading } = barWords(this.#state);
    const bar = byId("exam-bar");
    bar.dataset.link = line;
    bar.toggleAttribute("data-recording", live);
    bar.toggleAttribute("data-camera", dot);
    setText(byId("exam-connection"), connection);
    setText(byId("exam-recording"), words);
    if (this.#state.paused || !this.#state.microphone) setShare(byId("exam-meter"), 0);
    const stay = document.getElementById("exam-stay"); // only where the exam has no page of its own in the frame
    if (!stay) return;
    stay.hidden = this.#state.paused;
    setText(byId("exam-title"), heading);
  }

  #tuckSelf(hidden) {
    this.video.classList.toggle("is-tucked", hidden);
    byId("exam-self").setAttribute("aria-expanded", String(!hidden));
    setText(byId("exam-self").querySelector("span"), hidden ? t.showSelf : t.hideSelf);
  }
}
