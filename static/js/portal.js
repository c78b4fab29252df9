// The student's page: who, what is watched, check, exam. Holds the token and moves from step to step.

import { accommodationWords } from "./accommodations.js";
import { call } from "./api.js";
import { mayStart } from "./checks.js";
import { byId, make, setText } from "./dom.js";
import { CheckStep } from "./portal-check.js";
import { ExamStep } from "./portal-exam.js";
import { idProblem } from "./portal-ids.js";
import { answerTabs, runsElsewhere } from "./portal-tabs.js";
import { texts } from "./texts.js";

const STEPS = ["who", "watched", "check", "exam", "done"];
const TOKEN = "portal.token";
const STAGE = "portal.stage";
const LONGEST_AGENT = 300; // characters that the server keeps

/** The token of a portal link's fragment (`#t=…`), or null. */
export function tokenOf(fragment) {
  return new URLSearchParams(fragment.replace(/^#/, "")).get("t") || null;
}

class Portal {
  token = null;
  session = null;
  ids = { user_id: "", exam_id: "" };
  rehearsal = new URLSearchParams(location.search).has("rehearsal");
  check = new CheckStep({ onStart: () => this.begin() });
  exam = new ExamStep({ onDone: (state) => this.finish(state) });

  async start() {
    byId("who-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.enter();
    });
    byId("watched-agree").addEventListener("click", () => this.openCheck());
    byId("done-here").addEventListener("click", () => location.reload());
    addEventListener("hashchange", () => tokenOf(location.hash) && location.reload()); // another link, opened in this tab
    byId("rehearsal-note").hidden = !this.rehearsal;
    byId("who-rehearse").hidden = this.rehearsal;
    if (!this.rehearsal) this.takeToken();
    if (!this.token) {
      this.show("who", { focus: false });
      return;
    }
    try {
      this.session = await call("/api/student/session", { token: this.token });
    } catch (error) {
      this.whoFailed(error, error.status ? texts.who.badLink : null);
      if (error.status) this.forget();
      this.show("who", { focus: false });
      return;
    }
    if (this.session.state !== "running") this.finish("ended");
    else if (sessionStorage.getItem(STAGE) === this.session.session_id) this.resume(); // not waited for: the browser may ask for the devices
    else this.greet();
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
  greet() {
    for (const [id, value] of [["who-user", this.session.user_id], ["who-exam", this.session.exam_id]]) {
      byId(id).value = value ?? "";
      byId(id).readOnly = true;
    }
    byId("who-linked").hidden = false;
    byId("who-rehearse").hidden = true;
    this.show("who", { focus: false });
    runsElsewhere(this.session.session_id).then((found) => {
      byId("who-elsewhere").hidden = !found;
      setText(byId("who-elsewhere"), texts.who.elsewhere);
    });
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

  whoFailed(error, message = null) {
    if (!error.code) console.error(error);
    if (error.field === "user_id" || error.field === "exam_id") {
      this.fieldFailed(error.field, error.message);
      return;
    }
    const said = { 409: texts.who.already, 403: texts.who.closed, 0: texts.who.unreachable }[error.status];
    const place = byId("who-error");
    setText(place, message ?? said ?? texts.who.failed(error.message));
    place.hidden = false;
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
        const started = await call("/api/student/start", { method: "POST", body: { user_id, ...(exam_id && { exam_id }) } });
        this.token = started.token;
        sessionStorage.setItem(TOKEN, this.token);
      }
      this.session = await call("/api/student/session", { token: this.token });
    }
    const { session_id } = this.session;
    const resumed = sessionStorage.getItem(STAGE) === session_id;
    if (!resumed && this.tellFirst()) return;
    sessionStorage.setItem(STAGE, session_id);
    if (!resumed) this.sendCheck();
    answerTabs(session_id, () => document.body.dataset.step === "exam");
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
    const { user_id, exam_id } = this.ids;
    const problems = results.filter(({ state }) => state !== "ready");
    const kind = mayStart(rows) === "no" ? "blocked" : problems.length ? "warned" : "fine";
    const body = { user_id, ...(exam_id && { exam_id }), results, user_agent: navigator.userAgent.slice(0, LONGEST_AGENT) };
    let stored = "";
    try {
      await call("/api/student/rehearsal", { method: "POST", body });
    } catch (error) {
      stored = texts.check.rehearsed.notStored(error.message);
    }
    this.check.close();
    const [title, text] = texts.check.rehearsed[kind];
    setText(byId("done-title"), title);
    setText(byId("done-text"), text);
    const lines = [...problems.map(({ item, reason }) => `${texts.report.items[item]}: ${reason}`), stored].filter(Boolean);
    byId("done-list").replaceChildren(...lines.map((line) => make("li", { text: line })));
    byId("done-here").hidden = false;
    setText(byId("done-here"), texts.exam.again);
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
    const said = { 409: texts.who.already, 403: texts.who.closed, 0: texts.who.unreachable }[error.status];
    setText(byId("start-error"), said ?? texts.check.startFailed(error.message));
    byId("start-error").hidden = false;
  }

  finish(state) {
    const [title, text] = texts.exam.done[state];
    setText(byId("done-title"), title);
    setText(byId("done-text"), text);
    byId("done-here").hidden = state !== "replaced";
    setText(byId("done-here"), texts.exam.here);
    if (state !== "replaced") this.forget();
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
