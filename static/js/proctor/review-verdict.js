// The right column of the review page: the reasons of the interval shown, what was decided on it, and why it is dismissed.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { byId, icon, make, setText } from "../shared/dom.js";
import { list } from "../shared/translate.js";
import { AbsencePlace } from "./absences.js";
import { reasonsOf } from "./clip.js";
import { clockTime, fullTime } from "./dates.js";
import { flags } from "./desk.js";
import { readings } from "./phrases.js";
import { REASONS, digitOf } from "./review-keys.js";
import { opinionOf, shownOf } from "./review-queue.js";
import { reviewer } from "./reviewer.js";
import { studentWords } from "./student-words.js";
import { texts } from "./texts.js";
import { who } from "./who.js";

export class Verdict {
  item = null;
  dismissing = false;
  absences = new AbsencePlace(byId("item-absences"));

  /** `onDismiss(reason)` is called where one is chosen. */
  constructor({ onDismiss }) {
    byId("history").addEventListener("toggle", () => this.readHistory());
    setText(byId("dismiss-hint"), texts.review.chooseReason);
    byId("reason-list").replaceChildren(
      ...REASONS.map((reason, index) =>
        make("button", { type: "button", class: "quiet", onclick: () => onDismiss(reason) }, make("kbd", { text: digitOf(index) }), make("span", { text: texts.review.reasons[reason] })),
      ),
    );
  }

  /** Show `item`; `draft` is a note to it that was begun. */
  draw(item, draft) {
    this.item = item;
    setText(byId("item-title"), who(item));
    setText(byId("item-when"), readings([item.exam_id, fullTime(item.started_at), texts.review.interval(item.index + 1, item.start, item.end)]));
    byId("item-score").replaceChildren(icon("flag"), make("strong", { text: texts.review.points(item.score) }));
    const closed = item.eyes_closed?.length ? [make("li", { class: "muted", text: texts.eyesClosed(item.eyes_closed) })] : [];
    byId("item-reasons").replaceChildren(...reasonsOf(item), ...closed);
    this.drawAnswer(item);
    this.absences.show(item.session_id, item);
    byId("item-session").href = addressOf(`/session/${item.session_id}#interval-${item.index}`);
    byId("note").value = draft ?? opinionOf(item, reviewer())?.note ?? "";
    byId("history").open = false;
    byId("history").hidden = !shownOf(item)?.by;
    this.drawDecided(item);
  }

  drawAnswer(item) {
    byId("item-answer").replaceChildren(...[studentWords(item)].filter(Boolean));
  }

  drawDecided(item) {
    const place = byId("item-decided");
    const review = shownOf(item);
    place.hidden = !review?.decision;
    if (!review?.decision) return;
    const lines = [list([texts.review.decided(review), review.at && clockTime(review.at)].filter(Boolean))];
    if (review.note) lines.push(review.note);
    for (const which of ["second", "third"]) {
      if (review[which]) lines.push(texts.review[which](review[which]), ...(review[which].note ? [review[which].note] : []));
    }
    if (review.third && review.state !== "disputed") lines.push(texts.review.settled[review.state]);
    const isMine = Boolean(opinionOf(item, reviewer()));
    if (review.state === "disputed") lines.push(isMine ? texts.review.settles : texts.review.settlesHint);
    else if (!review.second && review.by && reviewer() && !isMine) lines.push(texts.review.secondHint(review.by));
    place.replaceChildren(...lines.map((text) => make("span", { text })));
  }

  startDismissing() {
    this.dismissing = true;
    byId("dismiss-reasons").hidden = false;
    byId("dismiss").setAttribute("aria-expanded", "true");
    flags.say(`${texts.review.chooseReason} ${list(REASONS.map((reason, index) => `${digitOf(index)} ${texts.review.reasons[reason]}`))}`);
  }

  stopDismissing() {
    this.dismissing = false;
    byId("dismiss-reasons").hidden = true;
    byId("dismiss").setAttribute("aria-expanded", "false");
  }

  async readHistory() {
    const { item } = this;
    const list = byId("history-list");
    list.replaceChildren();
    if (!byId("history").open || !item) return;
    try {
      const { history } = await call(`/api/review/${item.video_id}/history`);
      list.replaceChildren(...history.map((entry) => make("li", { text: texts.review.history(entry, fullTime(entry.at)) })));
    } catch (error) {
      list.replaceChildren(make("li", { class: "field-error", text: texts.review.historyFailed(error.message) }));
    }
  }
}
