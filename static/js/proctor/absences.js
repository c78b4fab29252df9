// Who was there before an absence and who after it, side by side: whether it is the same person is for whoever looks. Nothing is compared here.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { make } from "../shared/dom.js";
import { texts } from "./texts.js";

const AGAIN_MS = 20_000; // what was read of a session is believed so long

/** Those of `absences` that lie in `[from, to)` or reach into it. */
export function within(absences, from, to) {
  return absences.filter(({ start, end }) => start < to && (end ?? Infinity) >= from);
}

function still(absence, side) {
  const t = texts.absences;
  const shown = absence[side];
  const caption = make("figcaption", { class: "muted", text: shown ? t[side](shown.at) : t.none[side] });
  if (!shown?.url) return make("figure", {}, make("p", { class: "still-none", text: shown ? t.gone : "" }), caption);
  const { width, height, url } = shown;
  const image = make("img", { src: addressOf(url), alt: t[side](shown.at), width, height, loading: "lazy", decoding: "async" });
  return make("figure", {}, make("a", { href: addressOf(url), target: "_blank", rel: "noopener", "aria-label": t.opens(t[side](shown.at)) }, image), caption);
}

/** The absences as an element of a list each. */
export function drawAbsences(absences) {
  return absences.map((absence) =>
    make("li", {}, make("p", { text: texts.absences[absence.why](absence.start, absence.end) }), make("div", { class: "absence-stills" }, still(absence, "before"), still(absence, "after"))),
  );
}

/** Fills a place (an element with a list in it) with a session's absences, all of them or those of an interval. */
export class AbsencePlace {
  #read = new Map(); // session id → {at, absences}
  #wanted = "";

  constructor(place) {
    this.place = place;
    this.list = place.querySelector("ul");
  }

  /** `interval`: `{start, end}` in seconds; without it all of them. */
  async show(session_id, interval = null) {
    const wanted = JSON.stringify([session_id, interval?.start, interval?.end]);
    if (this.#wanted !== wanted) this.place.hidden = true;
    this.#wanted = wanted;
    const absences = await this.#of(session_id);
    if (this.#wanted !== wanted) return; // another is shown meanwhile
    const shown = interval ? within(absences, interval.start, interval.end) : absences;
    this.place.hidden = !shown.length;
    const key = JSON.stringify(shown);
    if (this.list.dataset.key === key) return;
    this.list.dataset.key = key;
    this.list.replaceChildren(...drawAbsences(shown));
  }

  async #of(session_id) {
    const known = this.#read.get(session_id);
    if (known && performance.now() - known.at < AGAIN_MS) return known.absences;
    try {
      const { absences } = await call(`/api/session/${session_id}/absences`);
      this.#read.clear(); // one session's at a time
      this.#read.set(session_id, { at: performance.now(), absences });
      return absences;
    } catch (error) {
      console.info("The absences can't be read.", error.message);
      return known?.absences ?? [];
    }
  }
}
