// One student of the list: link and code to be handed over, and what is known of the student.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { byId, make, oneWish, setText } from "../shared/dom.js";
import { sayHalf } from "./exams-forms.js";
import { rosterTexts as t } from "./texts-roster.js";
import { isSure } from "./roster-ask.js";

const dialog = byId("student-dialog");

export class StudentDialog {
  one = null;

  constructor(address, onChanged) {
    Object.assign(this, { address, onChanged });
    const none = make("option", { value: "", text: t.noPreset });
    byId("student-preset").append(none, ...Object.entries(t.presets).map(([value, text]) => make("option", { value, text })));
    oneWish(byId("student-save")).addEventListener("click", () => this.#save());
    byId("student-form").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.target.tagName !== "INPUT") return;
      event.preventDefault(); // else the first button, which copies
      this.#save();
    });
    oneWish(byId("student-renew")).addEventListener("click", () => this.#links("renew"));
    for (const action of ["revoke", "restore"]) oneWish(byId(`student-${action}`)).addEventListener("click", () => this.#links(action));
    oneWish(byId("student-remove")).addEventListener("click", () => this.#remove());
    byId("student-accommodate")?.addEventListener("click", (event) => this.#leave(event));
  }

  async open(one) {
    this.one = one;
    setText(byId("student-title"), one.name || one.user_id);
    setText(byId("student-facts"), one.name ? one.user_id : "");
    const fields = { name: one.name, email: one.email, percent: one.extra_percent, minutes: one.extra_min, preset: one.preset ?? "", note: one.note };
    for (const [id, value] of Object.entries(fields)) byId(`student-${id}`).value = value;
    this.before = JSON.stringify(this.#body());
    const accommodate = byId("student-accommodate"); // where it may be set
    if (accommodate) accommodate.href = addressOf(`/exams?${new URLSearchParams({ accommodate: one.user_id, in: document.body.dataset.examId })}`);
    byId("student-remove").hidden = one.sessions.length > 0;
    byId("student-error").hidden = true;
    for (const input of dialog.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
    this.#show(null);
    dialog.showModal();
    await this.#readEntry();
  }

  #show(entry) {
    const revoked = entry?.revoked ?? this.one.revoked;
    byId("student-entry").hidden = revoked;
    byId("student-revoked").hidden = !revoked;
    byId("student-revoke").hidden = revoked;
    byId("student-restore").hidden = !revoked;
    setText(byId("student-link"), entry?.link ?? "…");
    setText(byId("student-code"), entry?.code ?? "…");
  }

  async #readEntry() {
    const { row_id } = this.one;
    await this.#try(async () => {
      const entry = await call(`${this.address}/${row_id}/entry`);
      if (this.one.row_id === row_id) this.#show(entry);
    });
  }

  async #try(act) {
    byId("student-error").hidden = true;
    try {
      await act();
      return true;
    } catch (error) {
      setText(byId("student-error"), t.changeFailed(error.message));
      byId("student-error").hidden = false;
      return false;
    }
  }

  /** The way to the student's accommodation leaves this page: what is typed here is saved first, or the page stays. */
  async #leave(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || !this.#isChanged()) return; // in another tab, or there is nothing to lose
    event.preventDefault();
    const { href } = event.currentTarget;
    if ((await isSure(t.sure.saveFirst)) && (await this.#save())) location.assign(href);
  }

  #isChanged() {
    return JSON.stringify(this.#body()) !== this.before;
  }

  #body() {
    const number = (id) => Number(byId(`student-${id}`).value || 0);
    const text = (id) => byId(`student-${id}`).value.trim();
    return { name: text("name"), email: text("email"), note: text("note"), extra_percent: number("percent"), extra_min: number("minutes"), preset: byId("student-preset").value };
  }

  async #save() {
    if (sayHalf("student-error", byId("student-form").elements)) return false;
    const before = JSON.parse(this.before);
    const body = Object.fromEntries(Object.entries(this.#body()).filter(([name, value]) => value !== before[name])); // the rest may have been changed meanwhile
    const isChanged = Object.keys(body).length > 0;
    body.seen = Object.fromEntries(Object.keys(body).map((name) => [name, before[name]]));
    if (isChanged && !(await this.#try(() => call(`${this.address}/${this.one.row_id}`, { method: "PATCH", body })))) return false;
    dialog.close();
    if (isChanged) this.onChanged();
    return true;
  }

  async #links(action) {
    if (action === "renew" && !(await isSure(t.sure.renewOne(this.one.name || this.one.user_id)))) return;
    const { row_id } = this.one;
    if (!(await this.#try(() => call(`${this.address}/links`, { method: "POST", body: { action, rows: [row_id] } })))) return;
    await this.#readEntry();
    this.onChanged();
  }

  async #remove() {
    if (!(await isSure(t.sure.remove(this.one.name || this.one.user_id)))) return;
    if (!(await this.#try(() => call(`${this.address}/${this.one.row_id}`, { method: "DELETE" })))) return;
    dialog.close();
    this.onChanged();
  }
}
