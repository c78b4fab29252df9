// What is known of a running session now: this interval's points, what the detectors read, the devices and the shared screen.

import { addressOf } from "../shared/base.js";
import { byId, levelShare, make, setShare, setText } from "../shared/dom.js";
import { soundWords } from "./evidence.js";
import { needsNoPicture, noticeLines } from "./states.js";
import { texts } from "./texts.js";

export class SessionNow {
  #screenAt = null; // when the still that is shown was taken

  constructor(id) {
    this.id = id;
  }

  drawPoints(found) {
    const list = byId("now-points");
    const violations = [...found].sort((a, b) => b.points - a.points);
    const key = JSON.stringify(violations);
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    const lines = violations.map(({ text }) => make("li", { text }));
    list.replaceChildren(...(lines.length ? lines : [make("li", { class: "muted", text: texts.session.noPoints })]));
  }

  /** `now` is the newest status; `silent` that no update comes any more. */
  drawFacts(now, silent) {
    const why = silent ? "lost" : now.on_break ? "break" : null; // what was read before it is not as of now
    const status = why ? { ...now, gaze: "unknown", gaze_reason: why, faces: null, faces_reason: why, phone: null, voices: null, sound_reason: why, level_dbfs: null, rates: {} } : now;
    setText(byId("fact-rest"), texts.session.rest(status.baseline ?? {}));
    const unknown = (reason) => texts.because(texts.states.unknown, reason);
    const unasked = !why && needsNoPicture(status) ? texts.live.cameraNotAsked : null;
    setText(byId("fact-gaze"), unasked ?? (status.gaze === "unknown" ? unknown(status.gaze_reason) : texts.gazeWords(status)));
    setText(byId("fact-people"), unasked ?? (status.faces === null ? unknown(status.faces_reason) : texts.people(status.faces)) + (status.phone ? ` · ${texts.phone}` : ""));
    const sounds = why ? [] : soundWords(status.sounds);
    setText(byId("fact-voices"), [status.voices ?? unknown(status.sound_reason), ...sounds].join(" · "));
    setShare(byId("fact-level"), levelShare(status.level_dbfs ?? -120));
    const devices = Object.entries(status.devices ?? {}).map(([name, device]) => texts.deviceLine(name, device));
    this.#fill(byId("fact-devices"), [...devices, ...noticeLines(status)]);
    this.#drawDoubts(silent || now.on_break ? [] : (now.doubts ?? []));
    const rates = Object.keys(texts.session.rate).filter((name) => typeof status.rates?.[name] === "number");
    this.#fill(byId("fact-rates"), rates.map((name) => texts.session.rateLine(name, status.rates[name])));
  }

  /** What can't be told, or is to be looked at, and what helps. */
  #drawDoubts(doubts) {
    const list = byId("now-doubts");
    const key = JSON.stringify(doubts);
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    byId("now-doubts-part").hidden = doubts.length === 0;
    list.replaceChildren(...doubts.map(({ text, helps }) => make("li", {}, make("strong", { text: `${text}. ` }), helps)));
  }

  /** The newest still of the shared screen, where there is one. */
  drawScreen({ screen_at: at, elapsed_s: elapsed }) {
    const shared = typeof at === "number";
    byId("screen").hidden = !shared;
    byId("live-pictures").toggleAttribute("data-screen", shared);
    if (!shared) return;
    if (typeof elapsed === "number") setText(byId("screen-age"), texts.act.screenAge(elapsed - at));
    if (this.#screenAt === at) return;
    this.#screenAt = at;
    const still = make("img", { src: addressOf(`/api/session/${this.id}/screen?at=${at}`), alt: "" });
    still.addEventListener("load", () => byId("screen-link").replaceChildren(still)); // the old one stays until the new one is there
    byId("screen-link").href = addressOf(`/api/session/${this.id}/screen`);
  }

  #fill(list, lines) {
    const key = lines.join("\n");
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    list.replaceChildren(...lines.map((text) => make("li", { text })));
  }
}
