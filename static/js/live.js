// The live page: a tile for each running exam, those that need a look first, flags announced as they are raised.

import { call } from "./api.js";
import { byId, make, setText } from "./dom.js";
import { wireCopyButtons } from "./copy.js";
import { Flags } from "./flags.js";
import { ProctorSocket } from "./proctor-socket.js";
import { compareEntries, misplaced } from "./states.js";
import { texts } from "./texts.js";
import { Tile } from "./tile.js";

const TILE_FPS = 1;
const REDRAW_MS = 1000;
const GONE_AFTER_MS = 20_000; // an ended exam's tile stays that long if its flag was not seen

const reduced = matchMedia("(prefers-reduced-motion: reduce)");

class LivePage {
  tiles = new Map();
  threshold = Number(document.body.dataset.flagThreshold);
  grid = byId("grid");
  flags = new Flags(byId("toasts"), byId("announcer"));
  filters = { search: "", exam: "", hideFine: false };

  start() {
    this.socket = new ProctorSocket(() => this.read());
    this.socket.on("monitoring_update", (update) => this.hear(update));
    this.socket.on("session_started", (status) => this.add(status));
    this.socket.on("session_ended", (ended) => this.remove(ended));
    this.socket.on("interval_flagged", (flag) => this.flagged(flag));
    this.socket.on("device_state", ({ session_id, device, state, reason }) => {
      const tile = this.tiles.get(session_id);
      tile?.update({ devices: { ...tile.status.devices, [device]: { state, reason } } });
    });
    this.socket.joinExam();
    wireCopyButtons(document);
    this.wireFilters();
    this.grid.addEventListener("keydown", (event) => this.move(event));
    this.grid.addEventListener("pointerleave", () => this.arrange());
    this.grid.addEventListener("focusout", () => setTimeout(() => this.arrange()));
    byId("sort-now").addEventListener("click", () => this.arrange({ force: true }));
    document.addEventListener("visibilitychange", () => this.joinAll());
    setInterval(() => this.redraw(), REDRAW_MS);
  }

  /** The running sessions as the server knows them now; after a break some are gone and some are new. */
  async read() {
    try {
      const { sessions } = await call("/api/sessions/active");
      const running = new Set(sessions.map(({ session_id }) => session_id));
      for (const id of [...this.tiles.keys()]) if (!running.has(id)) this.drop(id);
      for (const status of sessions) this.add(status, { quietly: true });
      byId("live-error").hidden = true;
    } catch (error) {
      setText(byId("live-error"), texts.live.failed(error.message));
      byId("live-error").hidden = false;
    }
    byId("skeleton").hidden = true;
    this.arrange();
  }

  hear({ frame, overlay: _overlay, ...status }) {
    const tile = this.tiles.get(status.session_id);
    if (!tile) return;
    tile.update(status);
    if (frame) tile.picture(frame);
  }

  add(status, { quietly = false } = {}) {
    const known = this.tiles.get(status.session_id);
    if (known) {
      known.update(status);
      return;
    }
    const tile = new Tile(status, { threshold: this.threshold, onSeen: () => this.see(status.session_id) });
    tile.link.addEventListener("click", () => this.see(status.session_id));
    this.tiles.set(status.session_id, tile);
    this.grid.append(tile.element);
    this.join(status.session_id);
    if (!quietly) this.arrange();
  }

  remove({ session_id, flagged_intervals }) {
    const tile = this.tiles.get(session_id);
    if (!tile) return;
    this.flags.say(texts.live.ended(tile.status.user_id, flagged_intervals));
    this.socket.leaveSession(session_id);
    if (tile.unseen) setTimeout(() => this.drop(session_id), GONE_AFTER_MS);
    else this.drop(session_id);
  }

  drop(session_id) {
    this.socket.leaveSession(session_id);
    const tile = this.tiles.get(session_id);
    if (!tile) return;
    const hadFocus = tile.element.contains(document.activeElement);
    tile.element.remove();
    this.tiles.delete(session_id);
    if (hadFocus) byId("main").focus();
    this.arrange();
  }

  flagged(flag) {
    const tile = this.tiles.get(flag.session_id);
    if (tile) {
      tile.unseen = true;
      tile.draw();
    }
    this.flags.add(flag, () => this.see(flag.session_id));
    this.arrange();
  }

  see(session_id) {
    const tile = this.tiles.get(session_id);
    if (!tile) return;
    if (tile.seen === document.activeElement) tile.link.focus();
    tile.unseen = false;
    tile.draw();
    this.arrange();
  }

  join(session_id) {
    this.socket.joinSession(session_id, { frames: document.hidden ? "none" : "binary", fps: TILE_FPS });
  }

  joinAll() {
    for (const id of this.tiles.keys()) this.join(id);
  }

  // Order and filters

  /** Put urgent tiles first, but never under a pointer or a focus: then a button offers it. */
  arrange({ force = false } = {}) {
    const wanted = [...this.tiles.values()].sort(compareEntries);
    const held = this.grid.matches(":hover") || this.grid.contains(document.activeElement);
    if (force || !held) {
      const present = [...this.grid.children];
      if (wanted.some((tile, index) => present[index] !== tile.element)) this.reorder(wanted);
    }
    this.filter();
    this.count();
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

  filter() {
    const { search, exam, hideFine } = this.filters;
    for (const { element, status, state } of this.tiles.values()) {
      const named = `${status.user_id} ${status.exam_id ?? ""}`.toLocaleLowerCase().includes(search);
      const shown = named && (!exam || status.exam_id === exam) && !(hideFine && state === "fine");
      if (element.hidden === shown) element.hidden = !shown;
    }
  }

  count() {
    const all = [...this.tiles.values()];
    const shown = all.filter(({ element }) => !element.hidden);
    const inOrder = [...this.grid.children].map((element) => shown.find((tile) => tile.element === element)).filter(Boolean);
    const urgent = all.filter(({ state }) => state === "flagged" || state === "look").length;
    byId("empty").hidden = all.length > 0 || !byId("skeleton").hidden || !byId("live-error").hidden;
    byId("no-match").hidden = all.length === 0 || shown.length > 0;
    byId("toolbar").hidden = all.length === 0;
    setText(byId("count"), all.length === 0 ? "" : texts.live.count(all.length) + (shown.length < all.length ? `, ${texts.live.shown(shown.length, all.length)}` : ""));
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
    select.replaceChildren(make("option", { value: "", text: texts.live.allExams }), ...exams.map((exam) => make("option", { value: exam, text: exam })));
    if (!exams.includes(this.filters.exam)) this.filters.exam = "";
    select.value = this.filters.exam;
  }

  wireFilters() {
    const changed = (key, value) => {
      this.filters[key] = value;
      this.filter();
      this.count();
    };
    byId("filter-search").addEventListener("input", ({ target }) => changed("search", target.value.trim().toLocaleLowerCase()));
    byId("filter-exam").addEventListener("change", ({ target }) => changed("exam", target.value));
    byId("filter-fine").addEventListener("change", ({ target }) => changed("hideFine", target.checked));
    byId("filter-size").addEventListener("change", ({ target }) => {
      if (target.value) this.grid.style.setProperty("--columns", target.value);
      else this.grid.style.removeProperty("--columns");
      this.grid.toggleAttribute("data-columns", Boolean(target.value));
    });
  }

  redraw() {
    for (const tile of this.tiles.values()) tile.draw();
    this.arrange();
  }

  /** Arrows move between tiles; Enter opens, as on any link. */
  move(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns(), ArrowDown: this.columns() }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    const shown = [...this.grid.children].filter((element) => !element.hidden);
    const at = shown.findIndex((element) => element.contains(document.activeElement));
    const next = shown[at + step];
    if (at < 0 || !next) return;
    event.preventDefault();
    next.querySelector("a").focus();
  }

  columns() {
    return getComputedStyle(this.grid).gridTemplateColumns.split(" ").length;
  }
}

new LivePage().start();
