// The student's page: who, what is watched, check, exam. Holds the token and moves from step to step.

import { call } from "./api.js";
import { byId, setText } from "./dom.js";
import { CheckStep } from "./portal-check.js";
import { ExamStep } from "./portal-exam.js";
import { texts } from "./texts.js";

const STEPS = ["who", "watched", "check", "exam", "done"];
const TOKEN = "portal.token";
const STAGE = "portal.stage";

/** The token of a portal link's fragment (`#t=…`), or null. */
export function tokenOf(fragment) {
  return new URLSearchParams(fragment.replace(/^#/, "")).get("t") || null;
}

class Portal {
  token = null;
  session = null;
  check = new CheckStep({ onStart: (devices) => this.begin(devices) });
  exam = new ExamStep({ onDone: (state) => this.finish(state) });

  async start() {
    byId("who-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.enter().catch((error) => this.whoFailed(error));
    });
    byId("watched-agree").addEventListener("click", () => this.openCheck());
    byId("done-here").addEventListener("click", () => location.reload());
    addEventListener("hashchange", () => tokenOf(location.hash) && location.reload()); // another link, opened in this tab
    this.takeToken();
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
    else if (sessionStorage.getItem(STAGE) === this.session.session_id) await this.resume();
    else this.greet();
  }

  /** The token from the link, else from before a reload. It leaves the address, so that it is not shared with it. */
  takeToken() {
    const linked = tokenOf(location.hash);
    if (linked) {
      sessionStorage.setItem(TOKEN, linked);
      history.replaceState(null, "", location.pathname);
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
    this.show("who", { focus: false });
  }

  async enter() {
    this.clearWho();
    if (!this.session) {
      const user = byId("who-user").value.trim();
      const exam = byId("who-exam").value.trim();
      if (!user) {
        this.fieldFailed("user_id", texts.who.missing);
        return;
      }
      const button = byId("who-next");
      button.setAttribute("aria-busy", "true");
      try {
        const started = await call("/api/student/start", { method: "POST", body: { user_id: user, ...(exam && { exam_id: exam }) } });
        this.token = started.token;
        sessionStorage.setItem(TOKEN, this.token);
        this.session = await call("/api/student/session", { token: this.token });
      } finally {
        button.removeAttribute("aria-busy");
      }
    }
    this.show("watched");
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
    this.check.open(this.session, this.token);
  }

  /** After a reload in mid-exam: straight on where the devices come without a word, else by way of the check. */
  async resume() {
    this.show("check", { focus: false });
    const devices = await this.check.open(this.session, this.token, { resume: true });
    if (devices.camera.track && devices.microphone.track) await this.begin(this.check.handOver());
  }

  async begin(devices) {
    sessionStorage.setItem(STAGE, this.session.session_id);
    this.show("exam");
    await this.exam.open(this.session, this.token, devices);
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

new Portal().start();
