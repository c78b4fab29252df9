// How a student of an exam's list comes in: by the link (`#r=…`) or the code that was given out. Both are good until the exam closes, so they are kept for this tab.

import { call } from "../shared/api.js";
import { backOff } from "../shared/clock.js";
import { byId, oneWish, setText } from "../shared/dom.js";
import { minuteTime } from "../shared/moments.js";
import { leadsTo } from "./about-exam.js";
import { refusalWords } from "./said.js";
import { texts } from "./texts.js";

export const TOKEN = "portal.token"; // of the session that this tab has
const KEPT = "portal.entry";
const ANSWER_MS = 12_000;
const LONGEST_WAIT_MS = 24 * 3600 * 1000; // whoever leaves the page open for longer opens it again

/** The token of a portal link's fragment (`#t=…`), or null. */
export function tokenOf(fragment) {
  return new URLSearchParams(fragment.replace(/^#/, "")).get("t") || null;
}

/** The secret of a list's link in an address's fragment, or null. */
export function entryOf(fragment) {
  return new URLSearchParams(fragment.replace(/^#/, "")).get("r") || null;
}

/** For how long, in ms, somebody waits whom the server has too many beside: as it says, and not all of a room at once. */
export function waitOf(error, tries, random = Math.random) {
  return Math.max(backOff(tries), (error.details?.retry_after_s ?? 0) * 1000) * (1 + random() / 4);
}

/** What a student is told who comes before the exam can be begun. */
export function earlyWords({ refused, exam }) {
  return refused === "early" && exam.opens ? texts.who.opensAt(minuteTime(exam.opens)) : texts.who.opensLater;
}

export class Entry {
  /** What opens the exam: {link} or {code, exam_key}, null for none. */
  given = null;

  /** `onCode()` when a code was typed. */
  constructor({ onCode }) {
    byId("code-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const code = byId("code-input").value.trim();
      if (!code) return this.#wrong(texts.who.noCode);
      this.#keep({ code });
      return onCode();
    });
    oneWish(byId("code-next"));
  }

  /** Take the link from the address, which it leaves, so that it is not shared with it. Else what was kept over a reload. True for one that was just opened. */
  take() {
    const link = entryOf(location.hash);
    if (link) {
      this.#keep({ link });
      history.replaceState(null, "", location.pathname + location.search);
    } else this.given = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    return Boolean(link);
  }

  #keep(given) {
    this.given = given;
    sessionStorage.setItem(KEPT, JSON.stringify(given));
  }

  forget() {
    this.given = null;
    sessionStorage.removeItem(KEPT);
  }

  /** Lead `portal` into the student's session, or before the exam opens to the rehearsal. */
  async into(portal) {
    portal.who.wait();
    portal.show("who", { focus: false });
    const entered = await this.#enter();
    if (!entered) portal.offer();
    else if (entered.token) {
      portal.token = entered.token;
      sessionStorage.setItem(TOKEN, entered.token);
      await portal.arrive();
    } else if (!leadsTo(entered.exam.exam_key)) {
      portal.rehearsal = portal.who.rehearsal = true;
      portal.known = entered.exam;
      portal.trial = entered.trial_token;
      byId("rehearsal-note").hidden = false;
      portal.who.fill(entered);
      portal.who.rehearse(earlyWords(entered));
      this.#comeBackAt(entered.exam.opens);
    }
  }

  /** Who came in, however long the server is away; null where link or code let nobody in, which is said. */
  async #enter() {
    for (let tries = 0; this.given; tries += 1) {
      try {
        const entered = await call("/api/student/enter", { method: "POST", token: "", body: this.given, signal: AbortSignal.timeout(ANSWER_MS) });
        byId("who-waiting").hidden = true;
        return entered;
      } catch (error) {
        const isFull = error.status === 429; // others of the room came at once: a link or a code is as good in a minute
        const passes = error.status === undefined || error.status === 0 || error.status >= 500 || isFull;
        byId("who-waiting").hidden = !passes;
        if (!passes) return this.#refused(error);
        setText(byId("who-waiting"), texts.who.waiting);
        await new Promise((resolve) => setTimeout(resolve, isFull ? waitOf(error, tries) : backOff(tries)));
      }
    }
    return null;
  }

  #refused(error) {
    const typed = Boolean(this.given.code);
    const text = error.status === 409 ? (refusalWords(error) ?? error.message) : error.message;
    this.forget();
    if (typed) this.#wrong(text);
    else {
      setText(byId("who-error"), text);
      byId("who-error").hidden = false;
    }
    return null;
  }

  #wrong(text) {
    setText(byId("code-error"), text);
    byId("code-error").hidden = false;
    byId("code-input").setAttribute("aria-invalid", "true");
    byId("code-input").focus();
  }

  /** Read the page again when the exam opens, as long as its student stands at the start. */
  #comeBackAt(opens) {
    const left = Date.parse(opens) - Date.now();
    if (left > 0 && left < LONGEST_WAIT_MS) setTimeout(() => document.body.dataset.step === "who" && location.reload(), left + 1000);
  }
}
