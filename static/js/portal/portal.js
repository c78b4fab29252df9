// The student's page: who, what is watched, check, exam. Holds the token and moves from step to step.

import { call } from "../shared/api.js";
import { byId, oneWish, setText } from "../shared/dom.js";
import { goBy } from "../shared/route.js";
import { AboutExam, leadsTo } from "./about-exam.js";
import { CheckStep, agent } from "./check-step.js";
import { differentWords, drawDifferent } from "./different.js";
import { DoneStep } from "./done-step.js";
import { Entry, TOKEN, entryOf, tokenOf } from "./entry.js";
import { ExamStep } from "./exam-step.js";
import { IdentityStep } from "./identity-step.js";
import { askSession, readSession } from "./read-session.js";
import { refusalWords } from "./said.js";
import { Seb } from "./seb.js";
import { beganByLink, mayRunByLink, nonceOf, overHere, startedHere } from "./started.js";
import { haveExam, leaveExam, runsElsewhere } from "./tabs.js";
import { texts } from "./texts.js";
import { WaitingStep } from "./waiting-step.js";
import { WhoStep } from "./who-step.js";

const STEPS = ["seb", "who", "watched", "check", "identity", "waiting", "exam", "done"].filter((name) => document.getElementById(`step-${name}`));
const STAGE = "portal.stage";
const ENTERED = "portal.entered"; // what was entered before the exam's own page was opened
const HERE = "portal.here"; // of this tab: the session that its student wants here, though it goes on elsewhere
const ANSWER_MS = 8000; // the server answers well within it, or is as good as away
const START_MS = 30_000; // it may wait for its database

class Portal {
  token = null;
  session = null;
  ids = { user_id: "", exam_id: "" };
  rehearsal = new URLSearchParams(location.search).has("rehearsal");
  check = new CheckStep({ onStart: () => this.begin() });
  done = new DoneStep();
  about = new AboutExam();
  identity = new IdentityStep({ onDone: () => this.begin(), onBack: () => this.openCheck() });
  waiting = new WaitingStep({ onShow: () => this.show("waiting", { focus: document.body.dataset.step !== "waiting" }) });
  exam = new ExamStep({ onDone: (state, end) => this.finish(state, end), onDifferent: () => this.drawAccommodation("exam-accommodation") });
  isOpen = document.body.dataset.portalOpen === "true"; // whoever has no link may enter IDs
  seb = new Seb();
  entry = new Entry({ onCode: () => this.entry.into(this) });
  who = new WhoStep({ rehearsal: this.rehearsal, isOpen: this.isOpen, onEnter: () => this.enter(), onOther: () => this.another() });

  async start() {
    oneWish(byId("watched-agree")).addEventListener("click", () => this.openCheck());
    byId("done-here").addEventListener("click", () => {
      sessionStorage.setItem(HERE, this.session?.session_id ?? "");
      location.reload();
    });
    addEventListener("hashchange", () => (tokenOf(location.hash) || entryOf(location.hash)) && location.reload()); // another link, opened in this tab
    byId("rehearsal-note").hidden = !this.rehearsal;
    this.takeToken();
    if (this.entry.take() || (this.entry.given && !this.token)) this.entry.into(this);
    else if (this.token) this.arrive(); // not waited for: the server may be away, and the browser may ask for the devices
    else {
      this.offer();
      if (this.#takeEntered()) this.enter();
      else if (!this.rehearsal) this.seekRunning();
    }
  }

  /** After a closed tab or a crash: does an exam run that was begun in this browser? Who began it by a link has that, the page no more. */
  async seekRunning() {
    const started = this.isOpen && startedHere();
    if (!started) return;
    try {
      const { token } = await call("/api/student/continue", { method: "POST", body: started, signal: AbortSignal.timeout(ANSWER_MS) });
      const session = await askSession(token);
      if (session.state !== "running" || !session.begun || document.body.dataset.step !== "who" || this.who.isTyped) return;
      Object.assign(this, { token, session });
      this.who.greet(session, { elsewhere: await runsElsewhere(session.session_id), found: true });
    } catch (error) {
      console.info("No exam of this browser runs.", error.message);
    }
  }

  /** Nobody's link is known. */
  offer() {
    this.who.offer({ begun: mayRunByLink() });
    this.show("who", { focus: false });
  }

  /** The exam that was found here is not of who sits here now. */
  another() {
    this.forget();
    this.session = null;
    this.who.empty();
    this.offer();
  }

  /** By a link, or back after a reload. */
  async arrive() {
    this.who.wait();
    this.show("who", { focus: false });
    try {
      this.session = await readSession(this.token);
    } catch (error) {
      console.info("The link is refused.", error.message);
      this.forget();
      if (this.entry.given) return void this.entry.into(this); // its session's token is over, the student's own link may not be
      this.offer();
      this.who.refuse();
      return;
    }
    const { state, end_code: code, end_note: note } = this.session;
    if (state === "running" && leadsTo(this.session.exam?.exam_key, this.session.at)) return;
    if (state === "running" && !(await this.#maySit())) return;
    if (state === "running") this.goOn();
    else if (!this.rehearsal) this.finish("ended", { code, note });
    else {
      this.forget();
      this.session = null;
      this.offer();
    }
  }

  /** May its student sit here? Not where the exam is taken in Safe Exam Browser only, and this is another; what to do is said then. */
  async #maySit() {
    const tell = () => {
      this.check.close(); // it may want the camera for itself
      this.show("seb");
    };
    return this.rehearsal || this.seb.allows(this.session, this.token, tell);
  }

  /** Into the exam that this tab had, else to its start. A tab's storage is copied with it, so another one may have it. */
  async goOn() {
    const { session_id } = this.session;
    const chosen = sessionStorage.getItem(HERE) === session_id;
    sessionStorage.removeItem(HERE);
    const elsewhere = !this.rehearsal && !chosen && (await runsElsewhere(session_id));
    if (elsewhere) sessionStorage.removeItem(STAGE);
    if (!this.rehearsal && sessionStorage.getItem(STAGE) === session_id) this.resume();
    else this.who.greet(this.session, { elsewhere });
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

  /** The IDs are looked at here alone: nothing starts, and no clock runs, before the student says so. */
  async enter() {
    this.who.clear();
    if (!this.session) {
      const ids = this.who.read();
      if (!ids) return;
      this.ids = ids;
    }
    if (this.session?.begun && !this.rehearsal) {
      this.continueExam();
      return;
    }
    if (!this.session && !this.entry.given && (await this.#isElsewhere())) return;
    if (!this.session && !this.rehearsal && this.seb.keepsOut(this.known)) return void this.show("seb");
    this.told = this.drawAccommodation("watched-accommodation");
    this.about.draw(this.session?.exam ?? this.known);
    this.show("watched");
  }

  /** The exam that was entered by its ID is looked for: one that somebody defined has a page of its own, with what is watched there. */
  async #isElsewhere() {
    const { exam_id } = this.ids;
    if (!exam_id) return false;
    try {
      const { exam, not_asked: unasked } = await call("/api/student/exam", { method: "POST", body: { exam_id }, signal: AbortSignal.timeout(ANSWER_MS) });
      Object.assign(this, { known: exam, knownUnasked: unasked });
      if (leadsTo(exam?.exam_key)) {
        sessionStorage.setItem(ENTERED, JSON.stringify(this.ids));
        return true;
      }
    } catch (error) {
      console.info("Nothing is known of the exam before its start.", error.message);
    }
    return false;
  }

  /** The IDs that were entered before the exam's own page was opened. */
  #takeEntered() {
    const entered = JSON.parse(sessionStorage.getItem(ENTERED) ?? "null");
    sessionStorage.removeItem(ENTERED);
    if (!entered || this.token) return false;
    this.who.fill(entered);
    return true;
  }

  /** The exam was begun already, and what is watched agreed to: straight on where it stands. */
  continueExam() {
    sessionStorage.setItem(TOKEN, this.token);
    sessionStorage.setItem(STAGE, this.session.session_id);
    this.resume();
  }

  /** What is different for this student, where the session says it. True when there was something to say. */
  drawAccommodation(place) {
    return drawDifferent(this.session, place);
  }

  /** Who came by ID alone has a session only now: what is different is said once more before anything is recorded, for a second yes. */
  tellFirst() {
    if (this.told || !this.drawAccommodation("check-accommodation")) return false;
    this.told = true;
    byId("check-accommodation").focus();
    return true;
  }

  /** The devices without which the exam can start. */
  get unasked() {
    return (this.session ? this.session.not_asked : this.knownUnasked) ?? [];
  }

  openCheck() {
    this.show("check");
    const pictures = !this.rehearsal && !this.identity.done;
    this.check.open(this.token, { rehearsal: this.rehearsal, pictures, trial: this.trial, unasked: this.unasked });
  }

  /** After a reload in mid-exam: straight on where the devices come without a word, else by way of the check. */
  async resume() {
    this.show("check", { focus: false });
    const { unasked } = this;
    const devices = await this.check.open(this.token, { resume: true, unasked });
    if (["camera", "microphone"].every((name) => devices[name].track || unasked.includes(name)) && document.body.dataset.screenCapture !== "required") await this.begin();
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
        const started = await this.waiting.patiently(() => call("/api/student/start", { method: "POST", body, signal: AbortSignal.timeout(START_MS) }));
        if (await runsElsewhere(started.session_id)) throw Object.assign(new Error(texts.who.already), { code: "conflict", status: 409 });
        this.token = started.token;
        sessionStorage.setItem(TOKEN, this.token);
      }
      this.session = await askSession(this.token);
    } else if (!this.session.begun) await this.#askAgain();
    const { exam, begun, route } = this.session;
    goBy(route);
    if (exam && !begun && !exam.may_begin) throw Object.assign(new Error(""), { code: "conflict", status: 409, details: { reason: exam.refused, opens: exam.opens } });
    if (leadsTo(exam?.exam_key, this.session.at) || !(await this.#maySit())) return;
    const { session_id } = this.session;
    const own = startedHere();
    if (own?.user_id !== this.session.user_id || (own.exam_id ?? null) !== this.session.exam_id) beganByLink();
    const resumed = sessionStorage.getItem(STAGE) === session_id;
    if (!resumed && this.tellFirst()) return;
    if (!resumed && this.identity.isNext(this.session)) {
      this.show("identity");
      this.identity.open(this.token, this.check.camera);
      return;
    }
    sessionStorage.setItem(STAGE, session_id);
    if (!resumed) this.check.keep(this.token, { seb: await this.seb.said(), query: this.seb.query });
    await this.waiting.pass(this.token);
    haveExam(session_id);
    this.drawAccommodation("exam-accommodation");
    this.show("exam");
    await this.exam.open(this.session, this.token, { ...this.check.handOver(), seb: this.seb });
  }

  /** It may have opened since this page came, and what is different for the student may have been set. */
  async #askAgain() {
    const before = differentWords(this.session).join();
    this.session = await askSession(this.token);
    this.check.unasked = this.unasked;
    if (differentWords(this.session).join() !== before) this.told = false;
  }

  async endRehearsal() {
    await this.done.rehearsed(this.check, this.session ?? this.ids, { token: this.token, entry: this.entry.given, user_agent: agent() });
    this.show("done");
  }

  /** Said where the student stands: by the button, or at the ID that is wrong. */
  startFailed(error) {
    if (!error.code) console.error(error);
    if (error.status === 422 && (error.field === "user_id" || error.field === "exam_id")) {
      this.show("who", { focus: false });
      this.who.failed(error.field, error.message);
      return;
    }
    if (document.body.dataset.step === "exam") this.openCheck();
    else if (["identity", "waiting"].includes(document.body.dataset.step)) this.show("check", { focus: false });
    setText(byId("start-error"), refusalWords(error) ?? texts.check.startFailed(error.message));
    byId("start-error").hidden = false;
  }

  /** `state` is ended, replaced or refused; `end` how it ended: {code, note}. */
  finish(state, end) {
    leaveExam();
    const goesOn = this.done.ended(state, end, this.session, this.token);
    if (!goesOn) this.forget();
    if (state === "ended" && !goesOn) overHere();
    this.show("done");
  }

  show(step, { focus = true } = {}) {
    for (const name of STEPS) byId(`step-${name}`).hidden = name !== step;
    document.body.classList.toggle("in-exam", step === "exam");
    byId("steps").hidden = ["seb", "exam", "done"].includes(step);
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
