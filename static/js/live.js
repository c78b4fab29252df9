// The live page: a tile for each running exam, those that need a look first, flags announced as they are raised.

import { Alerts, wireAlertSwitches } from "./alerts.js";
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
const COLUMNS = { 4: 2, 9: 3, 16: 4, 30: 6 }; // tiles on a screen → tiles in a row
const SIZE = "live.size";
const SEEN = "live.seen"; // how many flags of each session this viewer has seen
const READ_AGAIN_MS = 60_000; // what an event did not bring
const GONE_AFTER_MS = 20_000; // an ended exam's tile stays that long if its flag was not seen

const reduced = matchMedia("(prefers-reduced-motion: reduce)");


function seenFlags() {
  try {
    return JSON.parse(localStorage.getItem(SEEN)) ?? {};
  } catch {
    return {}; // storage is blocked, or holds what this page never wrote
  }
}

function keepSeen(seen) {
  try {
    localStorage.setItem(SEEN, JSON.stringify(seen));
  } catch (error) {
    console.info("What was seen is forgotten with this page.", error.name);
  }
}

function hasUnseen({ session_id, flagged_intervals = 0 }) {
  return flagged_intervals > (seenFlags()[session_id] ?? 0);
}
class LivePage {
  tiles = new Map();
  threshold = Number(document.body.dataset.flagThreshold);
  grid = byId("grid");
  flags = new Flags(byId("toasts"), byId("announcer"));
  alerts = new Alerts();
  filters = { search: "", exam: "", state: "", hideFine: false };
  // a tile that nobody sees gets its state, and no picture
  inView = new IntersectionObserver((seen) => this.looked(seen), { rootMargin: "200px" });

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
    this.socket.on("break_changed", ({ session_id, on }) => this.tiles.get(session_id)?.update({ on_break: on }));
    this.socket.joinExam();
    setInterval(() => this.socket.isOpen && this.read(), READ_AGAIN_MS);
    wireCopyButtons(document);
    wireAlertSwitches(document, this.alerts);
    this.wireFilters();
    this.readNotes();
    this.grid.addEventListener("keydown", (event) => this.move(event));
    this.grid.addEventListener("pointerleave", () => this.arrange());
    this.grid.addEventListener("focusout", () => setTimeout(() => this.arrange()));
    byId("sort-now").addEventListener("click", () => this.arrange({ force: true }));
    document.addEventListener("visibilitychange", () => this.joinAll());
    setInterval(() => this.redraw(), REDRAW_MS);
  }

  /** The running sessions as the server knows them now; after a break some are gone and some are new. */
  async read() {
    const before = [...this.tiles.keys()]; // what begins while the answer is on its way is not in it
    try {
      const { sessions } = await call("/api/sessions/active");
      const running = new Set(sessions.map(({ session_id }) => session_id));
      for (const id of before) if (!running.has(id)) this.drop(id);
      for (const status of sessions) this.add(status, { quietly: true });
      keepSeen(Object.fromEntries(Object.entries(seenFlags()).filter(([id]) => running.has(id))));
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

  hear({ frame, overlay: _overlay, ...status }) {
    const tile = this.tiles.get(status.session_id);
    if (!tile) return;
    tile.update(status);
    if (frame) tile.picture(frame);
  }

  add(status, { quietly = false } = {}) {
    const known = this.tiles.get(status.session_id);
    if (known) {
      known.unseen ||= hasUnseen(status);
      known.update(status);
      return;
    }
    const tile = new Tile(status, { threshold: this.threshold, onSeen: () => this.see(status.session_id) });
    tile.link.addEventListener("click", () => this.see(status.session_id));
    this.tiles.set(status.session_id, tile);
    tile.unseen = hasUnseen(status); // of flags that were raised while this page was not open, too
    tile.draw();
    tile.inView = false;
    tile.element.dataset.session = status.session_id;
    this.grid.append(tile.element);
    this.inView.observe(tile.element);
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
    this.inView.unobserve(tile.element);
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
    this.alerts.raise(flag);
    this.arrange();
  }

  see(session_id) {
    const tile = this.tiles.get(session_id);
    if (!tile) return;
    if (tile.seen === document.activeElement) tile.link.focus();
    tile.unseen = false;
    keepSeen({ ...seenFlags(), [session_id]: tile.status.flagged_intervals ?? 0 });
    tile.draw();
    this.arrange();
  }

  join(session_id) {
    const seen = !document.hidden && this.tiles.get(session_id)?.inView;
    this.socket.joinSession(session_id, { frames: seen ? "binary" : "none", fps: TILE_FPS });
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

  /** Put urgent tiles first, but never under a pointer or a focus: then a button offers it. */
  arrange({ force = false } = {}) {
    const wanted = [...this.tiles.values()].sort(compareEntries);
    const held = this.grid.matches(":hover") || this.grid.contains(document.activeElement);
    if (force || !held) {
      const present = [...this.grid.children];
      if (wanted.some((tile, index) => present[index] !== tile.element)) this.reorder(wanted);
    }
    this.filter({ held: held && !force });
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

  /** Show what the filters let through. While a pointer or focus is in the grid nothing leaves it, and what comes is put at its end. */
  filter({ held = false } = {}) {
    const { search, exam, state: only, hideFine } = this.filters;
    for (const { element, status, state } of this.tiles.values()) {
      const named = `${status.user_id} ${status.exam_id ?? ""}`.toLocaleLowerCase().includes(search);
      const shown = named && (!exam || status.exam_id === exam) && (!only || state === only) && !(hideFine && state === "fine");
      if (element.hidden !== shown || (held && !shown)) continue;
      if (held) this.grid.append(element);
      element.hidden = !shown;
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
    if (exams.length && !exams.includes(this.filters.exam)) this.filters.exam = "";
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
    for (const option of document.querySelectorAll("[data-state-name]")) option.textContent = texts.states[option.dataset.stateName];
    const exam = new URLSearchParams(location.search).get("exam"); // from the exams page
    if (exam) this.filters.exam = exam;
    byId("filter-state").addEventListener("change", ({ target }) => changed("state", target.value));
    const size = byId("filter-size");
    size.value = localStorage.getItem(SIZE) ?? "";
    this.fit(size.value);
    size.addEventListener("change", () => {
      localStorage.setItem(SIZE, size.value);
      this.fit(size.value);
    });
  }

  /** So many tiles that a screen shows `size` of them at once; as many as fit without one. */
  fit(size) {
    const columns = COLUMNS[size];
    this.grid.toggleAttribute("data-fit", Boolean(columns));
    if (!columns) return;
    this.grid.dataset.fit = size;
    this.grid.style.setProperty("--columns", String(columns));
    this.grid.style.setProperty("--rows", String(Math.ceil(size / columns)));
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
