// The exam's page of another site that opened this window by the snippet: it is told how the exam is watched, and tells what is done there.
//
// Nothing of the session goes to it, no picture, no name and no link. What it says is taken from the sites that the exam names alone, from the tab that
// opened this window, and only so much of it; it goes on as that page's word, not as ours.

import { pageMs } from "../shared/clock.js";

const SAY_MS = 1000;
const JUST_SAID_MS = 900; // a timer comes a little early
const ELSEWHERE_MS = 5000; // the tab may show a page of another of the sites by then
const SILENT_MS = 15_000;
const LATE_MS = 5000; // by which what was done there may come late
const BURST = 20; // acts at once, and so many more each second
const PER_S = 2;
const KINDS = new Set(["tab_hidden", "tab_visible", "window_blur", "window_away", "window_focus", "copy", "cut", "paste"]);
const DETAILS = new Set(["browser", "elsewhere", "unclear", "dialog", "unproven", "dropped", "nothing selected", "at the start"]);
const TO_READ = ["exam-messages", "exam-notices"]; // a camera that gives nothing is told in this window, and the student is at the page
const ASK_MOST = 15; // times, one a second
const TOKEN_MAX = 4096;
const RETURNS = { tab_hidden: "tab_visible", window_blur: "window_focus" };
const BACK = new Set(Object.values(RETURNS));
const AT_START = "at the start";
const UNPROVEN = "unproven"; // nobody watched for how long the focus was away

/** What the exam's page is told of how it stands here: by the portal's step and the bar above its exam. */
export function standing(document) {
  const { step } = document.body.dataset;
  if (step === "done") return document.getElementById("done-here")?.hidden === false ? "check" : "over"; // it may go on here
  if (step !== "exam") return "check";
  const bar = document.getElementById("exam-bar");
  if (bar.hasAttribute("data-recording")) return "watched";
  return bar.dataset.link === "open" ? "paused" : "offline";
}

export class Outside {
  #origin = null; // of the page that spoke last
  #heardAt = null;
  #said = "";
  #saidAt = -Infinity;
  #take = null; // what an act is given to, while the exam runs
  #onLost = () => {};
  #lost = false;
  #away = false; // the page says that it is out of sight
  #owed = null; // the return from a leaving that a page told: {page, kind}; a page that went meanwhile can't tell it any more
  #left = BURST;
  #leftAt;
  #onToken = () => {};
  #timer = null;

  /** `page` is this window: its body names the exam (`data-exam-key`) and its sites (`data-sites`), none where no other site starts it. */
  constructor(page, { now = () => performance.now(), clock = pageMs } = {}) {
    const { examKey: exam = "", sites = "", blurMinS = 1 } = page.document.body.dataset;
    Object.assign(this, { page, now, clock, exam, sites: sites.split(" ").filter(Boolean), blurLeast: 1000 * blurMinS });
    this.#leftAt = now();
    if (!this.isOn) return;
    page.addEventListener("message", (event) => this.#hear(event));
    for (const type of ["focus", "blur"]) page.addEventListener(type, () => this.tick());
    this.#beat();
  }

  /** Does a page of another site start this exam? Then that page tells when it is left, and this one has nothing to tell of it. */
  get isOn() {
    return this.sites.length > 0;
  }

  /** … and is it before the student, as far as it says? Null where there is no such page. */
  get isThere() {
    return this.isOn ? !this.#lost && !this.#away : null;
  }

  /** Was this window opened by a page that is still there? */
  get hasOpener() {
    return Boolean(this.page.opener && !this.page.opener.closed);
  }

  /** The exam runs: `take(act)` for each act that its page tells, `onLost(lost)` when that page falls silent, and when it is there again. */
  watch(take, onLost) {
    this.#take = take;
    this.#onLost = onLost;
    this.#heardAt = this.now();
    this.#away = false;
    this.#owed = null;
  }

  /** The exam runs no more. */
  rest() {
    this.#take = null;
    this.#onLost = () => {};
    this.tick();
  }

  /** At every tick. */
  tick() {
    if (!this.isOn) return;
    const now = this.now();
    const { document, documentPictureInPicture: small } = this.page;
    const focused = document.hasFocus() || Boolean(small?.window?.document.hasFocus());
    const message = TO_READ.some((id) => document.getElementById(id)?.childElementCount > 0);
    const told = { says: "here", state: standing(document), focused, message, blur_ms: this.blurLeast };
    const silent = now - (this.#heardAt ?? now);
    if (silent > ELSEWHERE_MS) this.#origin = null;
    if (this.#take && this.#lost !== silent > SILENT_MS) {
      this.#lost = !this.#lost;
      this.#onLost(this.#lost);
    }
    const said = JSON.stringify(told);
    if (said === this.#said && now - this.#saidAt < JUST_SAID_MS) return;
    this.#said = said;
    this.#saidAt = now;
    this.#say(told);
  }

  /** Ask the page for its server's start token: gives `{token, origin}`, an empty token where the page has none, and null where nobody answers. */
  async askToken(wait = () => new Promise((resolve) => this.page.setTimeout(resolve, SAY_MS))) {
    let answer = null;
    const answered = new Promise((resolve) => (this.#onToken = (found) => resolve((answer ??= found))));
    for (let asked = 0; !answer && this.hasOpener && asked < ASK_MOST; asked += 1) {
      this.#say({ says: "token" });
      await Promise.race([wait(), answered]);
    }
    this.#onToken = () => {};
    return answer;
  }

  /** A tick each second, from a worker: out of sight the page's own timers fall to one a minute, and a new page of the exam waits for a word. */
  #beat() {
    this.page.setInterval(() => this.tick(), SAY_MS); // where there is no worker
    try {
      this.#timer = new this.page.Worker(new URL("../sending/worker-timer.js", import.meta.url));
      this.#timer.onmessage = () => this.tick();
      this.#timer.postMessage({ period: SAY_MS });
    } catch (error) {
      console.info("This browser gives no worker; out of sight its timers are slow.", error.name);
    }
  }

  #say(message) {
    if (!this.hasOpener) return;
    for (const origin of this.#origin ? [this.#origin] : this.sites) this.page.opener.postMessage({ proctor: 1, exam: this.exam, ...message }, origin);
  }

  #hear({ data, origin, source }) {
    if (!this.page.opener || source !== this.page.opener || !this.sites.includes(origin) || data?.proctor !== 1 || data.exam !== this.exam) return;
    this.#origin = origin;
    this.#heardAt = this.now();
    if (data.says === "act") this.#hearAct(data);
    else if (data.says === "there") this.#hearThere(data);
    else if (data.says === "token" && typeof data.token === "string") this.#onToken({ token: data.token.length <= TOKEN_MAX ? data.token : "", origin });
  }

  #hearThere({ hidden, focused, page }) {
    if (hidden === false) this.#away = false; // the page that told it may have gone, and another came
    if (hidden === false && focused === true && this.#owed && page !== this.#owed.page) {
      const { kind } = this.#owed;
      if (this.#give({ kind, page_ms: this.clock() }, kind === "window_focus" ? UNPROVEN : AT_START)) this.#owed = null;
    }
    this.tick(); // this window's timers may sleep
  }

  #hearAct({ kind, age_ms: age, detail, page }) {
    if (!this.#take || !KINDS.has(kind) || !this.#hasRoom()) return;
    const stays = kind === "tab_hidden" && detail === AT_START && this.#owed?.kind === "tab_visible"; // on the page before this one, too
    this.#follow(kind, page);
    if (stays) return;
    const late = Number.isFinite(age) ? Math.min(LATE_MS, Math.max(0, age)) : 0;
    const known = DETAILS.has(detail) ? detail : kind === "window_blur" ? "unclear" : "";
    if (!["window_blur", "window_away"].includes(kind)) this.#away = kind === "tab_hidden" && known !== "dialog"; // what else is done there is done in sight
    this.#give({ kind, page_ms: this.clock() - late }, known);
  }

  #follow(kind, page) {
    if (BACK.has(kind)) this.#owed = null;
    else if (RETURNS[kind]) this.#owed = { page, kind: this.#owed?.kind === "tab_visible" ? "tab_visible" : RETURNS[kind] };
  }

  /** Give an act to whoever takes them; false where it is not taken now. */
  #give(act, detail) {
    return Boolean(this.#take) && this.#take({ id: crypto.randomUUID(), ...act, told_by: "exam_page", ...(detail && { detail }) }) !== false;
  }

  #hasRoom() {
    const now = this.now();
    this.#left = Math.min(BURST, this.#left + ((now - this.#leftAt) / 1000) * PER_S);
    this.#leftAt = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
