// A session's report for paper: who, when, checks, timeline, flags with stills, decisions, rules in force.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { spellSeconds } from "../shared/clock.js";
import { byId, icon, make, setShare, setText } from "../shared/dom.js";
import { itemName, kindName, personName } from "../shared/names.js";
import { list, locale, saidAgain } from "../shared/translate.js";
import { heldWords } from "./accommodations.js";
import { reasonOf } from "./clip.js";
import { ZONE, clockTime, fullTime } from "./dates.js";
import { actLine, standsLines } from "./conclusion-words.js";
import { bracketed, exact, items, labelled } from "./phrases.js";
import { sebChanges } from "./seb-words.js";
import { readRecord } from "./session-record.js";
import { studentWords } from "./student-words.js";
import { texts } from "./texts.js";
import { extraRows } from "./timeline-rows.js";
import { toDecide } from "./timeline-shape.js";
import { withGaps } from "./timeline.js";
import { unreadLines } from "./unread.js";
import { who } from "./who.js";

const BARS_IN_A_ROW = 120; // an hour of them, and wide enough to be seen on a phone

const t = texts.report;
const id = document.body.dataset.sessionId;

const table = (head, rows) =>
  make(
    "table",
    { class: "table" },
    make("thead", {}, make("tr", {}, ...head.map((text) => make("th", { scope: "col", text })))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, typeof cell === "string" ? make("bdi", { text: cell }) : cell))))),
  );
const said = (text) => make("p", { class: "muted", text });
const offset = (iso) => new Intl.DateTimeFormat(locale, { timeZoneName: "shortOffset" }).formatToParts(new Date(iso)).find(({ type }) => type === "timeZoneName").value.replace("GMT", "UTC");
/** What stands, and every act where there was more than one. */
function conclusionLines({ conclusion, history }) {
  const stands = standsLines(conclusion).map((text) => make("p", { text }));
  if (history.length < 2) return stands;
  return [...stands, bullets(history.map((one) => actLine(one)))];
}
const bullets = (lines) => make("ul", { class: "plain-list" }, ...lines.map((text) => make("li", { text })));

class Report {
  constructor({ session, rules, intervals, checks, unreadable }, concluded) {
    Object.assign(this, { session, rules, checks, concluded });
    this.unreadable = texts.damaged(unreadable);
    this.length = rules.interval_duration ?? Number(document.body.dataset.intervalDuration);
    this.threshold = rules.flag_threshold ?? Number(document.body.dataset.flagThreshold);
    this.intervals = withGaps(intervals, this.length);
    this.flags = this.intervals.filter(({ flagged }) => flagged);
    this.shown = this.intervals.filter(toDecide);
  }

  draw() {
    const { session } = this;
    const whose = list([who(session), session.exam_id].filter(Boolean));
    document.title = `${whose} · ${t.title}`;
    setText(byId("report-title"), whose);
    const now = new Date().toISOString();
    setText(byId("report-made"), t.made(fullTime(now), ZONE, offset(session.started_at ?? now), offset(now)));
    byId("report-running").hidden = !session.is_running;
    setText(byId("report-running"), session.begun ? t.running : t.waiting);
    byId("report-unreadable").hidden = !this.unreadable;
    setText(byId("report-unreadable"), this.unreadable);
    this.drawFacts();
    setText(byId("report-sum"), t.sum(session, this.intervals.length, this.flags));
    byId("report-unread").replaceChildren(...unreadLines(session.unread).map((text) => make("li", { text })));
    byId("report-conclusion").replaceChildren(...conclusionLines(this.concluded));
    const different = heldWords({ ...session, accommodation_note: "" }); // paper goes from hand to hand
    const by = session.accommodation && !session.accommodations?.length ? said(t.setBy(session.accommodation.set_by, fullTime(session.accommodation.at))) : "";
    byId("report-accommodation").replaceChildren(...(different.length ? [bullets(different), by] : [said(t.noAccommodation)]));
    this.drawCheck();
    this.drawTimeline();
    byId("report-flags").replaceChildren(...this.shown.map((interval) => this.flag(interval)));
    if (!this.shown.length) byId("report-flags").replaceWith(said(t.noFlags));
    this.drawDoubts();
    this.drawBreaks();
    this.drawMessages();
    this.drawRules();
  }

  wall(at) {
    const begin = Date.parse(this.session.started_at ?? "");
    return Number.isNaN(begin) ? spellSeconds(at) : clockTime(new Date(begin + 1000 * at).toISOString());
  }

  drawFacts() {
    const { session } = this;
    const f = t.facts;
    const facts = [
      [f.student, who(session)],
      [f.exam, session.exam_id],
      [f.began, fullTime(session.started_at)],
      [f.ended, session.ended_at ? fullTime(session.ended_at) : null],
      [f.lasted, typeof (session.ended_after_s ?? session.elapsed_s) === "number" ? spellSeconds(session.ended_after_s ?? session.elapsed_s) : null],
      [f.how, texts.end(session)],
      [f.source, list([texts.session.source[session.source] ?? session.source, session.station].filter(Boolean))],
      [f.id, session.session_id],
    ];
    byId("report-facts").replaceChildren(...facts.filter(([, value]) => value).map(([name, value]) => make("div", {}, make("dt", { text: name }), make("dd", { text: value }))));
  }

  drawCheck() {
    const check = this.session.checks_before ?? this.session.rehearsal;
    const place = byId("report-check");
    if (!check) {
      place.replaceChildren(said(t.noChecks));
      return;
    }
    const rows = check.results.map(({ item, state, reason, detail }) => [itemName(item), texts.checkStates[state] ?? state, reason ? bracketed(saidAgain(reason), detail) : (detail ?? "")]);
    place.replaceChildren(said(fullTime(check.at)), table(t.checkHead, rows));
  }

  drawTimeline() {
    const bars = byId("report-bars");
    const top = Math.max(this.threshold, ...this.intervals.map(({ score }) => score));
    const rows = Array.from({ length: Math.ceil(this.intervals.length / BARS_IN_A_ROW) }, (unused, row) => this.intervals.slice(row * BARS_IN_A_ROW, (row + 1) * BARS_IN_A_ROW));
    bars.replaceChildren(...rows.map((intervals) => this.barRow(intervals, top)));
    bars.setAttribute("aria-label", t.sum(this.session, this.intervals.length, this.flags));
    const { breaks, messages } = this.session;
    const beside = extraRows({ intervals: this.intervals, breaks, messages: messages ?? [], checks: this.checks }, this.length, this.intervals.length - 1);
    const lines = this.intervals
      .map((interval) => {
        const words = [...interval.violations.map(({ text }) => text), ...beside.map(({ cells }) => cells.get(interval.index)?.text).filter(Boolean)];
        return [interval, words];
      })
      .filter(([, words]) => words.length)
      .map(([interval, words]) => [t.intervalLine(interval), this.wall(interval.start), interval.flagged ? `${interval.score} ⚑` : String(interval.score), items(words)]);
    byId("report-intervals").replaceChildren(...(lines.length ? [table(t.timelineHead, lines)] : [said(t.calm)]));
  }

  /** One bar an interval and under them their time; in each row they are as wide as in a full one. */
  barRow(intervals, top) {
    const bars = intervals.map(({ score, flagged }) => {
      const bar = make("span", { class: "report-bar", "data-flagged": flagged });
      setShare(bar, score / top);
      return bar;
    });
    const row = make("div", { class: "report-row" }, ...bars);
    row.style.setProperty("--bars", String(Math.min(BARS_IN_A_ROW, this.intervals.length)));
    return make("div", {}, row, make("p", { class: "hint", text: `${this.wall(intervals[0].start)} – ${this.wall(intervals.at(-1).end)}` }));
  }

  flag(interval) {
    const { review = {}, clip = {} } = interval;
    const still = clip.state === "ready" ? this.still(interval) : null; // it is taken from the clip
    const decisions = review?.decision ? items([review, review.second, review.third].filter(Boolean).map((one) => list([texts.review.decided(one), fullTime(one.at), one.note].filter(Boolean)))) : t.undecided;
    const file = clip.state === "ready" ? t.clip(clip) : ["failed", "deleted", "away"].includes(clip.state) ? texts.clip[clip.state](clip.reason) : "";
    return make(
      "li",
      { class: "report-flag" },
      still,
      make(
        "div",
        {},
        make("h3", {}, icon("flag"), make("span", { text: labelled(list([t.intervalLine(interval), this.wall(interval.start)]), texts.review.points(interval.score)) })),
        make("ul", { class: "reasons" }, ...interval.violations.map(reasonOf)),
        studentWords(interval),
        make("p", {}, make("strong", { text: t.decision }), " ", review?.state === "disputed" ? labelled(texts.review.states.disputed, decisions) : decisions),
        file ? make("p", { class: "muted report-file", text: file }) : null,
      ),
    );
  }

  still({ index }) {
    const still = make("img", { src: addressOf(`/api/session/${id}/still/${index}`), alt: t.still(this.session.user_id, index + 1), width: 240, height: 180 });
    still.addEventListener("error", () => still.remove());
    return still;
  }

  /** What could not be told or was to be looked at, and from where the page was connected where that changed. */
  drawDoubts() {
    const { doubts = [], connections = [], devices = {} } = this.session;
    const rows = doubts.map(({ start, end, text }) => [this.wall(start), typeof end === "number" ? spellSeconds(end - start) : "–", text]);
    const places = connections.map(({ at, address, browser }) => [this.wall(at), address, browser]);
    const camera = devices.camera?.label ? said(t.camera(devices.camera.label)) : null;
    const seb = sebChanges(this.session.seb).map(([at, words]) => said(labelled(this.wall(at), words)));
    const unread = unreadLines(this.session.unread);
    const noted = [unread.length ? bullets(unread) : null, rows.length ? table(t.doubtHead, rows) : null].filter(Boolean);
    byId("report-doubts").replaceChildren(
      ...[...(noted.length ? noted : [said(t.noDoubts)]), camera, ...seb, places.length ? table(t.connectionHead, places) : null].filter(Boolean),
    );
  }

  drawBreaks() {
    const rows = (this.session.breaks ?? []).map(({ start, end, by, reason }) => [this.wall(start), typeof end === "number" ? this.wall(end) : "–", typeof end === "number" ? spellSeconds(end - start) : "–", by && reason ? labelled(by, reason) : (by || reason || "")]);
    byId("report-breaks").replaceChildren(rows.length ? table(t.breakHead, rows) : said(t.noBreaks));
  }

  drawMessages() {
    const rows = (this.session.messages ?? []).map(({ at, level, text, by, from }) => [this.wall(at), texts.act.levels[level] ?? level, from === "student" ? texts.act.called(text) : text, personName(by)]);
    byId("report-messages").replaceChildren(rows.length ? table(t.messageHead, rows) : said(t.noMessages));
  }

  drawRules() {
    const points = Object.entries(this.rules.points ?? {}).map(([kind, count]) => [kindName(kind), count ? String(count) : texts.exams.off]);
    const others = Object.entries(t.rules).filter(([name]) => this.rules[name] !== undefined).map(([name, words]) => [words, typeof this.rules[name] === "number" ? exact(this.rules[name]) : String(this.rules[name])]);
    byId("report-rules").replaceChildren(table(t.pointsHead, points), table(t.rulesHead, others));
  }
}

async function start() {
  byId("print").addEventListener("click", () => window.print());
  try {
    new Report(...(await Promise.all([readRecord(id), call(`/api/session/${id}/conclusion`)]))).draw();
    byId("report").hidden = false;
  } catch (error) {
    if (!error.code) throw error;
    setText(byId("report-error"), error.status === 404 ? t.notThere : t.failed(error.message));
    byId("report-error").hidden = false;
    byId("report-error-title").hidden = false;
  } finally {
    byId("skeleton").hidden = true;
  }
}

start();
