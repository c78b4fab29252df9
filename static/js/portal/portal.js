// The student's page: who, what is watched, check, exam. Holds the token and moves from step to step.

import { accommodationWords } from "../shared/accommodations.js";
import { call } from "../shared/api.js";
import { backOff } from "../shared/clock.js";
import { byId, make, oneWish, setText } from "../shared/dom.js";
import { idProblem } from "../shared/identifiers.js";
import { itemName } from "../shared/names.js";
import { remember, remembered } from "../shared/storage.js";
import { CheckStep } from "./check-step.js";
import { mayStart } from "./checks.js";
import { ExamStep } from "./exam-step.js";
import { brokeOff, endWords, isFinal, refusalWords } from "./said.js";
import { haveExam, leaveExam, runsElsewhere } from "./tabs.js";
import { texts } from "./texts.js";

const STEPS = ["who", "watched", "check", "exam", "done"];
const TOKEN = "portal.token";
const STAGE = "portal.stage";
const NONCE = "portal.nonce"; // of this browser: who started an exam here goes on here, though the answer, the tab or the whole browser was lost
const HERE = "portal.here"; // of this tab: the session that its student wants here, though it goes on elsewhere
const ANSWER_MS = 8000; // the server answers well within it, or is as good as away
const START_MS = 30_000; // it may wait for its database
const LONGEST_AGENT = 300; // characters that the server keeps

/** The token of a portal link's fragment (`#t=…`), or null. */
export function tokenOf(fragment) {
  return new URLSearchParams(fragment.replace(/^#/, "")).get("t") || null;
}

/** The secret that goes with the start of this exam by this student in this browser. */
function nonceOf(user_id, exam_id) {
  const whose = `${user_id} ${exam_id} `; // no ID has a space
  const kept = remembered(NONCE);
  const secret = kept?.startsWith(whose) ? kept : whose + crypto.randomUUID();
  remember(NONCE, secret);
  return secret.slice(whose.length);
}

class Portal {
  token = null;
  session = null;
  ids = { user_id: "", exam_id: "" };
  rehearsal = new URLSearchParams(location.search).has("rehearsal");
  check = new CheckStep({ onStart: () => this.begin() });
  exam = new ExamStep({ onDone: (state, end) => this.finish(state, end) });
  isOpen = document.body.dataset.portalOpen === "true"; // whoever has no link may enter IDs

  async start() {
    byId("who-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.enter();
    });
    oneWish(byId("watched-agree")).addEventListener("click", () => this.openCheck());
    byId("done-here").addEventListener("click", () => {
      sessionStorage.setItem(HERE, this.session?.session_id ?? "");
      location.reload();
    });
    addEventListener("hashchange", () => tokenOf(location.hash) && location.reload()); // another link, opened in this tab
    byId("rehearsal-note").hidden = !this.rehearsal;
    this.takeToken();
    if (this.token) this.arrive(); // not waited for: the server may be away, and the browser may ask for the devices
    else this.offer();
  }

  /** Nobody's link is known: the IDs are asked for, where the portal is open. */
  offer() {
    byId("who-form").hidden = !this.isOpen;
    byId("who-closed").hidden = this.isOpen;
    byId("who-rehearse").hidden = this.rehearsal || !this.isOpen;
    this.show("who", { focus: false });
  }

  /** By a link, or back after a reload. */
  async arrive() {
    byId("who-form").hidden = true;
    byId("who-rehearse").hidden = true;
    this.show("who", { focus: false });
    try {
      this.session = await this.readSession();
    } catch (error) {
      console.info("The link is refused.", error.message);
      this.forget();
      this.offer();
      setText(byId("who-error"), this.isOpen ? texts.who.badLinkOpen : texts.who.badLink);
      byId("who-error").hidden = false;
      return;
    }
    const { state, end_code: code, end_note: note } = this.session;
    if (state === "running") this.goOn();
    else if (!this.rehearsal) this.finish("ended", { code, note });
    else {
      this.forget();
      this.session = null;
      this.offer();
    }
  }

  /** Into the exam that this tab had, else to its start. A tab's storage is copied with it, so another one may have it. */
  async goOn() {
    const { session_id } = this.session;
    const chosen = sessionStorage.getItem(HERE) === session_id;
    sessionStorage.removeItem(HERE);
    const elsewhere = !this.rehearsal && !chosen && (await runsElsewhere(session_id));
    if (elsewhere) sessionStorage.removeItem(STAGE);
    if (!this.rehearsal && sessionStorage.getItem(STAGE) === session_id) this.resume();
    else this.greet(elsewhere);
  }

  /** The session of the token, however long the server is away. Throws only when it refuses the token. */
  async readSession() {
    for (let tries = 0; ; tries += 1) {
      try {
        const session = await call("/api/student/session", { token: this.token, signal: AbortSignal.timeout(ANSWER_MS) });
        byId("who-waiting").hidden = true;
        return session;
      } catch (error) {
        byId("who-waiting").hidden = isFinal(error);
        if (isFinal(error)) throw error;
        setText(byId("who-waiting"), texts.who.waiting);
        await new Promise((resolve) => setTimeout(resolve, backOff(tries)));
      }
    }
  }

  /** The token from the link, else from before a reload. It leaves the address, so that it is not shared with it. */
  takeToken() {
    const linked = tokenOf(location.hash);
    if (linked) {
      sessionStorage.setItem(TOKEN, linked);
      history.replaceState(null, "", location.pathname + location.search);
    }
    this.token = linked ?? sessionStorage.getItem(TOKEN);
  }

  forget() {
    this.token = null;
    sessionStorage.removeItem(TOKEN);
    sessionStorage.removeItem(STAGE);
  }

  /** Arrived by link: the IDs stand there already. */
  greet(elsewhere) {
    for (const [id, value] of [["who-user", this.session.user_id], ["who-exam", this.session.exam_id]]) {
      byId(id).value = value ?? "";
      byId(id).readOnly = true;
    }
    byId("who-linked").hidden = false;
    byId("who-form").hidden = false;
    byId("who-rehearse").hidden = this.rehearsal || this.session.begun;
    if (this.rehearsal) return;
    byId("who-elsewhere").hidden = !elsewhere && !this.session.connected;
    setText(byId("who-elsewhere"), elsewhere ? texts.who.elsewhere : texts.who.connected);
  }

  /** The IDs are looked at here alone: nothing starts, and no clock runs, before the student says so. */
  enter() {
    this.clearWho();
    if (!this.session) {
      this.ids = { user_id: byId("who-user").value.trim(), exam_id: byId("who-exam").value.trim() };
      const [user, exam] = [idProblem(this.ids.user_id, { required: true }), idProblem(this.ids.exam_id)];
      if (exam) this.fieldFailed("exam_id", exam);
      if (user) this.fieldFailed("user_id", user);
      if (user || exam) return;
    }
    this.told = this.drawAccommodation("watched-accommodation");
    this.show("watched");
  }

  /** What is different for this student, where the session says it. True when there was something to say. */
  drawAccommodation(place) {
    const words = this.session?.accommodation ? accommodationWords(this.session.accommodation) : [];
    const element = document.getElementById(place); // the exam's own page may take its room
    if (!element) return false;
    element.hidden = words.length === 0;
    const { set_by: by } = this.session?.accommodation ?? {};
    if (words.length && by) words.push(texts.exam.setBy(by));
    element.querySelector("ul").replaceChildren(...words.map((text) => make("li", { text })));
    return words.length > 0;
  }

  /** Who came by ID alone has a session only now: what is different is said once more before anything is recorded, for a second yes. */
  tellFirst() {
    if (this.told || !this.drawAccommodation("check-accommodation")) return false;
    this.told = true;
    byId("check-accommodation").focus();
    return true;
  }

  clearWho() {
    byId("who-error").hidden = true;
    for (const name of ["user_id", "exam_id"]) {
      byId(`who-${name}-error`).hidden = true;
      byId(name === "user_id" ? "who-user" : "who-exam").removeAttribute("aria-invalid");
    }
  }

  fieldFailed(field, message) {
    const input = byId(field === "user_id" ? "who-user" : "who-exam");
    const place = byId(`who-${field}-error`);
    setText(place, message);
    place.hidden = false;
    input.setAttribute("aria-invalid", "true");
    input.focus();
  }

  openCheck() {
    this.show("check");
    this.check.open(this.token, { rehearsal: this.rehearsal });
  }

  /** After a reload in mid-exam: straight on where the devices come without a word, else by way of the check. */
  async resume() {
    this.show("check", { focus: false });
    const devices = await this.check.open(this.token, { resume: true });
    if (devices.camera.track && devices.microphone.track && document.body.dataset.screenCapture !== "required") await this.begin();
  }

  /** The student said so: now the session starts, and with it the clock. */
  async begin() {
    if (this.beginning) return;
    this.beginning = true;
    const button = byId("check-start");
    button.setAttribute("aria-busy", "true");
    byId("start-error").hidden = true;
    try {
      if (this.rehearsal) await this.endRehearsal();
      else await this.startExam();
    } catch (error) {
      this.startFailed(error);
    }
    button.removeAttribute("aria-busy");
    this.beginning = false;
  }

  async startExam() {
    if (!this.session) {
      const { user_id, exam_id } = this.ids;
      if (!this.token) {
        const body = { user_id, ...(exam_id && { exam_id }), nonce: nonceOf(user_id, exam_id) };
        const started = await call("/api/student/start", { method: "POST", body, signal: AbortSignal.timeout(START_MS) });
        if (await runsElsewhere(started.session_id)) throw Object.assign(new Error(texts.who.already), { code: "conflict", status: 409 });
        this.token = started.token;
        sessionStorage.setItem(TOKEN, this.token);
      }
      this.session = await call("/api/student/session", { token: this.token, signal: AbortSignal.timeout(ANSWER_MS) });
    }
    const { session_id } = this.session;
    const resumed = sessionStorage.getItem(STAGE) === session_id;
    if (!resumed && this.tellFirst()) return;
    sessionStorage.setItem(STAGE, session_id);
    if (!resumed) this.sendCheck();
    haveExam(session_id);
    this.drawAccommodation("exam-accommodation");
    this.show("exam");
    await this.exam.open(this.session, this.token, this.check.handOver());
  }

  /** The check's results are kept with the session; the exam does not wait for them. */
  sendCheck() {
    const body = { results: this.check.results, user_agent: navigator.userAgent.slice(0, LONGEST_AGENT) };
    call("/api/student/check", { method: "POST", token: this.token, body }).catch((error) => console.info("The check was not stored.", error.message));
  }

  async endRehearsal() {
    const { results, rows } = this.check;
    const { user_id, exam_id } = this.session ?? this.ids;
    const problems = results.filter(({ state }) => state !== "ready");
    const kind = mayStart(rows) === "no" ? "blocked" : problems.length ? "warned" : "fine";
    const body = { user_id, ...(exam_id && { exam_id }), results, user_agent: navigator.userAgent.slice(0, LONGEST_AGENT) };
    let stored = "";
    try {
      await call("/api/student/rehearsal", { method: "POST", token: this.token, body });
    } catch (error) {
      stored = texts.check.rehearsed.notStored((error.status !== 409 && refusalWords(error)) || error.message);
    }
    this.check.close();
    const [title, text] = texts.check.rehearsed[kind];
    setText(byId("done-title"), title);
    setText(byId("done-text"), text);
    const lines = [...problems.map(({ item, reason }) => `${itemName(item)}: ${reason}`), stored].filter(Boolean);
    byId("done-list").replaceChildren(...lines.map((line) => make("li", { text: line })));
    byId("done-here").hidden = false;
    setText(byId("done-here"), texts.exam.again);
    byId("done-exam").hidden = !this.token;
    this.show("done");
  }

  /** Said where the student stands: by the button, or at the ID that is wrong. */
  startFailed(error) {
    if (!error.code) console.error(error);
    if (error.status === 422 && (error.field === "user_id" || error.field === "exam_id")) {
      this.show("who", { focus: false });
      this.fieldFailed(error.field, error.message);
      return;
    }
    if (document.body.dataset.step === "exam") this.openCheck();
    setText(byId("start-error"), refusalWords(error) ?? texts.check.startFailed(error.message));
    byId("start-error").hidden = false;
  }

  /** `state` is ended, replaced or refused; `end` how it ended: {code, note}. */
  finish(state, end) {
    leaveExam();
    const [title, text] = state === "ended" ? endWords(end) : texts.exam.done[state];
    setText(byId("done-title"), title);
    setText(byId("done-text"), text);
    byId("done-next").hidden = state !== "ended" || end.code === "unused";
    const goesOn = state === "replaced" || (state === "ended" && brokeOff(end));
    byId("done-here").hidden = !goesOn;
    byId("done-close").hidden = goesOn;
    setText(byId("done-here"), state === "replaced" ? texts.exam.here : texts.exam.goOn);
    if (!goesOn) this.forget();
    if (state === "ended" && !goesOn) remember(NONCE, "");
    this.show("done");
  }

  show(step, { focus = true } = {}) {
    for (const name of STEPS) byId(`step-${name}`).hidden = name !== step;
    document.body.classList.toggle("in-exam", step === "exam");
    byId("steps").hidden = step === "exam" || step === "done";
    for (const item of byId("steps").children) {
      const at = STEPS.indexOf(item.dataset.step);
      item.toggleAttribute("data-done", at < STEPS.indexOf(step));
      if (item.dataset.step === step) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    }
    document.body.dataset.step = step;
    if (focus) byId(`step-${step}`).querySelector("h1").focus();
  }
}

await new Portal().start();
