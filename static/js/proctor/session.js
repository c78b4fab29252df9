// One session: the live picture with overlays, this interval's points, the timeline, each interval's violations and clip.

import { addressOf } from "../shared/base.js";
import { byId, icon, make, oneWish, setShare, setText } from "../shared/dom.js";
import { list } from "../shared/translate.js";
import { AbsencePlace } from "./absences.js";
import { heldWords } from "./accommodations.js";
import { wireCopyButtons } from "./copy.js";
import { clockTime, fullTime } from "./dates.js";
import { socket, watching } from "./desk.js";
import { drawOverlay } from "./overlay.js";
import { PictureCanvas } from "./picture-canvas.js";
import { sebNow } from "./seb-words.js";
import { haveSeen } from "./seen-flags.js";
import { SessionActions } from "./session-actions.js";
import { SessionConclusion } from "./session-conclusion.js";
import { SessionNow } from "./session-now.js";
import { readRecord } from "./session-record.js";
import { drawReopening, wireReopening } from "./session-reopen.js";
import { SessionPlatform } from "./session-platform.js";
import { SessionSide } from "./session-side.js";
import { SessionStudents } from "./session-students.js";
import { SessionTimeline } from "./session-timeline.js";
import { ICONS, isPictureOld, isSilent, stateOfSession, stateWords } from "./states.js";
import { newLink } from "./student-link.js";
import { texts } from "./texts.js";
import { nameInterval, withGaps } from "./timeline.js";
import { unreadLines } from "./unread.js";
import { who } from "./who.js";

const LIVE_FPS = Number(document.body.dataset.fps);
const SILENT_S = Number(document.body.dataset.silentS);
const AWAY_MS = 3000;
const READ_AGAIN_MS = 1500; // the server stores an interval shortly after it closed

class SessionPage {
  id = document.body.dataset.sessionId;
  status = null;
  intervals = [];
  heardAt = null;
  view = new PictureCanvas(byId("live-picture"), () => this.join());
  students = new SessionStudents({ socket });
  timeline = new SessionTimeline({ steps: { next_student: () => this.students.go(1), previous_student: () => this.students.go(-1), mark: () => this.actions.mark() } });
  checks = [];
  side = new SessionSide(this.id);
  platform = new SessionPlatform(this.id);
  absences = new AbsencePlace(byId("absences"));
  now = new SessionNow(this.id);
  conclusion = new SessionConclusion(this.id);
  actions = new SessionActions(this.id, { socket, changed: () => this.readSoon(0) });

  async start() {
    this.wire();
    if (!(await this.read())) return;
    watching(this.id);
    socket.on("monitoring_update", (update) => update.session_id === this.id && this.hear(update));
    for (const event of ["interval_flagged", "clip_ready", "session_ended", "break_changed", "message_sent", "message_delivered", "message_read", "moment_marked", "call_changed", "interval_reviewed", "conclusion_changed"]) {
      socket.on(event, (message) => message.session_id === this.id && this.happened(event, message));
    }
    socket.on("sound", (message) => this.actions.hear(message));
    this.join();
    socket.onConnect(() => this.read());
    document.addEventListener("visibilitychange", () => {
      this.join();
      this.markSeen();
    });
    setInterval(() => this.drawState(), 1000);
  }

  /** Who has this page before him sees this session's flags. */
  markSeen() {
    const { unseen } = this.session;
    if (document.hidden || !unseen) return;
    this.session.unseen = null;
    haveSeen(this.id, unseen.intervals);
  }

  join() {
    if (!this.session?.is_running) return;
    socket.joinSession(this.id, { frames: document.hidden ? "none" : this.view.frames, fps: LIVE_FPS });
    if (document.hidden) this.view.rest();
  }

  /** Read what is stored. False when there is no such session. */
  async read() {
    try {
      const details = await readRecord(this.id);
      this.session = details.session;
      this.rules = details.rules;
      this.length = details.rules.interval_duration ?? Number(document.body.dataset.intervalDuration);
      this.threshold = details.rules.flag_threshold ?? Number(document.body.dataset.flagThreshold);
      this.intervals = withGaps(details.intervals, this.length);
      this.checks = details.checks;
      this.unreadable = texts.damaged(details.unreadable);
      byId("session-error").hidden = true;
    } catch (error) {
      setText(byId("session-error"), error.status === 404 ? texts.session.notThere : texts.session.failed(error.message));
      byId("session-error").hidden = false;
      byId("session-error-title").hidden = !byId("session-body").hidden; // one heading, that of what is shown
      byId("skeleton").hidden = true;
      return error.status !== 404 && this.session !== undefined;
    }
    byId("skeleton").hidden = true;
    byId("session-body").hidden = false;
    byId("session-error-title").hidden = true;
    this.drawHead();
    this.drawIntervals();
    this.absences.show(this.id);
    this.students.show(this.session);
    this.conclusion.show(this.session);
    if (!this.session.is_running) this.side.read();
    this.markSeen();
    this.join();
    if (this.isAway()) this.readSoon(AWAY_MS);
    return true;
  }

  readSoon(wait = READ_AGAIN_MS) {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.read(), wait);
  }

  /** The server was restarted, and the student's browser has not come back yet. */
  isAway() {
    return this.session.state === "running" && !this.session.is_running;
  }

  /** As the texts have it. Until its student has come a session waits, though it is open. */
  runState() {
    const begun = this.status?.begun ?? this.session.begun ?? true;
    return this.session.is_running ? (begun ? "running" : "waiting") : this.session.state;
  }

  hear({ frame, h264, frame_at: taken, overlay, ...status }) {
    const before = this.status?.interval_index;
    if (status.begun && this.status && !this.status.begun) this.readSoon(0); // its clock began now
    if (this.status && JSON.stringify(status.accommodation) !== JSON.stringify(this.status.accommodation)) this.readSoon(0);
    this.status = status;
    this.heardAt = performance.now();
    this.view.take({ frame, h264 }, { taken, now: status.elapsed_s });
    this.overlay = overlay;
    this.takeRunning(status);
    if (before !== undefined && before !== status.interval_index) this.readSoon();
    this.draw();
  }

  /** The running interval is newer here than in the database. */
  takeRunning({ interval_index: index, interval_score: score, violations }) {
    const began = index >= this.intervals.length;
    if (began) {
      this.intervals = withGaps([...this.intervals, { index, start: index * this.length, end: (index + 1) * this.length, score, flagged: false, closed: false, violations }], this.length);
    }
    const running = this.intervals[index];
    Object.assign(running, { score, violations, closed: false, flagged: running.flagged || score >= this.threshold, marked: violations.some(({ kind }) => kind === "proctor_mark") });
    if (began) this.drawIntervals();
    else this.timeline.draw();
  }

  happened(event, message) {
    if (event === "session_ended") socket.leaveSession(this.id);
    if (event === "interval_reviewed") this.timeline.reviewed(message);
    if (event === "call_changed" && this.status) this.status = { ...this.status, call: message.call };
    if (event === "break_changed" && this.status) this.status = { ...this.status, on_break: message.on };
    this.readSoon();
  }

  // Drawing

  drawHead() {
    const { session } = this;
    document.title = document.title.replace(/^[^·]*/, `${who(session)} `);
    setText(byId("session-title"), who(session));
    setText(byId("session-exam"), session.exam_id ?? "");
    const state = this.isAway() ? texts.session.away : (texts.session[this.runState()] ?? session.state);
    const time = !session.started_at ? "" : session.ended_at
      ? texts.session.span(fullTime(session.started_at), clockTime(session.ended_at))
      : texts.session.since(fullTime(session.started_at));
    setText(byId("session-when"), list([state, time].filter(Boolean)));
    byId("session-seb").hidden = !session.seb?.length;
    setText(byId("session-seb"), sebNow(session.seb));
    setText(byId("session-source"), list([texts.session.source[session.source] ?? session.source, session.station].filter(Boolean)));
    setText(byId("session-total"), texts.live.total(session.total_score));
    byId(session.is_running ? "unread-while" : "unread-after").append(byId("session-unread")); // while it runs, the picture and what is found come first
    byId("session-unread").replaceChildren(...unreadLines(session.unread).map((text) => make("li", { text })));
    const different = heldWords(session);
    byId("session-accommodation").hidden = different.length === 0;
    setText(byId("session-accommodation"), texts.session.accommodation(different));
    const accommodate = document.getElementById("session-accommodate"); // where it may be set
    if (accommodate) {
      accommodate.href = addressOf(`/exams?${new URLSearchParams({ accommodate: session.user_id, ...(session.exam_id && { in: session.exam_id }) })}`);
      accommodate.hidden = false;
    }
    for (const field of document.querySelectorAll(".to-student")) field.hidden = session.source === "local"; // nobody has a page there to read it on
    byId("session-unreadable").hidden = !this.unreadable;
    setText(byId("session-unreadable"), this.unreadable);
    byId("live-part").hidden = !session.is_running;
    byId("over").hidden = session.is_running || this.isAway();
    setText(byId("over"), texts.session.over(texts.end(session), session.state === "interrupted"));
    byId("end-session").hidden = !session.is_running;
    drawReopening(session);
    byId("new-link").hidden = !session.is_running || session.source !== "browser";
    this.actions.draw({ is_running: session.is_running, on_break: this.status?.on_break ?? openBreak(session), call: this.status?.call });
    this.actions.drawMessages(session.messages, session.started_at);
  }

  get silent() {
    return isSilent(this.heardAt, performance.now(), SILENT_S);
  }

  draw() {
    const { status, threshold } = this;
    setText(byId("session-total"), texts.live.total(status.total_score));
    setShare(byId("now-score"), status.interval_score / threshold);
    Object.assign(byId("now-score"), { role: "img", ariaLabel: texts.live.score(status.interval_score, threshold) });
    setText(byId("now-number"), texts.session.sum(status.interval_score, threshold));
    nameInterval(byId("now-title"), { index: status.interval_index, start: status.interval_index * this.length, end: (status.interval_index + 1) * this.length });
    this.now.drawPoints(status.violations);
    this.now.drawFacts(status, this.silent);
    this.drawState();
    this.now.drawScreen(status);
    this.drawBoxes();
  }

  /** Boxes and gaze over the picture they were read from; over an old one they would say what is no longer so. */
  drawBoxes() {
    const wanted = byId("overlay-switch").checked && !isPictureOld(this.status, this.silent);
    drawOverlay(byId("live-overlay"), wanted ? this.overlay : null, this.status.gaze);
  }

  drawState() {
    this.actions.draw({ is_running: this.session.is_running, on_break: this.status?.on_break ?? openBreak(this.session), call: this.status?.call });
    if (!this.status || !this.session.is_running) return;
    const { silent } = this;
    const state = stateOfSession(this.status, { threshold: this.threshold, silent });
    const mark = byId("live-mark");
    const words = stateWords(state, this.status, silent);
    if (mark.dataset.words !== words) {
      Object.assign(mark.dataset, { state, words });
      mark.replaceChildren(icon(ICONS[state]), make("span", { text: words }));
      mark.hidden = state === "fine";
    }
    if (silent) {
      this.now.drawFacts(this.status, silent);
      this.drawBoxes();
    }
    const old = isPictureOld(this.status, silent);
    byId("live-frame").toggleAttribute("data-old", old);
    byId("live-frame").dataset.state = state;
    byId("now").dataset.state = state;
    byId("live-age").hidden = !old || this.view.takenAt === null;
    if (!byId("live-age").hidden) setText(byId("live-age"), texts.live.age((performance.now() - this.view.takenAt) / 1000));
    byId("live-empty").hidden = this.view.takenAt !== null;
  }

  drawIntervals() {
    const { session, intervals, checks, length, threshold } = this;
    this.timeline.show({ session, intervals, checks, length, threshold });
  }

  // Actions

  wire() {
    wireCopyButtons(document);
    wireReopening(this.id, async (address) => {
      if (address) this.showLink(address, texts.session.reopened(this.session.user_id));
      await this.read();
      byId("main").focus();
    });
    oneWish(byId("new-link")).addEventListener("click", () => this.makeLink());
    byId("overlay-switch").addEventListener("change", () => this.status && this.draw());
    byId("end-session").addEventListener("click", () => this.end());
  }

  async makeLink() {
    try {
      this.showLink(await newLink(this.id));
      byId("end-error").hidden = true;
    } catch (error) {
      setText(byId("end-error"), texts.exams.linkFailed(error.message));
      byId("end-error").hidden = false;
    }
  }

  showLink(address, words = texts.exams.link(this.session.user_id)) {
    setText(byId("link-words"), words);
    setText(byId("link-address"), address);
    byId("link-made").hidden = false;
  }

  async end() {
    if (!(await this.actions.end(this.session))) return;
    await this.read();
    byId("main").focus();
  }
}

/** Before the first update arrives, the record says whether a break is on. */
function openBreak({ breaks = [] }) {
  return breaks.some(({ end }) => end === null || end === undefined);
}

new SessionPage().start();
