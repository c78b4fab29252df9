// The flagged intervals, newest first, page by page, each with its reasons and clip.

import { call } from "./api.js";
import { clipOf, reasonsOf } from "./clip.js";
import { fullTime } from "./dates.js";
import { byId, icon, make, setText } from "./dom.js";
import { ProctorSocket } from "./proctor-socket.js";
import { texts } from "./texts.js";

const PAGE = 12; // clips ask for their metadata: more at once would only wait for one another

class FlaggedPage {
  list = byId("flagged");
  threshold = Number(document.body.dataset.flagThreshold);
  after = null;
  fresh = 0;
  shown = new Map();

  start() {
    const socket = new ProctorSocket();
    socket.on("interval_flagged", () => this.offerFresh());
    socket.on("clip_ready", ({ video_id, url, clip }) => this.clipReady(video_id, url, clip));
    socket.joinExam();
    byId("more").addEventListener("click", () => this.read());
    byId("fresh").addEventListener("click", () => this.restart());
    this.read();
  }

  async read() {
    const more = byId("more");
    more.setAttribute("aria-busy", "true");
    const query = new URLSearchParams({ limit: PAGE, ...(this.after && { after: this.after }) });
    try {
      const answer = await call(`/api/flagged/all?${query}`);
      const first = this.shown.size;
      for (const interval of answer.flagged) this.add(interval);
      this.after = answer.next_after ?? null;
      byId("flagged-error").hidden = true;
      if (first && answer.flagged.length) this.list.children[first].querySelector("a").focus();
    } catch (error) {
      setText(byId("flagged-error"), texts.flagged.failed(error.message));
      byId("flagged-error").hidden = false;
    }
    more.removeAttribute("aria-busy");
    more.hidden = this.after === null;
    byId("skeleton").hidden = true;
    byId("empty").hidden = this.shown.size > 0 || !byId("flagged-error").hidden;
    setText(byId("count"), this.shown.size ? texts.flagged.count(this.shown.size, this.after !== null) : "");
  }

  add(interval) {
    if (this.shown.has(interval.video_id)) return;
    const clip = make("div", { class: "flag-clip" }, clipOf(interval, interval.user_id));
    const decision = texts.flagged.decisions[interval.review?.decision];
    const item = make(
      "li",
      { class: "flag-card" },
      clip,
      make(
        "div",
        { class: "flag-text" },
        make("h2", {}, make("a", { href: `/session/${interval.session_id}#interval-${interval.index}`, text: interval.user_id })),
        make("p", { class: "muted", text: [interval.exam_id, fullTime(interval.started_at)].filter(Boolean).join(" · ") }),
        make("p", { class: "muted", text: texts.flagged.interval(interval.index + 1, interval.start, interval.end) }),
        make("p", { class: "flag-score" }, icon("flag"), make("strong", { text: texts.flagged.score(interval.score, this.threshold) })),
        reasonsOf(interval),
        decision ? make("p", { class: "muted", text: decision }) : null,
      ),
    );
    this.shown.set(interval.video_id, { interval, clip });
    this.list.append(item);
  }

  clipReady(video_id, url, clip) {
    const known = this.shown.get(video_id);
    if (!known) return;
    known.interval.clip = { ...clip, url };
    known.clip.replaceChildren(clipOf(known.interval, known.interval.user_id));
  }

  offerFresh() {
    this.fresh += 1;
    byId("fresh").hidden = false;
    setText(byId("fresh"), texts.flagged.fresh(this.fresh));
  }

  async restart() {
    this.fresh = 0;
    byId("fresh").hidden = true;
    this.after = null;
    this.shown.clear();
    this.list.replaceChildren();
    await this.read();
    this.list.querySelector("a")?.focus();
  }
}

new FlaggedPage().start();
