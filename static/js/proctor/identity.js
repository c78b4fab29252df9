// Who takes an exam: card, face and stills of each student side by side, for a person to accept or query. No program compares.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { byId, make, oneWish, setText } from "../shared/dom.js";
import { remembered } from "../shared/storage.js";
import { askReviewer } from "./ask-reviewer.js";
import { damagedLine } from "./damaged.js";
import { minuteTime } from "./dates.js";
import { socket } from "./desk.js";
import { ExamList } from "./exam-list.js";
import { identityAction, laidOut, nextUndecided } from "./identity-keys.js";
import { labelled, paragraph } from "./phrases.js";
import { reviewer } from "./reviewer.js";
import { identityTexts as t } from "./texts-identity.js";

const KEYS_OFF = "review.keys"; // where the review page keeps that single keys are switched off
const PAGE = 20;
const MOST = 50; // that are read anew at once
const AGAIN_MS = 500;

class IdentityPage extends ExamList {
  state = "open";
  at = 0;
  changed = new Set(); // sessions that are to be read anew
  soon = null;
  list = byId("identity-list");

  constructor() {
    super("identity", { page: PAGE, most: MOST, failed: t.failed });
  }

  get query() {
    return { state: this.state };
  }

  rowsOf(answer) {
    return answer.sessions;
  }

  start() {
    const given = new URLSearchParams(location.search).get("state");
    this.wanted = location.hash.slice(1); // a session that another page leads to
    if ([...byId("identity-state").options].some(({ value }) => value === given)) this.state = given;
    if (this.wanted) this.state = "all";
    byId("identity-state").value = this.state;
    byId("identity-filters").addEventListener("submit", (event) => event.preventDefault());
    byId("identity-state").addEventListener("change", () => this.#choose(byId("identity-state").value));
    oneWish(byId("identity-more")).addEventListener("click", () => this.read({ more: true }));
    document.addEventListener("keydown", (event) => this.#key(event));
    this.list.addEventListener("focusin", ({ target }) => this.#stand(this.#placeOf(target)));
    socket.on("identity_changed", ({ session_id: id }) => this.#heard(id));
    socket.onConnect(() => this.read());
    this.read();
  }

  #choose(state) {
    this.state = state;
    this.at = 0;
    history.replaceState(null, "", `?${new URLSearchParams({ state })}`);
    this.read();
  }

  /** Of a session that is shown only its own part is read anew: nothing jumps under a pointer. */
  #heard(id) {
    this.changed.add(id);
    this.soon ??= setTimeout(() => {
      const ids = [...this.changed];
      this.soon = null;
      this.changed.clear();
      if (ids.every((one) => this.rows.some(({ session_id }) => session_id === one))) for (const one of ids) this.#readOne(one);
      else this.read();
    }, AGAIN_MS);
  }

  async #readOne(id) {
    try {
      this.#take((await call(`/api/session/${id}/identity`)).session);
    } catch (error) {
      if (error.code === undefined) throw error;
      this.problem(t.failed(error.message));
    }
  }

  draw() {
    const { exam_id: exam, title, asks, anonymous, keep_days: days, sums } = this.exam;
    document.title = `${t.titleOf(title || exam)} · ${document.title.split(" · ").at(-1)}`;
    setText(byId("identity-heading"), t.titleOf(title || exam));
    setText(byId("identity-sums"), t.sums(sums));
    setText(byId("identity-kept"), t.kept(days));
    setText(byId("identity-anonymous"), anonymous ? t.anonymous : "");
    byId("identity-anonymous").hidden = !anonymous;
    byId("identity-off").hidden = asks;
    setText(byId("identity-off"), asks ? "" : t.off);
    const { activeElement: active } = document;
    const focused = this.list.contains(active) ? active.closest("[data-session]").dataset.session : "";
    const before = new Map([...this.list.children].map((part) => [part.dataset.session, part]));
    this.list.replaceChildren(...this.rows.map((row) => this.#drawn(row, before.get(row.session_id))));
    setText(byId("identity-none"), this.rows.length ? "" : sums.all ? t.none : t.nobody);
    byId("identity-more").hidden = this.after === null;
    const wanted = this.rows.findIndex(({ session_id: id }) => id === (this.wanted || focused));
    this.#stand(wanted >= 0 ? wanted : Math.min(this.at, this.rows.length - 1));
    if (wanted >= 0) this.#focus(wanted, active);
    this.wanted = "";
  }

  /** A student's part, with what was being written in the one before. */
  #drawn(row, before) {
    const part = this.#student(row);
    const [old, form] = [before?.querySelector(".identity-query:not([hidden])"), part.querySelector(".identity-query")];
    if (old && form) {
      form.hidden = false;
      part.querySelector("[data-act=query]").setAttribute("aria-expanded", "true");
      form.querySelector("textarea").value = old.querySelector("textarea").value;
    }
    return part;
  }

  /** Where the focus was in what is drawn anew, it is there again. */
  #focus(place, active) {
    const part = this.#part(place);
    (active?.matches?.("textarea") ? part.querySelector("textarea") ?? part : part).focus();
  }

  /** A student as the server has one now, in place of what is shown. */
  #take(row) {
    const place = this.rows.findIndex(({ session_id: id }) => id === row.session_id);
    if (place < 0 || JSON.stringify(row) === JSON.stringify(this.rows[place])) return; // told of one's own act, half a second later: what is being pressed then stays
    const [old, { activeElement: active }] = [this.#part(place), document];
    const focused = old.contains(active);
    this.rows[place] = row;
    old.replaceWith(this.#drawn(row, old));
    this.#stand(this.at);
    if (focused) this.#focus(place, active);
  }

  #student(row) {
    const { session_id: id, user_id: user, name, stands, pictures, asked, history } = row;
    const who = make("h2", { id: `who-${id}` }, make("a", { href: addressOf(`/session/${id}`), text: user || id }), name ? make("bdi", { class: "muted", text: name }) : null);
    const shown = laidOut(pictures);
    return make(
      "article",
      { class: "panel identity-student", "data-session": id, "data-stands": stands, tabindex: "-1", "aria-labelledby": `who-${id}` },
      make("div", { class: "identity-head" }, who, make("p", { class: "identity-stands", text: t.stands[stands] })),
      damagedLine(row),
      ...this.#said(row).map((text) => make("p", { class: "muted", dir: "auto", text })),
      make("div", { class: "identity-pictures" }, ...shown.map((picture) => this.#picture(picture, user))),
      ...asked.map((one) => make("p", { class: "muted", dir: "auto", text: t.asked(one, minuteTime(one.at)) })),
      ...history.map((act) => make("p", { class: "muted", dir: "auto", text: t.act(act, minuteTime(act.at)) })),
      this.#acts(row),
    );
  }

  /** What the student said, or why there is nothing to compare. */
  #said({ said, pictures, pictures_deleted_at: deleted }) {
    if (deleted) return [t.deleted(minuteTime(deleted))];
    const has = (kind) => pictures.some((picture) => picture.kind === kind);
    if (!said && !has("face") && !has("card")) return [t.said.nothing];
    const lines = [];
    if (said?.face === "unknown" && !has("face")) lines.push(t.said.unknown);
    if (said?.card === "none") lines.push(t.said.noCard(said.words));
    return lines;
  }

  #picture({ kind, url, at, at_s: seconds, width, height }, user) {
    const label = seconds === null ? t.at(t.kinds[kind], minuteTime(at)) : t.inExam(t.kinds[kind], seconds);
    const image = make("img", { src: addressOf(url), alt: labelled(user, label), width, height, loading: "lazy", decoding: "async" });
    const link = make("a", { href: addressOf(url), target: "_blank", rel: "noopener", "aria-label": t.opens(labelled(user, label)) }, image);
    return make("figure", { "data-kind": kind }, link, make("figcaption", { class: "muted", text: label }));
  }

  #acts(row) {
    const { user_id: user, may_decide: may, may_ask: mayAsk } = row;
    const button = (text, more, does, label = null) => {
      const made = oneWish(make("button", { type: "button", text, "aria-label": label, ...more }));
      made.addEventListener("click", does);
      return made;
    };
    const asks = mayAsk.map((what) => button(t.ask[what], { class: "quiet" }, () => this.#ask(row, what), labelled(user, t.ask[what])));
    if (!may) return make("p", { class: "actions" }, ...asks);
    const of = { "aria-describedby": `who-${row.session_id}` };
    const accept = button(t.accept, { ...of, class: "primary", "data-act": "accept" }, () => this.#decide(row, "accepted", ""));
    const query = button(t.query, { ...of, "data-act": "query", "aria-expanded": "false" }, () => this.#openQuery(row));
    for (const [one, key] of [[accept, "A"], [query, "Q"]]) one.append(" ", make("kbd", { text: key, "aria-hidden": "true" }));
    return make("div", {}, make("p", { class: "actions" }, accept, query, ...asks), this.#queryForm(row));
  }

  #queryForm(row) {
    const id = `query-${row.session_id}`;
    const words = make("textarea", { id, rows: "2", maxlength: "500", dir: "auto", "aria-describedby": `${id}-wrong` });
    const wrong = make("p", { class: "field-error", id: `${id}-wrong`, role: "alert" });
    const cancel = make("button", { type: "button", text: t.cancel, onclick: () => this.#closeQuery(row) });
    const form = make("form", { class: "identity-query", novalidate: true, hidden: true }, make("label", { for: id, text: t.what }), words, wrong, make("p", { class: "actions" }, make("button", { class: "primary", text: t.query }), cancel));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = words.value.trim();
      wrong.textContent = text ? "" : t.needed;
      if (text) this.#decide(row, "queried", text);
      else words.focus();
    });
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      this.#closeQuery(row);
    });
    return form;
  }

  #openQuery({ session_id: id }) {
    const part = this.#partOf(id);
    part.querySelector(".identity-query").hidden = false;
    part.querySelector("[data-act=query]").setAttribute("aria-expanded", "true");
    part.querySelector("textarea").focus();
  }

  #closeQuery({ session_id: id }) {
    const part = this.#partOf(id);
    part.querySelector(".identity-query").hidden = true;
    part.querySelector("[data-act=query]").setAttribute("aria-expanded", "false");
    part.querySelector("[data-act=query]").focus();
  }

  async #decide(row, decision, text) {
    const by = reviewer() || (await askReviewer());
    if (!by) return void setText(byId("identity-said"), t.noName);
    await this.#do(row, "", { decision, text, revision: row.revision, by }, (user, stands) => t.done(user, stands));
  }

  #ask(row, what) {
    return this.#do(row, "/ask", { what, by: reviewer() || "proctor" }, (user) => t.askedNow(user), { stay: true });
  }

  /** Act on one student, and go on to the next whom nobody has decided on. */
  async #do(row, path, body, said, { stay = false } = {}) {
    const { session_id: id, user_id: user } = row;
    try {
      const { session } = await call(`/api/session/${id}/identity${path}`, { method: "POST", body });
      this.problem("");
      if (!stay) this.#partOf(id)?.querySelector(".identity-query")?.toggleAttribute("hidden", true); // what was written is said
      this.#take(session);
      this.#count(row.stands, session.stands);
      setText(byId("identity-said"), said(user, session.stands));
      if (!stay) this.#go(nextUndecided(this.rows, this.at));
    } catch (error) {
      if (error.code === undefined) throw error;
      this.problem(labelled(user, t.notDone(error.message)));
      if (error.status === 409) this.#readOne(id);
    }
  }

  #count(before, after) {
    const { sums } = this.exam;
    sums[before] -= 1;
    sums[after] += 1;
    setText(byId("identity-sums"), t.sums(sums));
  }

  // By keys

  #key(event) {
    const { target } = event;
    if (document.querySelector("dialog[open]") || remembered(KEYS_OFF) === "off" || target.closest("textarea, input, select, [contenteditable]")) return;
    const action = identityAction(event);
    if (!action || !this.rows.length) return;
    event.preventDefault();
    const row = this.rows[this.at];
    if (action === "next") this.#go(Math.min(this.at + 1, this.rows.length - 1));
    else if (action === "previous") this.#go(Math.max(this.at - 1, 0));
    else if (action === "undecided") this.#go(nextUndecided(this.rows, this.at));
    else if (row.may_decide && action === "accept") this.#decide(row, "accepted", "");
    else if (row.may_decide) this.#openQuery(row);
  }

  /** To a student, or -1: to the next whom nobody has decided on, of those that are not shown yet. */
  async #go(wanted) {
    let place = wanted;
    if (place < 0 && this.after) {
      await this.read({ more: true });
      place = nextUndecided(this.rows, this.at);
    }
    if (place < 0) {
      setText(byId("identity-said"), paragraph([byId("identity-said").textContent, t.allDecided]));
      this.#part(this.at)?.focus();
      return;
    }
    this.#stand(place);
    this.#part(place).focus();
    this.#part(place).scrollIntoView({ block: "nearest" });
  }

  /** This student is the one that keys are about. */
  #stand(place) {
    if (place < 0) return;
    this.at = place;
    [...this.list.children].forEach((part, number) => part.toggleAttribute("data-here", number === place));
  }

  #part(place) {
    return this.list.children[place];
  }

  #partOf(id) {
    return this.list.querySelector(`[data-session="${id}"]`);
  }

  #placeOf(target) {
    return [...this.list.children].indexOf(target.closest("[data-session]"));
  }
}

new IdentityPage().start();
