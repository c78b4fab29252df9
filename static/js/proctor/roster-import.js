// The form that imports a list of students: it is looked at first, with each line's fault, and stored only when somebody says so.

import { call } from "../shared/api.js";
import { byId, make, oneWish, setText } from "../shared/dom.js";
import { list } from "../shared/translate.js";
import { dressTable } from "./tables.js";
import { reviewer } from "./reviewer.js";
import { rosterTexts as t } from "./texts-roster.js";
import { differences } from "./roster-words.js";

const FILE_BYTES_MAX = 3 << 20; // as the server takes them
const BASE64_AT_ONCE = 0x8000;

/** Bytes in base64. */
export function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += BASE64_AT_ONCE) text += String.fromCharCode(...bytes.subarray(at, at + BASE64_AT_ONCE));
  return btoa(text);
}

export class ImportForm {
  list = null; // what was looked at: {text} or {file}

  constructor(address, onTaken) {
    Object.assign(this, { address, onTaken });
  }

  start() {
    byId("import-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#look();
    });
    oneWish(byId("import-look"));
    oneWish(byId("import-take")).addEventListener("click", () => this.#take());
    byId("import-cancel").addEventListener("click", () => {
      this.#close();
      byId("import-text").focus();
    });
    byId("import-text").addEventListener("input", () => this.#changed(byId("import-file")));
    byId("import-file").addEventListener("change", () => this.#changed(byId("import-text")));
  }

  /** Another list than was looked at: what was shown of that is no longer true, and of the two ways in the last one counts. */
  #changed(other) {
    other.value = "";
    this.#close();
    byId("import-error").hidden = true;
  }

  #close() {
    this.list = null;
    byId("preview").hidden = true;
    for (const id of ["import-skip", "import-missing"]) byId(id).checked = false;
  }

  #wrong(place, text) {
    setText(byId(place), text);
    byId(place).hidden = false;
  }

  async #read() {
    const [file] = byId("import-file").files;
    const text = byId("import-text").value;
    if ((file ?? new Blob([text])).size > FILE_BYTES_MAX) throw new Error(t.tooLarge); // the server would hang up on it, which says nothing
    if (!file) return text.trim() ? { text } : null;
    return { file: base64(new Uint8Array(await file.arrayBuffer())) };
  }

  async #look() {
    byId("import-error").hidden = true;
    this.#close();
    const button = byId("import-look");
    button.setAttribute("aria-busy", "true");
    try {
      const given = await this.#read().catch((error) => {
        throw new Error(error.message === t.tooLarge ? t.tooLarge : t.unreadable);
      });
      if (!given) throw new Error(t.empty);
      const seen = await call(`${this.address}/preview`, { method: "POST", body: given });
      this.list = given;
      this.#draw(seen);
    } catch (error) {
      this.#wrong("import-error", error.status ? t.previewFailed(error.message) : error.message);
      byId("import-text").focus();
    }
    button.removeAttribute("aria-busy");
  }

  #draw(seen) {
    setText(byId("preview-sum"), t.previewSum(seen.students, seen.new, seen.changed, seen.same));
    const columns = t.read(list(seen.columns.map((name) => (name ? t.columns[name] : t.leftOut))));
    setText(byId("preview-read"), [columns, seen.encoding && t.encoding(seen.encoding)].filter(Boolean).join(" "));
    this.#drawFaults(seen.faulty, seen.faults);
    byId("preview-rows").tBodies[0].replaceChildren(...seen.rows.map((row) => this.#row(row)));
    dressTable(byId("preview-rows"));
    byId("preview-table").hidden = seen.rows.length === 0;
    byId("preview-more").hidden = seen.students <= seen.rows.length;
    setText(byId("preview-more"), t.moreRows(seen.students - seen.rows.length));
    this.missing = seen.missing;
    byId("import-missing-line").hidden = seen.missing === 0 || seen.faulty > 0; // who is missing nobody can tell while a line can't be taken
    setText(byId("import-missing-text"), t.missing(seen.missing));
    setText(byId("import-take"), t.take(seen.students));
    byId("import-take").hidden = seen.students === 0;
    byId("take-error").hidden = true;
    byId("preview").hidden = false;
    byId("preview-title").focus();
  }

  #drawFaults(count, faults) {
    this.faulty = count;
    byId("preview-faulty").hidden = count === 0;
    setText(byId("preview-faults-title"), t.faults(count));
    const row = ({ line, what, mend }) => make("tr", {}, make("th", { scope: "row", text: line }), make("td", { text: what }), make("td", { text: mend }));
    byId("preview-faults").tBodies[0].replaceChildren(...faults.map(row));
    dressTable(byId("preview-faults"));
  }

  #row(row) {
    const cell = (text) => make("td", {}, text ? make("bdi", { text }) : "");
    return make("tr", {}, make("th", { scope: "row" }, make("bdi", { text: row.user_id })), cell(row.name), cell(row.email), cell(list(differences(row))), cell(row.note), make("td", { text: t.change[row.change] }));
  }

  async #take() {
    byId("take-error").hidden = true;
    const skip_faulty = byId("import-skip").checked;
    if (this.faulty && !skip_faulty) {
      this.#wrong("take-error", t.mendFirst);
      byId("import-skip").focus();
      return;
    }
    const button = byId("import-take");
    button.setAttribute("aria-busy", "true");
    try {
      const by = reviewer();
      const body = { ...this.list, skip_faulty, remove_missing: byId("import-missing").checked, missing: this.missing, ...(by && { by }) };
      const done = await call(this.address, { method: "POST", body });
      this.#close();
      byId("import-form").reset();
      await this.onTaken();
      setText(byId("roster-said"), t.taken(done));
      byId("roster-table").focus();
    } catch (error) {
      const { faults } = error.details ?? {};
      if (faults) this.#drawFaults(Math.max(this.faulty, faults.length), faults); // some that were fit when they were looked at are so no more
      this.#wrong("take-error", t.takeFailed(error.message));
    }
    button.removeAttribute("aria-busy");
  }
}
