// Who has not come, on the live page: of the open exams that have a list of students, or of the one that is filtered for.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { byId, make, setText } from "../shared/dom.js";
import { socket } from "./desk.js";
import { rosterTexts as t } from "./texts-roster.js";

const AGAIN_MS = 20_000; // an exam that opens tells nobody
const GATHER_MS = 2500; // the server tells the same for two seconds

class NotCome {
  exams = [];
  shown = ""; // what is drawn: the same is not drawn again, so that nothing jumps

  start() {
    for (const event of ["session_started", "session_ended", "roster_changed", "device_state"]) socket.on(event, (told) => this.#heard(event, told));
    byId("filter-exam").addEventListener("change", () => this.#draw());
    socket.onConnect(() => this.#read());
    setInterval(() => socket.isOpen && !document.hidden && this.#read(), AGAIN_MS);
  }

  /** A student has begun when the page is connected for the first time. */
  #heard(event, told) {
    if (event === "device_state" && !(told.device === "connection" && told.state === "ok")) return;
    this.waiting ??= setTimeout(() => {
      this.waiting = null;
      this.#read();
    }, GATHER_MS);
  }

  async #read() {
    try {
      ({ exams: this.exams } = await call("/api/rosters/not_come"));
      this.#draw();
    } catch (error) {
      console.info("Who has not come can't be read.", error.message);
    }
  }

  #draw() {
    const only = byId("filter-exam").value;
    const exams = this.exams.filter(({ exam_id, not_come: count }) => count > 0 && (!only || exam_id === only));
    const drawn = JSON.stringify(exams);
    if (drawn === this.shown) return;
    this.shown = drawn;
    const sum = (name) => exams.reduce((count, exam) => count + exam[name], 0);
    byId("not-come").hidden = exams.length === 0;
    setText(byId("not-come-sum"), t.notComeSum(sum("not_come"), sum("late")));
    byId("not-come-list").replaceChildren(...exams.map((exam) => this.#exam(exam)));
  }

  #exam({ exam_key: key, title, total, not_come: count, students, may_open: mayOpen }) {
    const name = !mayOpen ? make("bdi", { text: title }) : make("a", { href: addressOf(`/exams/${key}/roster?state=not_come`), text: title });
    const names = students.map(({ name, user_id: user, state }) => make("li", {}, make("bdi", { text: name || user }), state === "late" ? make("span", { class: "roster-state", "data-state": "late", text: t.states.late }) : null));
    const more = count - students.length;
    return make("section", {}, make("h3", {}, name), make("p", { class: "muted", text: t.notComeOf(count, total) }), make("ul", { class: "not-come-names" }, ...names), more > 0 ? make("p", { class: "muted", text: t.moreRows(more) }) : null);
  }
}

new NotCome().start();
