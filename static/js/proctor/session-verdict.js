// Deciding on a flag on its session's page: the same call and the same rules as on the review page, and what is shown is what the server answered.

import { call } from "../shared/api.js";
import { byId, make, oneWish, setText } from "../shared/dom.js";
import { askReviewer } from "./ask-reviewer.js";
import { REASONS, digitOf } from "./review-keys.js";
import { opinionOf, opinionOn } from "./review-queue.js";
import { reviewer } from "./reviewer.js";
import { texts } from "./texts.js";

export class SessionVerdict {
  dismissing = false;
  #item = null;
  #sure = ""; // the flag on which somebody pressed once while there was no clip to look at yet
  #busy = false;

  /** `decided(item)` is called once the server has taken a decision on it, `answered(item, answer)` where the student has answered meanwhile. */
  constructor({ decided, answered }) {
    Object.assign(this, { decided, answered });
    oneWish(byId("confirm")).addEventListener("click", () => this.act("confirm"));
    oneWish(byId("dismiss")).addEventListener("click", () => this.act(this.dismissing ? "cancel" : "dismiss"));
    oneWish(byId("undo")).addEventListener("click", () => this.act("undo"));
    setText(byId("dismiss-hint"), texts.review.chooseReason);
    byId("reason-list").replaceChildren(
      ...REASONS.map((reason, at) =>
        oneWish(make("button", { type: "button", class: "quiet", onclick: () => this.act(`reason:${reason}`) }, make("kbd", { text: digitOf(at) }), make("span", { text: texts.review.reasons[reason] }))),
      ),
    );
  }

  /** Show the flag `item`; null: there is none to decide on. */
  show(item) {
    byId("decide").hidden = !item;
    if (item?.video_id !== this.#item?.video_id) {
      this.#dismiss(false);
      this.#said("");
      this.#sure = "";
      byId("note").value = opinionOf(item, reviewer())?.note ?? "";
    }
    this.#item = item;
    byId("undo").hidden = !opinionOf(item, reviewer());
    if (item?.clip?.state !== "pending") this.#sure = "";
  }

  /** Do what a key or a button asks for, where there is a flag to decide on. */
  act(action) {
    if (!this.#item) return;
    if (action.startsWith("reason:")) this.#decide("dismissed", action.slice("reason:".length));
    else if (action === "confirm") this.#decide("confirmed");
    else if (action === "undo") this.#decide(null);
    else if (action === "note") byId("note").focus();
    else this.#dismiss(action === "dismiss");
  }

  #dismiss(on) {
    const hadFocus = byId("dismiss-reasons").contains(document.activeElement);
    this.dismissing = on;
    byId("dismiss-reasons").hidden = !on;
    byId("dismiss").setAttribute("aria-expanded", String(on));
    if (hadFocus && !on) byId("dismiss").focus();
  }

  async #decide(decision, reason = "") {
    const item = this.#item;
    if (this.#busy || (decision === null && !opinionOf(item, reviewer()))) return;
    if (decision && item.clip?.state === "pending" && this.#sure !== item.video_id) {
      this.#sure = item.video_id;
      this.#said(texts.review.waitForClip, true);
      return;
    }
    this.#busy = true;
    byId("decide").setAttribute("aria-busy", "true");
    try {
      const by = reviewer() || (await askReviewer());
      if (!by) {
        this.#said(texts.decide.noName, true);
        return;
      }
      const note = byId("note").value.trim();
      const { amends, answered_at } = opinionOn(item, { decision, reason, note, by });
      const body = { decision, by, ...(reason && { reason }), ...(decision && { ...(note && { note }), ...(amends && { amends }), answered_at }) };
      const answer = await call(`/api/review/${item.video_id}`, { method: "POST", body });
      item.review = answer.review;
      this.#said("");
      this.#dismiss(false);
      this.decided(item);
    } catch (error) {
      if (error.details?.reason === "answered") this.answered(item, error.details.answer ?? null);
      this.#said(texts.decide.failed(error.message), true);
    } finally {
      this.#busy = false;
      byId("decide").removeAttribute("aria-busy");
    }
  }

  #said(text, wrong = false) {
    byId("decide-said").classList.toggle("field-error", wrong);
    setText(byId("decide-said"), text);
  }
}
