// One session's tile on the live page: picture, state, score, what is seen, what was found.

import { addressOf } from "../shared/base.js";
import { icon, make, setShare, setText } from "../shared/dom.js";
import { withoutPoints } from "./phrases.js";
import { PictureCanvas } from "./picture-canvas.js";
import { ICONS, deviceProblems, isPictureOld, isSilent, needsNoPicture, needsSomebody, noticeLines, rankOf, settle, stateOfSession, stateWords, waitingWords } from "./states.js";
import { texts } from "./texts.js";
import { who } from "./who.js";

const COLUMNS = 10;
const SILENT_S = Number(document.body.dataset.silentS);

export class Tile {
  /** `onSeen()` is called when the proctor says that the flag was looked at; `onTrouble()`: see `PictureCanvas`. */
  constructor(status, { threshold, onSeen, onTrouble }) {
    this.threshold = threshold;
    this.ended = false;
    this.place = null;
    this.detour = null;
    this.heardAt = performance.now();
    this.#build(status, onSeen, onTrouble);
    this.update(status);
  }

  update(status) {
    this.status = { ...this.status, ...status };
    this.heardAt = performance.now();
    this.draw();
  }

  /** What came with an update: see `PictureCanvas.take`. */
  picture(shown, when) {
    if (this.view.take(shown, when)) this.empty.hidden = true;
  }

  /** The key that leads to its session's server; `detour`: another than the session was made with. */
  get route() {
    return this.detour ?? this.status.route;
  }

  /** Has it flags that nobody has seen? */
  get unseen() {
    return Boolean(this.status.unseen);
  }

  get silent() {
    return isSilent(this.heardAt, performance.now(), SILENT_S);
  }

  /** Bring what is shown up to `status` and the time. */
  draw() {
    const { status, threshold } = this;
    const { unseen } = this;
    this.state = stateOfSession(status, { threshold, unseen, silent: this.silent });
    this.rank = rankOf(status, { threshold, unseen });
    this.place = settle(this.place, this.rank, performance.now() / 1000);
    this.element.dataset.state = this.state;
    this.element.toggleAttribute("data-urgent", needsSomebody(this.rank));
    setText(this.link, who(status));
    this.link.href = addressOf(`/session/${status.session_id}`);
    setText(this.exam, status.exam_id ?? "");
    setText(this.empty, needsNoPicture(status) ? texts.live.cameraNotAsked : texts.live.noPicture);
    this.#drawMark();
    this.#drawAge();
    setShare(this.score, status.interval_score / threshold);
    this.score.setAttribute("aria-label", texts.live.score(status.interval_score, threshold));
    setText(this.number, texts.live.scoreShort(status.interval_score, threshold));
    setText(this.total, texts.live.total(status.total_score));
    setText(this.reading, this.#readingWords());
    this.#drawFound();
    this.#drawRecent();
    this.#drawCall();
    this.seen.hidden = !this.unseen;
  }

  #build(status, onSeen, onTrouble) {
    this.canvas = make("canvas", { width: 320, height: 240, "aria-hidden": "true" });
    this.view = new PictureCanvas(this.canvas, onTrouble);
    this.empty = make("p", { class: "tile-empty", text: texts.live.noPicture });
    this.age = make("p", { class: "tile-age", hidden: true });
    this.mark = make("p", { class: "mark" });
    this.link = make("a", { class: "tile-link" });
    this.exam = make("p", { class: "muted tile-exam" });
    this.score = make("div", { class: "score", role: "img" });
    this.number = make("span", { class: "number", "aria-hidden": "true" });
    this.total = make("span", { class: "number muted" });
    this.reading = make("p", { class: "tile-reading" });
    this.found = make("ul", { class: "tile-found" });
    this.call = make("p", { class: "tile-call", id: `call-${status.session_id}`, hidden: true });
    this.recent = make("div", { class: "recent", role: "img" });
    this.seen = make("button", { type: "button", class: "quiet tile-seen", text: texts.live.seen, onclick: onSeen, hidden: true });
    this.element = make(
      "li",
      { class: "tile" },
      make("div", { class: "tile-picture" }, this.canvas, this.empty, this.age, this.mark, this.seen, this.call),
      make(
        "div",
        { class: "tile-text" },
        make("div", { class: "tile-head" }, make("h2", {}, this.link), this.exam),
        make("div", { class: "tile-score" }, this.score, this.number),
        this.reading,
        this.found,
        make("div", { class: "tile-foot" }, this.recent, this.total),
      ),
    );
  }

  #drawMark() {
    const rests = this.state === "fine" && this.status.on_break;
    const words = rests ? texts.live.onBreak : this.unseen ? this.#flagWords() : stateWords(this.state, this.status, this.silent);
    if (this.mark.dataset.words === words) return;
    this.mark.dataset.words = words;
    this.mark.dataset.state = this.state;
    this.mark.hidden = this.state === "fine" && !rests;
    this.mark.replaceChildren(icon(rests ? "cup" : ICONS[this.state]), make("span", { text: words }));
  }

  #drawAge() {
    const old = this.ended || isPictureOld(this.status, this.silent);
    this.element.toggleAttribute("data-old", old);
    this.age.hidden = !old || this.view.takenAt === null;
    if (!this.age.hidden) setText(this.age, texts.live.age((performance.now() - this.view.takenAt) / 1000));
  }

  #readingWords() {
    if (this.ended) return texts.live.over;
    if (this.status.on_break) return texts.live.onBreak;
    if (this.state === "waiting") return waitingWords(this.status);
    if (this.status.elsewhere) return texts.live.elsewhere(this.status.elsewhere);
    if (isPictureOld(this.status, this.silent)) return texts.live.nothingComes;
    if (needsNoPicture(this.status)) return texts.live.cameraNotAsked;
    return texts.reading(this.status);
  }

  #drawFound() {
    const problems = (this.ended || this.status.on_break ? [] : deviceProblems(this.status)).map(([name, state]) => texts.deviceLine(name, { state }));
    const unheard = problems.length === 0 && (this.status.notices ?? []).some((code) => code.startsWith("mic_"));
    if (unheard) problems.push(texts.soundUnknown(this.status.sound_reason));
    if (!this.ended) problems.push(...noticeLines(this.status));
    if (!this.ended && !this.status.on_break) problems.push(...(this.status.doubts ?? []).map(({ text }) => text));
    // a tile may have room for one: first what nobody has seen, then what is lost, on which the rest hangs
    const { unseen, violations, interval_index: now } = this.status;
    const rest = unseen?.intervals.at(-1) === now ? [] : violations; // else they are the flag's
    const lines = [...weightiest(unseen?.violations).map(inTwo), ...problems.map((text) => [text]), ...weightiest(rest).map(inTwo)];
    const key = JSON.stringify(lines);
    if (this.found.dataset.lines === key) return;
    this.found.dataset.lines = key;
    this.found.replaceChildren(
      ...lines.map(([text, points]) => make("li", {}, make("span", { class: "found-what", text }), points ? make("span", { class: "number", text: points }) : null)),
    );
  }

  /** How long ago the newest flag was raised that nobody has seen. */
  #flagWords() {
    const { unseen, elapsed_s: elapsed } = this.status;
    return texts.live.flagAge(Math.max(0, (elapsed ?? unseen.at) - unseen.at), unseen.intervals.length);
  }

  /** What the student asks, to whoever points at the tile or has the focus on it. */
  #drawCall() {
    const { call } = this.status;
    this.element.toggleAttribute("data-calls", Boolean(call) && !this.ended);
    this.call.hidden = !call || this.ended;
    setText(this.call, call ? texts.live.call(call.text ?? "") : "");
    if (this.call.hidden) this.link.removeAttribute("aria-describedby");
    else this.link.setAttribute("aria-describedby", this.call.id);
  }

  #drawRecent() {
    const recent = (this.status.recent ?? []).slice(-COLUMNS);
    const key = JSON.stringify(recent);
    if (this.recent.dataset.key === key) return;
    this.recent.dataset.key = key;
    this.recent.setAttribute("aria-label", recent.length ? texts.live.recent(recent) : texts.live.noRecent);
    const empty = Array.from({ length: COLUMNS - recent.length }, () => make("span", { class: "column" }));
    const columns = recent.map(({ score, flagged }) => {
      const column = make("span", { class: "column", "data-flagged": flagged, "data-some": score > 0 });
      setShare(column, score / this.threshold);
      return column;
    });
    this.recent.replaceChildren(...empty, ...columns);
  }
}

const weightiest = (violations) => [...(violations ?? [])].sort((a, b) => b.points - a.points);

/** A violation's sentence and its points apart: the points are seen where the sentence is cut. */
function inTwo({ text, points }) {
  const sentence = withoutPoints(text, points);
  return sentence === null ? [text] : [sentence, texts.session.points(points)];
}
