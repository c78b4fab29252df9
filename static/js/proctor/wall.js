// How large the live page's tiles are, and how keys move among them.

import { bestGrid } from "./wall-size.js";

const COLUMNS = { 4: 2, 9: 3, 16: 4, 30: 6 }; // tiles on a screen → tiles in a row
const MARGIN = 14; // below the tiles, as in the style sheet
const WORDS = 190; // pixels under a picture, until a tile tells

export class Wall {
  #size = "";

  constructor(grid) {
    this.grid = grid;
    grid.addEventListener("keydown", (event) => this.#move(event));
    addEventListener("resize", () => this.fit());
    const above = new ResizeObserver(() => this.fit()); // a server's trouble that is told, a toolbar that wraps: less room, or more
    for (const element of grid.parentElement.children) if (element.compareDocumentPosition(grid) & Node.DOCUMENT_POSITION_FOLLOWING) above.observe(element);
  }

  /** So many tiles that a screen shows `size` of them at once; without one as large as they can be for all to be seen. */
  set size(size) {
    this.#size = size;
    this.fit();
  }

  get #shown() {
    return [...this.grid.children].filter((element) => !element.hidden);
  }

  /** Bring the tiles' size up to how many are shown and how large the window is. */
  fit() {
    const { grid } = this;
    const columns = COLUMNS[this.#size];
    grid.toggleAttribute("data-fit", Boolean(columns));
    const auto = columns ? null : this.#auto();
    grid.toggleAttribute("data-auto", Boolean(auto));
    if (columns) {
      grid.dataset.fit = this.#size;
      this.#set({ columns, rows: Math.ceil(this.#size / columns) });
    } else if (auto) this.#set({ columns: auto.columns, picture: `${auto.picture}px`, "tile-width": `${auto.tile}px` });
  }

  #set(values) {
    for (const [name, value] of Object.entries(values)) this.grid.style.setProperty(`--${name}`, String(value));
  }

  #auto() {
    const shown = this.#shown;
    const [width, top] = [this.grid.clientWidth, this.grid.getBoundingClientRect().top + scrollY];
    if (!shown.length || !width) return null;
    const picture = shown[0].querySelector(".tile-picture");
    const words = picture ? shown[0].offsetHeight - picture.offsetHeight : WORDS;
    return bestGrid(shown.length, { width, height: innerHeight - top - MARGIN, words });
  }

  /** Arrows move between tiles, Home and End to the first and the last; Enter opens, as on any link. */
  #move(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const shown = this.#shown;
    const at = shown.findIndex((element) => element.contains(document.activeElement));
    const row = getComputedStyle(this.grid).gridTemplateColumns.split(" ").length;
    const on = getComputedStyle(this.grid).direction === "rtl" ? -1 : 1;
    const to = { ArrowLeft: at - on, ArrowRight: at + on, ArrowUp: at - row, ArrowDown: at + row, Home: 0, End: shown.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault(); // the page does not scroll under the focus, at the edge neither
    shown[to]?.querySelector("a").focus();
  }
}
