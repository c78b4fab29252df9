// The queue on the review page: a row for each interval, with a still and where it stands.

import { addressOf } from "../shared/base.js";
import { byId, icon, make } from "../shared/dom.js";
import { kindName } from "../shared/names.js";
import { list } from "../shared/translate.js";
import { shortTime } from "./dates.js";
import { readings } from "./phrases.js";
import { shownOf } from "./review-queue.js";
import { texts } from "./texts.js";
import { who } from "./who.js";

export class QueueList {
  list = byId("queue");

  constructor({ onChoose }) {
    this.onChoose = onChoose;
  }

  /** Add the rows of those that have none; `grouped`: with a heading where another student's begin. */
  draw(items, { grouped = false } = {}) {
    const known = new Set([...this.list.children].map(({ dataset }) => dataset.id));
    for (const item of items) {
      if (known.has(item.video_id)) continue;
      const student = JSON.stringify([item.user_id, item.exam_id]);
      if (grouped && this.list.lastElementChild?.dataset.student !== student) {
        this.list.append(make("li", { class: "queue-group", text: readings([who(item), item.exam_id]) }));
      }
      const row = this.#row(item);
      row.dataset.student = student;
      this.list.append(row);
    }
  }

  clear() {
    this.list.replaceChildren();
  }

  contains(element) {
    return this.list.contains(element);
  }

  #row(item) {
    const button = make(
      "button",
      { type: "button", class: "queue-item", onclick: () => this.onChoose(item.video_id) },
      make("span", { class: "queue-still" }),
      make(
        "span",
        { class: "queue-text" },
        make("strong", { text: who(item) }),
        make("span", { class: "muted queue-when" }, item.exam_id ? make("bdi", { text: item.exam_id }) : null, make("span", { text: shortTime(item.started_at) })),
        make("span", { class: "queue-why", text: list(item.violations.map(({ kind }) => kindName(kind))) }),
        make("span", { class: "queue-state" }),
      ),
      make("span", { class: "queue-score number", text: item.score, title: texts.review.points(item.score) }),
    );
    const row = make("li", { "data-id": item.video_id }, button);
    this.#fillStill(row, item);
    this.#fillState(row, item);
    return row;
  }

  #fillStill(row, item) {
    const place = row.querySelector(".queue-still");
    if (item.clip?.state !== "ready") {
      place.replaceChildren(icon("camera"));
      return;
    }
    const still = make("img", { src: addressOf(`/api/session/${item.session_id}/still/${item.index}`), alt: "", loading: "lazy", width: 96, height: 72 });
    still.addEventListener("error", () => place.replaceChildren(icon("camera")));
    place.replaceChildren(still);
  }

  /** Where `item` stands, or is said to stand. */
  drawState(item) {
    const row = this.#rowOf(item);
    if (row) this.#fillState(row, item);
  }

  #fillState(row, item) {
    const shown = shownOf(item);
    const decision = shown?.decision ? (shown.state ?? shown.decision) : null; // what is on its way has no state yet
    row.toggleAttribute("data-done", Boolean(decision));
    const place = row.querySelector(".queue-state");
    place.replaceChildren(...(decision ? [icon({ confirmed: "flag", dismissed: "fine", disputed: "unknown" }[decision] ?? "unknown"), texts.review.states[decision] ?? decision] : []));
  }

  #rowOf(item) {
    return this.list.querySelector(`[data-id="${CSS.escape(item.video_id)}"]`);
  }

  drawStill(item) {
    const row = this.#rowOf(item);
    if (row) this.#fillStill(row, item);
  }

  markCurrent(current) {
    for (const button of this.list.querySelectorAll("[aria-current]")) button.removeAttribute("aria-current");
    const button = this.#rowOf(current)?.querySelector("button");
    button?.setAttribute("aria-current", "true");
    if (this.list.contains(document.activeElement)) button?.focus({ preventScroll: true });
    this.#scrollTo(button);
  }

  /** Bring the row into the queue's own view; the page itself stays where it is. */
  #scrollTo(button) {
    const box = this.list.parentElement;
    if (!button || box.scrollHeight <= box.clientHeight) return;
    const [row, view] = [button.getBoundingClientRect(), box.getBoundingClientRect()];
    if (row.top < view.top + 40) box.scrollTop -= view.top + 40 - row.top;
    else if (row.bottom > view.bottom) box.scrollTop += row.bottom - view.bottom + 8;
  }
}
