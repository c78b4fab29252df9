// The live page: a tile for each running exam, those that need a look first, flags announced as they are raised.

import { call } from "../shared/api.js";
import { byId, make, setText } from "../shared/dom.js";
import { remember, remembered } from "../shared/storage.js";
import { list } from "../shared/translate.js";
import { wireAlertSwitches } from "./alerts.js";
import { wireCopyButtons } from "./copy.js";
import { alerts, flags, socket } from "./desk.js";
import { WallDetours } from "./detours.js";
import "./exam-message.js";
import "./not-come.js";
import { ProctorSocket } from "./proctor-socket.js";
import { markSeen } from "./seen-flags.js";
import { RANKS, compareEntries, misplaced, needsSomebody } from "./states.js";
import { texts } from "./texts.js";
import { Tile } from "./tile.js";
import { rememberOrder } from "./wall-order.js";
import { WallSockets } from "./wall-sockets.js";
import { Wall } from "./wall.js";
import { who } from "./who.js";

const TILE_FPS = 1;
const REDRAW_MS = 1000;
const SIZE = "live.size";
const READ_AGAIN_MS = 60_000; // what an event did not bring
const FAR_MS = 500 * document.body.dataset.silentS; // so often are those read of whom no event comes: there are too many servers
const HOLD_MS = 5000; // so long after a pointer or key was at the tiles none of them moves
const FILTERS = { search: "filter-search", exam: "filter-exam", state: "filter-state", fine: "filter-fine" };

const reduced = matchMedia("(prefers-reduced-motion: reduce)");

class LivePage {
  tiles = new Map();
  threshold = Number(document.body.dataset.flagThreshold);
  grid = byId("grid");
  wall = new Wall(this.grid);
  sockets = new WallSockets(socket, (route) => new ProctorSocket({ route, quiet: true, onElsewhere: (id, server) => this.detours.away(id, server) }));
  detours = new WallDetours(this.tiles, (id) => [this.connect(), this.join(id)]);
  filters = { search: "", exam: "", state: "", fine: "" };
  usedAt = -Infinity; // when a pointer or key was at the tiles
  // a tile that nobody sees gets its state, and no picture
  inView = new IntersectionObserver((seen) => this.looked(seen), { rootMargin: "200px" });

  start() {
    const { sockets } = this;
    sockets.on("monitoring_update", (update) => this.hear(update));
    sockets.on("session_started", (status) => this.add(status));
    sockets.on("session_ended", (ended) => this.remove(ended));
    sockets.on("interval_flagged", (flag) => this.flagged(flag));
    sockets.on("device_state", ({ session_id, device, state, reason }) => {
      const tile = this.tiles.get(session_id);
      tile?.update({ devices: { ...tile.status.devices, [device]: { ...tile.status.devices?.[device], state, reason } } });
    });
    sockets.on("break_changed", ({ session_id, on }) => this.tiles.get(session_id)?.update({ on_break: on }));
    sockets.on("call_changed", ({ session_id, call }) => this.tiles.has(session_id) && this.called(this.tiles.get(session_id), call));
    sockets.on("session_moved", ({ session_id }) => this.detours.home(session_id));
    sockets.on("flags_seen", ({ session_id, unseen }) => this.seen(session_id, unseen));
    setInterval(() => socket.isOpen && this.read(), READ_AGAIN_MS);
    setInterval(() => (sockets.missing || this.detours.lost) && !document.hidden && this.read(), FAR_MS);
    wireCopyButtons(document);
    wireAlertSwitches(document, alerts);
    this.wireFilters();
    this.readNotes();
    for (const event of ["pointermove", "keydown", "focusin"]) this.grid.addEventListener(event, () => this.use());
    this.grid.addEventListener("pointerleave", () => this.arrange());
    this.grid.addEventListener("focusout", () => setTimeout(() => this.arrange()));
    byId("sort-now").addEventListener("click", () => this.arrange({ force: true }));
    document.addEventListener("visibilitychange", () => this.joinAll());
    setInterval(() => this.redraw(), REDRAW_MS);
    socket.onConnect(() => this.read());
  }

  use() {
    this.usedAt = performance.now();
  }

  /** The running sessions as the server knows them now; after a break some are gone and some are new. */
  async read() {
    const before = [...this.tiles.keys()]; // what begins while the answer is on its way is not in it
    try {
      const { sessions, alone = true } = await call("/api/sessions/active");
      if (this.sockets.alone !== alone) {
        this.sockets.alone = alone;
        this.joinAll();
      }
      const running = new Set(sessions.map(({ session_id }) => session_id));
      for (const id of before) if (!running.has(id)) this.over(id);
      for (const status of sessions) this.add(status, { quietly: true });
      byId("live-error").hidden = true;
    } catch (error) {
      setText(byId("live-error"), texts.live.failed(error.message));
      byId("live-error").hidden = false;
    }
    byId("skeleton").hidden = true;
    this.arrange();
  }

  /** What the models can't do on this server, said quietly. */
  async readNotes() {
    try {
      const { parts } = await call("/api/health");
      const notes = parts?.models?.notes ?? [];
      byId("models-note").hidden = notes.length === 0;
      setText(byId("models-note-title"), texts.live.limited(notes.length));
      byId("models-note-list").replaceChildren(...notes.map((text) => make("li", { text })));
    } catch (error) {
      console.info("The server's state can't be read.", error.message);
    }
  }

  hear({ frame, h264, frame_at: taken, overlay: _overlay, ...status }) {
    const tile = this.tiles.get(status.session_id);
    if (!tile) return;
    this.called(tile, status.call);
    tile.update({ ...status, elsewhere: null });
    tile.picture({ frame, h264 }, { taken, now: status.elapsed_s });
  }

  /** The student calls, adds to it, or waits no more. */
  called(tile, call) {
    const { call: before } = tile.status;
    if (call && (call.at !== before?.at || call.text !== before?.text)) flags.say(texts.live.calls(who(tile.status), call.text ?? ""));
    tile.update({ call });
  }

  add(status, { quietly = false } = {}) {
    const known = this.tiles.get(status.session_id);
    if (known) {
      known.update(status);
      return;
    }
    const tile = new Tile(status, { threshold: this.threshold, onSeen: () => this.see(tile), onTrouble: () => this.join(status.session_id) });
    this.tiles.set(status.session_id, tile);
    tile.inView = false;
    tile.element.dataset.session = status.session_id;
    this.grid.append(tile.element);
    this.inView.observe(tile.element);
    this.join(status.session_id);
    if (!quietly) this.arrange();
  }

  remove({ session_id, flagged_intervals }) {
    const tile = this.tiles.get(session_id);
    if (!tile || tile.ended) return;
    flags.say(texts.live.ended(who(tile.status), flagged_intervals));
    this.over(session_id);
  }

  /** The exam has ended: its tile goes, once its flags were seen. */
  over(session_id) {
    const tile = this.tiles.get(session_id);
    if (!tile?.unseen) {
      this.drop(session_id);
      return;
    }
    tile.socket?.leaveSession(session_id);
    tile.ended = true;
    tile.draw();
  }

  drop(session_id) {
    const tile = this.tiles.get(session_id);
    if (!tile) return;
    tile.socket?.leaveSession(session_id);
    const hadFocus = tile.element.contains(document.activeElement);
    this.inView.unobserve(tile.element);
    tile.element.remove();
    this.tiles.delete(session_id);
    if (hadFocus) byId("main").focus();
    this.arrange();
  }

  flagged({ session_id, flagged_intervals, unseen }) {
    this.tiles.get(session_id)?.update({ flagged_intervals, unseen });
    this.arrange();
  }

  /** This proctor has looked: every page hears it from the server. */
  async see(tile) {
    const { session_id, unseen } = tile.status;
    try {
      await markSeen(session_id, unseen.intervals);
      byId("live-error").hidden = true;
    } catch (error) {
      setText(byId("live-error"), texts.live.seenFailed(error.message));
      byId("live-error").hidden = false;
    }
  }

  /** Flags were seen, by whomever; `unseen` is what is left. */
  seen(session_id, unseen) {
    const tile = this.tiles.get(session_id);
    if (!tile) return;
    if (!unseen && tile.seen === document.activeElement) tile.link.focus();
    tile.update({ unseen });
    if (!unseen && tile.ended) this.drop(session_id);
    this.arrange();
  }

  join(session_id) {
    const tile = this.tiles.get(session_id);
    if (!tile || tile.ended) return;
    const seen = !document.hidden && tile.inView;
    const near = this.sockets.of(tile.route);
    if (tile.socket !== near) tile.socket?.leaveSession(session_id);
    tile.socket = near;
    near?.joinSession(session_id, { frames: seen ? tile.view.frames : "none", fps: TILE_FPS });
    if (!seen) tile.view.rest();
  }

  looked(entries) {
    for (const { target, isIntersecting } of entries) {
      const tile = this.tiles.get(target.dataset.session);
      if (!tile || tile.inView === isIntersecting) continue;
      tile.inView = isIntersecting;
      this.join(target.dataset.session);
    }
  }

  joinAll() {
    for (const id of this.tiles.keys()) this.join(id);
  }

  // Order and filters

  /** Put urgent tiles first, but not while a pointer or a key is at them: then a button offers it. */
  arrange({ force = false } = {}) {
    const wanted = [...this.tiles.values()].sort(compareEntries);
    const used = this.grid.matches(":hover") || this.grid.contains(document.activeElement);
    const held = used && performance.now() - this.usedAt < HOLD_MS;
    if (force || !held) {
      const present = [...this.grid.children];
      if (wanted.some((tile, index) => present[index] !== tile.element)) this.reorder(wanted);
    }
    this.filter({ held: held && !force });
    this.connect();
    this.count();
    if (force || !held) this.wall.fit();
  }

  /** To the servers of the exams that are shown, and of the others while there is room. */
  connect() {
    const routes = (hidden) => [...this.tiles.values()].filter(({ element }) => element.hidden === hidden).map(({ route }) => route);
    if (this.sockets.want(routes(false), routes(true))) this.joinAll();
    const { missing } = this.sockets;
    byId("far").hidden = !missing;
    setText(byId("far"), missing ? texts.live.far(missing) : "");
  }

  reorder(wanted) {
    const before = new Map(wanted.map((tile) => [tile, tile.element.getBoundingClientRect()]));
    const focused = document.activeElement;
    this.grid.append(...wanted.map((tile) => tile.element));
    if (this.grid.contains(focused)) focused.focus({ preventScroll: true });
    if (reduced.matches) return;
    for (const [tile, from] of before) {
      const to = tile.element.getBoundingClientRect();
      const [x, y] = [from.left - to.left, from.top - to.top];
      if (x || y) tile.element.animate([{ transform: `translate(${x}px, ${y}px)` }, { transform: "none" }], { duration: 200, easing: "ease-out" });
    }
  }

  /** Show what the filters let through. While a pointer or focus is in the grid nothing leaves it, and what comes is put at its end. */
  filter({ held = false } = {}) {
    const { search, exam, state: only, fine } = this.filters;
    const named = (status) => `${who(status)} ${status.exam_id ?? ""}`.toLocaleLowerCase().includes(search.trim().toLocaleLowerCase());
    for (const { element, status, state } of this.tiles.values()) {
      const shown = named(status) && (!exam || status.exam_id === exam) && (!only || state === only) && !(fine && state === "fine");
      if (element.hidden !== shown || (held && !shown)) continue;
      if (held) this.grid.append(element);
      element.hidden = !shown;
    }
  }

  count() {
    const all = [...this.tiles.values()];
    const shown = all.filter(({ element }) => !element.hidden);
    const inOrder = [...this.grid.children].map((element) => shown.find((tile) => tile.element === element)).filter(Boolean);
    if (all.length) rememberOrder(inOrder.map((tile) => tile.element.dataset.session));
    const waiting = all.filter(({ rank }) => rank === RANKS.waiting).length;
    const urgent = all.filter(({ rank }) => needsSomebody(rank)).length;
    byId("empty").hidden = all.length > 0 || !byId("skeleton").hidden || !byId("live-error").hidden;
    byId("no-match").hidden = all.length === 0 || shown.length > 0;
    byId("toolbar").hidden = all.length === 0;
    setText(byId("count"), all.length === 0 ? "" : list([texts.live.count(all.length - waiting, waiting), shown.length < all.length && texts.live.shown(shown.length, all.length)].filter(Boolean)));
    setText(byId("urgent"), urgent ? texts.live.attention(urgent) : "");
    const behind = misplaced(inOrder);
    byId("sort-now").hidden = behind === 0;
    setText(byId("sort-now"), texts.live.sortNow(behind));
    this.listExams(all);
  }

  listExams(all) {
    const exams = [...new Set(all.map(({ status }) => status.exam_id).filter(Boolean))].sort();
    const select = byId("filter-exam");
    if (select.dataset.exams === exams.join("\n")) return;
    select.dataset.exams = exams.join("\n");
    select.replaceChildren(select.options[0], ...exams.map((exam) => make("option", { value: exam, text: exam })));
    if (this.filters.exam && exams.length && !exams.includes(this.filters.exam)) {
      this.filters.exam = "";
      this.keepFilters();
    }
    select.value = this.filters.exam;
  }

  wireFilters() {
    for (const option of document.querySelectorAll("[data-state-name]")) option.textContent = texts.states[option.dataset.stateName];
    const asked = new URLSearchParams(location.search); // the browser's "back" from a session finds them again
    for (const [name, id] of Object.entries(FILTERS)) {
      const field = byId(id);
      this.filters[name] = asked.get(name) ?? "";
      if (field.type === "checkbox") field.checked = Boolean(this.filters[name]);
      else field.value = this.filters[name];
      field.addEventListener(field.type === "text" ? "input" : "change", () => {
        this.filters[name] = field.type === "checkbox" ? (field.checked ? "1" : "") : field.value;
        this.keepFilters();
        this.filter();
        this.count();
        this.wall.fit();
      });
    }
    const size = byId("filter-size");
    size.value = remembered(SIZE) ?? "";
    this.wall.size = size.value;
    size.addEventListener("change", () => {
      remember(SIZE, size.value);
      this.wall.size = size.value;
    });
  }

  keepFilters() {
    const query = String(new URLSearchParams(Object.entries(this.filters).filter(([, value]) => value)));
    history.replaceState(null, "", query ? `?${query}` : location.pathname);
  }

  redraw() {
    for (const tile of this.tiles.values()) tile.draw();
    this.arrange();
  }
}

new LivePage().start();
