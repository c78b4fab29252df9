// The first step: who takes which exam, or which exam of this student runs already.

import { byId, oneWish, setText } from "../shared/dom.js";
import { idProblem } from "../shared/identifiers.js";
import { texts } from "./texts.js";

const INPUTS = { user_id: "who-user", exam_id: "who-exam" };

export class WhoStep {
  /** `isOpen`: whoever has no link may enter IDs. `onEnter()` when the student goes on, `onOther()` when the exam that was found is somebody else's. */
  constructor({ rehearsal, isOpen, onEnter, onOther }) {
    Object.assign(this, { rehearsal, isOpen });
    byId("who-form").addEventListener("submit", (event) => {
      event.preventDefault();
      onEnter();
    });
    oneWish(byId("who-other")).addEventListener("click", () => onOther());
  }

  /** Nobody's link is known: the IDs are asked for, where the portal is open. `begun`: an exam was begun here by a link, and may still run. */
  offer({ begun = false } = {}) {
    for (const id of Object.values(INPUTS)) byId(id).readOnly = false;
    byId("who-form").hidden = !this.isOpen;
    byId("who-closed").hidden = this.isOpen;
    byId("code-form").hidden = false;
    byId("who-rehearse").hidden = this.rehearsal || !this.isOpen;
    byId("who-lost").hidden = this.rehearsal;
    byId("who-linked").hidden = true;
    byId("who-elsewhere").hidden = true;
    byId("who-other").hidden = true;
    byId("who-runs").hidden = !begun || this.rehearsal;
    setText(byId("who-runs"), texts.who.ranByLink);
    setText(byId("who-next"), texts.who.next);
  }

  /** The link that was opened is no good any more: what to do is said with that, and once. */
  refuse() {
    for (const id of ["who-closed", "who-lost", "who-runs"]) byId(id).hidden = true;
    setText(byId("who-error"), this.isOpen ? texts.who.badLinkOpen : texts.who.badLink);
    byId("who-error").hidden = false;
  }

  /** A link was opened: what it leads to is being read. */
  wait() {
    for (const id of ["who-form", "code-form", "who-closed", "who-rehearse", "who-lost"]) byId(id).hidden = true;
  }

  /** The session is known, by a link or because it was begun here (`found`): its IDs stand there. `elsewhere`: another tab has it. */
  greet(session, { elsewhere, found = false }) {
    for (const [name, id] of Object.entries(INPUTS)) {
      byId(id).value = session[name] ?? "";
      byId(id).readOnly = true;
    }
    const goesOn = session.begun && !this.rehearsal;
    const open = !this.rehearsal && (elsewhere || session.connected);
    byId("who-form").hidden = false;
    byId("code-form").hidden = true;
    byId("who-linked").hidden = goesOn;
    byId("who-lost").hidden = true;
    byId("who-rehearse").hidden = this.rehearsal || session.begun;
    byId("who-other").hidden = !found;
    byId("who-runs").hidden = !goesOn || open;
    setText(byId("who-runs"), found ? texts.who.runs(session.user_id) : texts.who.runsHere);
    byId("who-elsewhere").hidden = !open;
    setText(byId("who-elsewhere"), elsewhere ? texts.who.elsewhere : texts.who.connected);
    setText(byId("who-next"), goesOn ? texts.who.goOn : texts.who.next);
  }

  /** Before the exam can be begun its check is rehearsed; `text` says when it opens. */
  rehearse(text) {
    for (const id of Object.values(INPUTS)) byId(id).readOnly = true;
    byId("who-form").hidden = false;
    setText(byId("who-runs"), text);
    byId("who-runs").hidden = false;
    setText(byId("who-next"), texts.who.rehearse);
  }

  /** The IDs are the student's to enter again. */
  empty() {
    for (const id of Object.values(INPUTS)) byId(id).value = "";
    this.clear();
  }

  /** They were entered already. */
  fill(ids) {
    for (const [name, id] of Object.entries(INPUTS)) byId(id).value = ids[name] ?? "";
  }

  get isTyped() {
    return byId("who-user").value !== "";
  }

  /** The IDs as entered, null where one can't be right, which is said there. */
  read() {
    const ids = { user_id: byId("who-user").value.trim(), exam_id: byId("who-exam").value.trim() };
    const [user, exam] = [idProblem(ids.user_id, { required: true }), idProblem(ids.exam_id)];
    if (exam) this.failed("exam_id", exam);
    if (user) this.failed("user_id", user);
    return user || exam ? null : ids;
  }

  clear() {
    byId("who-error").hidden = true;
    byId("code-error").hidden = true;
    for (const [name, id] of Object.entries(INPUTS)) {
      byId(`who-${name}-error`).hidden = true;
      byId(id).removeAttribute("aria-invalid");
    }
  }

  failed(field, message) {
    const place = byId(`who-${field}-error`);
    setText(place, message);
    place.hidden = false;
    byId(INPUTS[field]).setAttribute("aria-invalid", "true");
    byId(INPUTS[field]).focus();
  }
}
