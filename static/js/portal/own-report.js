// A student's own report: shows what was marked, why and what people decided, and takes the student's answers. Its token stands in the address's fragment.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { byId, make, oneWish, setText } from "../shared/dom.js";
import { fullTime, minuteTime } from "../shared/moments.js";
import { reportTexts as t } from "./texts-report.js";

const REPORT = "/api/student/report";
const ANSWER_MAX = 2000; // characters, as the server takes them
const token = new URLSearchParams(location.hash.slice(1)).get("t") ?? "";

let report = null;

const post = (path, body) => call(`${REPORT}${path}`, { method: "POST", token, body });

function say(element, text) {
  setText(element, text);
  element.hidden = !text;
}

/** Read the report and show it; what is written and not sent stays. */
async function read() {
  report = await call(REPORT, { token });
  draw();
}

/** Send, read anew and say so; what went wrong stands in `error`. */
async function send(form, error, sending, said) {
  say(error, "");
  form.setAttribute("aria-busy", "true");
  try {
    await sending();
    await read();
    setText(byId("own-announcer"), said);
    return true;
  } catch (problem) {
    say(error, t.failed(problem.message));
    return false;
  } finally {
    form.removeAttribute("aria-busy");
  }
}

function draw() {
  const { user_id: user, exam_id: exam, title, flags, conclusion } = report;
  setText(byId("own-lead"), t.lead(user, title || exam));
  byId("own-damaged").hidden = !report.unreadable.length;
  const facts = [[t.facts.from, fullTime(report.started_at)], [t.facts.to, fullTime(report.ended_at)], [t.facts.number, report.session_id]];
  byId("own-facts").replaceChildren(...facts.filter(([, text]) => text).map(([name, text]) => make("div", {}, make("dt", { text: name }), make("dd", {}, make("bdi", { text })))));
  setText(byId("own-conclusion-text"), conclusion ? (t.conclusions[conclusion.conclusion] ?? conclusion.conclusion) : t.conclusions.none);
  say(byId("own-conclusion-reason"), conclusion?.reason ?? "");
  setText(byId("own-conclusion-when"), conclusion ? t.concludedAt(minuteTime(conclusion.at)) : "");
  drawNewLook();
  setText(byId("own-flags-lead"), flags.length ? t.flags(flags.length) : t.flagsNone);
  drawFlags(flags);
  byId("own-nothing").hidden = !report.may_say_nothing;
  byId("own-said-nothing").hidden = !report.nothing_to_add;
  setText(byId("own-weights-text"), t.weights(report.flag_threshold, report.interval_s));
  byId("own-points").replaceChildren(...Object.entries(report.points).map(([name, points]) => make("div", {}, make("dt", { text: name }), make("dd", { class: "number", text: t.points(points) }))));
  byId("own-body").hidden = false;
}

function drawNewLook() {
  const { new_look: asked, new_look_until: until, may_ask_new_look: may } = report;
  byId("own-new-look").hidden = !until && !asked;
  byId("own-asked").hidden = !asked;
  byId("own-ask").hidden = !may;
  byId("own-ask-over").hidden = may || Boolean(asked);
  if (until) setText(byId("own-ask-until"), t.askUntil(minuteTime(until)));
  if (!asked) return;
  setText(byId("own-asked-text"), t.asked(minuteTime(asked.at)));
  setText(byId("own-asked-reason"), asked.reason);
  setText(byId("own-asked-state"), asked.state === "open" ? t.askedOpen : t.askedDone(minuteTime(asked.answered_at)));
  say(byId("own-asked-answer"), asked.answer ?? "");
}

const shown = new Map(); // by video_id: {item, fill}

function drawFlags(flags) {
  flags.forEach((flag, at) => {
    if (!shown.has(flag.video_id)) shown.set(flag.video_id, flagItem(flag, at + 1));
    shown.get(flag.video_id).fill(flag);
  });
  const items = flags.map((flag) => shown.get(flag.video_id).item);
  if (byId("own-flags").children.length !== items.length) byId("own-flags").replaceChildren(...items);
}

/** One moment; `fill` brings what changes up to date and leaves what is being written. */
function flagItem(first, place) {
  const own = `own-flag-${place}`;
  const decided = make("p", { class: "own-decided" });
  const clip = make("div", { class: "own-clip" });
  const text = make("textarea", { id: own, rows: "3", maxlength: String(ANSWER_MAX), dir: "auto", "aria-describedby": [`${own}-hint`, `${own}-error`].join(" ") });
  const error = make("p", { class: "field-error", id: `${own}-error`, role: "alert", hidden: true });
  const button = oneWish(make("button", {}));
  const when = make("p", { class: "hint" });
  const form = make(
    "form",
    { novalidate: true },
    make("div", { class: "field" }, make("label", { for: own, text: t.yourAnswer }), text, make("p", { class: "hint", id: `${own}-hint`, text: t.answerHint(ANSWER_MAX) })),
    error,
    make("p", { class: "actions" }, button),
  );
  const fixed = make("div", { hidden: true }, make("h4", { text: t.yourAnswer }), make("p", { class: "own-words", dir: "auto" }), make("p", { class: "hint", text: t.fixed }));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!text.value.trim()) {
      say(error, t.empty);
      text.focus();
      return;
    }
    const sent = await send(form, error, () => post(`/answers/${first.video_id}`, { text: text.value }), t.saved(place));
    if (!sent) text.focus();
  });
  const item = make(
    "li",
    {},
    make("h3", { text: t.flagTitle(place, first.start, first.end) }),
    make("p", { class: "muted", text: t.joined([fullTime(first.started_at), t.points(first.points)].filter(Boolean)) }),
    make("ul", { class: "reasons" }, ...first.why.map((why) => make("li", { text: why }))),
    decided,
    clip,
    form,
    fixed,
    when,
  );
  text.value = first.answer ?? "";
  const fill = (flag) => {
    setText(decided, t.decisions[flag.decision]);
    setText(button, flag.answer === null ? t.save : t.change);
    setText(when, flag.answered_at ? t.sentAt(minuteTime(flag.answered_at)) : "");
    form.hidden = !flag.may_answer;
    fixed.hidden = flag.may_answer || flag.answer === null;
    setText(fixed.querySelector(".own-words"), flag.answer ?? "");
    drawClip(clip, flag, place);
  };
  return { item, fill };
}

/** The clip's address is made anew at each reading: one that plays is left alone. */
function drawClip(place, { clip_url: address }, number) {
  if (!address || place.dataset.shown) return;
  place.replaceChildren(
    oneWish(
      make("button", {
        type: "button",
        text: t.showClip,
        onclick: () => {
          place.dataset.shown = "yes";
          const video = make("video", { controls: true, controlslist: "nodownload", disablepictureinpicture: true, playsinline: true, preload: "metadata", tabindex: "0", src: addressOf(address), "aria-label": t.clip(number) });
          const broken = make("p", { class: "field-error", role: "alert", hidden: true, text: t.clipBroken });
          video.addEventListener("error", () => {
            broken.hidden = false;
          });
          place.replaceChildren(video, broken);
          video.focus();
        },
      }),
    ),
  );
}

async function begin() {
  if (!token) return say(byId("own-error"), t.noToken);
  try {
    await read();
  } catch (error) {
    return say(byId("own-error"), error.message);
  }
  const [ask, nothing] = [byId("own-ask"), byId("own-nothing")];
  oneWish(ask.querySelector("button"));
  oneWish(nothing.querySelector("button"));
  ask.addEventListener("submit", async (event) => {
    event.preventDefault();
    const reason = byId("own-ask-reason");
    if (!reason.value.trim()) {
      say(byId("own-ask-error"), t.emptyReason);
      reason.focus();
      return;
    }
    if (await send(ask, byId("own-ask-error"), () => post("/new-look", { reason: reason.value }), t.askSaved)) byId("own-title").focus();
  });
  nothing.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await send(nothing, byId("own-nothing-error"), () => post("/nothing"), t.nothingSaved)) byId("own-title").focus();
  });
}

await begin();
