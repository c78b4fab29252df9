// What a proctor can do in a running session beside looking: send a message or a warning, give a break, listen, end it. What is said to the
// student is chosen from a list, or written.

import { call } from "../shared/api.js";
import { answerOf, byId, make, oneWish, setText } from "../shared/dom.js";
import { clockTime } from "./dates.js";
import { LiveSound } from "./live-sound.js";
import { labelled } from "./phrases.js";
import { clearReadyMade, wireReadyMade } from "./ready-made.js";
import { reviewer } from "./reviewer.js";
import { texts } from "./texts.js";

const QUIET_S = 3; // no sound for so long is said

export class SessionActions {
  sound = new LiveSound();
  onBreak = false;

  /** `changed()` is called when the session's record changed. */
  constructor(session_id, { socket, changed }) {
    Object.assign(this, { session_id, socket, changed });
    byId("message-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.send(event.submitter?.value === "warning" ? "warning" : "message");
    });
    for (const button of byId("message-form").querySelectorAll("button")) oneWish(button);
    wireReadyMade(document);
    oneWish(byId("break")).addEventListener("click", () => this.toggleBreak());
    oneWish(byId("mark")).addEventListener("click", () => this.mark());
    setText(byId("listen").querySelector("span"), texts.act.listen);
    oneWish(byId("listen")).addEventListener("click", () => this.toggleSound());
  }

  /** Bring the buttons up to the session's state. */
  draw({ is_running: running, on_break: onBreak = false, call: calls = null }) {
    byId("student-calls").hidden = !running || !calls;
    if (calls) setText(byId("student-calls"), texts.calls(calls.text));
    byId("act-part").hidden = !running;
    this.running = running;
    byId("mark").setAttribute("aria-disabled", String(Boolean(onBreak))); // nothing is recorded then
    this.onBreak = Boolean(onBreak);
    setText(byId("break").querySelector("span"), this.onBreak ? texts.act.breakOff : texts.act.breakOn);
    byId("on-break").hidden = !this.onBreak;
    if (!running && this.sound.playing) this.toggleSound();
    const quiet = this.sound.playing && (this.sound.heardAt === null ? performance.now() - this.listenedAt : performance.now() - this.sound.heardAt) > QUIET_S * 1000;
    setText(byId("listen-state"), quiet ? texts.act.noSound : "");
  }

  /** The messages sent so far, newest first; their times are seconds after `startedAt`. */
  drawMessages(messages = [], startedAt = null) {
    const list = byId("message-list");
    const key = JSON.stringify(messages);
    if (list.dataset.key === key) return;
    list.dataset.key = key;
    const items = [...messages].reverse().map(({ text, level, by, at, delivered, read, from }) =>
      make(
        "li",
        { "data-level": level, "data-from": from },
        make("span", { text: from === "student" ? texts.act.called(text) : labelled(texts.act.levels[level] ?? level, text) }),
        make("span", { class: "muted", text: [texts.act.from(by, clockTime(Date.parse(startedAt) + 1000 * at)), from !== "student" && texts.act.where({ delivered, read })].filter(Boolean).join(" · ") }),
      ),
    );
    list.replaceChildren(...items);
  }

  hear(message) {
    if (message.session_id === this.session_id) this.sound.take(message);
  }

  async send(level) {
    const field = byId("message-text");
    const text = field.value.trim();
    if (!text) {
      this.#said(texts.act.empty, true);
      field.focus();
      return;
    }
    const by = reviewer();
    clearReadyMade(field); // the next one can be written while this one is on its way
    try {
      await call(`/api/session/${this.session_id}/message`, { method: "POST", body: { text, level, ...(by && { by }) } });
      this.#said(texts.act.sent);
    } catch (error) {
      const kept = error.status === 409 && error.code === "conflict";
      this.#said(kept ? texts.act.kept : texts.act.failed(error.message), !kept);
      if (!kept && !field.value) field.value = text;
    }
    this.changed();
  }

  async toggleBreak() {
    const by = reviewer();
    const button = byId("break");
    const on = !this.onBreak;
    const reason = on ? await reasonOf("break-dialog", "break-reason", "break") : "";
    if (reason === null || this.onBreak === on) return; // it may have begun by itself while the dialog stood there
    button.setAttribute("aria-busy", "true");
    try {
      await call(`/api/session/${this.session_id}/break`, { method: "POST", body: { on, ...(reason && { reason }), ...(by && { by }) } });
      this.#said("");
    } catch (error) {
      this.#said(texts.act.breakFailed(error.message), true);
    }
    button.removeAttribute("aria-busy");
    this.changed();
  }

  /** Mark the moment in which this was asked for; the note may be written meanwhile. */
  async mark() {
    if (!this.running || this.onBreak) return;
    const began = performance.now();
    const note = await reasonOf("mark-dialog", "mark-note", "mark");
    if (note === null) return;
    const by = reviewer();
    const seconds_ago = Math.min(600, (performance.now() - began) / 1000);
    try {
      await call(`/api/session/${this.session_id}/mark`, { method: "POST", body: { seconds_ago, ...(note && { note }), ...(by && { by }) } });
      this.#said(texts.mark.done);
    } catch (error) {
      this.#said(texts.mark.failed(error.message), true);
    }
    this.changed();
  }

  /** Ask for the reason, and end the session. False where the proctor goes on watching, or it did not end. */
  async end({ user_id: user, exam_id: exam }) {
    setText(byId("end-text"), texts.session.endConfirm(user, exam));
    const reason = await reasonOf("end-dialog", "end-reason", "end");
    if (reason === null) return false;
    const button = byId("end-session");
    const by = reviewer();
    button.setAttribute("aria-busy", "true");
    try {
      await call(`/api/session/${this.session_id}/end`, { method: "POST", body: { ...(reason && { reason }), ...(by && { by }) } });
      return true;
    } catch (error) {
      setText(byId("end-error"), texts.session.endFailed(error.message));
      byId("end-error").hidden = false;
      return false;
    } finally {
      button.removeAttribute("aria-busy");
    }
  }

  async toggleSound() {
    const button = byId("listen");
    try {
      if (this.sound.playing) {
        this.socket.leaveSound(this.session_id);
        await this.sound.stop();
      } else {
        await this.sound.start();
        this.listenedAt = performance.now();
        await this.socket.joinSound(this.session_id);
      }
      this.#said("");
    } catch (error) {
      await this.sound.stop();
      this.#said(texts.act.listenFailed(error.message), true);
    }
    button.setAttribute("aria-pressed", String(this.sound.playing));
    setText(button.querySelector("span"), this.sound.playing ? texts.act.listening : texts.act.listen);
    setText(byId("listen-state"), "");
  }

  #said(text, wrong = false) {
    const place = byId("act-said");
    place.classList.toggle("field-error", wrong);
    setText(place, text);
  }
}

/** What stands in the field of a dialog that is answered by `yes`; null where it is answered otherwise. */
async function reasonOf(dialog, name, yes) {
  const field = byId(name);
  clearReadyMade(field);
  return (await answerOf(byId(dialog))) === yes ? field.value.trim() : null;
}
