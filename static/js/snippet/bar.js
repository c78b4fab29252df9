// The bar on the exam's page: whether the exam is watched, what to do where it is not, and help. It is drawn apart from the page's own styles.

const LOOKS = `
:host { all: initial; display: block; position: sticky; inset-block-start: 0; z-index: 2147483647; }
.bar { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: center; padding: 8px 16px; background: #1d2530; color: #fff; font: 15px/1.4 system-ui, sans-serif; }
.bar[data-needs] { background: #6b4300; }
.sign { font-size: 13px; }
.sign[data-watched] { color: #ff8a80; }
p { margin: 0; flex: 1 1 20em; }
button { font: inherit; color: inherit; background: transparent; border: 1px solid currentColor; border-radius: 8px; padding: 4px 12px; min-height: 32px; cursor: pointer; }
button:focus-visible { outline: 3px solid #fff; outline-offset: 2px; }
.help { flex-basis: 100%; }
.help p + p { margin-block-start: 4px; }
[hidden] { display: none; }
`;

const NEEDS = new Set(["none", "sought", "opening", "check", "closed", "silent", "blocked"]); // something of the student
const OPENS = { none: "open", sought: "again", blocked: "open", closed: "again", silent: "again", over: "open" }; // over: of who sat here before, perhaps
const SHOWS = new Set(["opening", "check", "watched", "paused", "offline", "silent"]);

/** What the bar has in a state: `{words, needs, sign, opens, shows}`; `opens` names the button that opens the window, `shows`: there is one that shows it. Pure. */
export function barOf(state, message, words) {
  const needs = NEEDS.has(state) || message;
  const sign = needs ? "▲" : state === "watched" ? "●" : "○";
  const text = [words.states[state], message && words.message].filter(Boolean).join(" ");
  return { words: text, needs, sign, opens: OPENS[state] ?? null, shows: SHOWS.has(state) };
}

export class Bar {
  /** `words` as the server says them; `onOpen()` and `onShow()` at a press. */
  constructor(document, words, { onOpen, onShow }) {
    Object.assign(this, { document, words });
    const make = (name, attributes = {}, text = "") => {
      const element = document.createElement(name);
      for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
      element.textContent = text;
      return element;
    };
    const button = (text, onPress) => {
      const made = make("button", { type: "button" }, text);
      made.addEventListener("click", onPress);
      return made;
    };
    this.host = make("div", { lang: words.language, dir: words.direction });
    const root = this.host.attachShadow({ mode: "open" });
    const sheet = new document.defaultView.CSSStyleSheet();
    sheet.replaceSync(LOOKS);
    root.adoptedStyleSheets = [sheet];
    this.bar = make("div", { class: "bar", role: "region", "aria-label": words.name });
    this.sign = make("span", { class: "sign", "aria-hidden": "true" });
    this.text = make("p", { role: "status" });
    this.open = button("", onOpen);
    this.show = button(words.buttons.show, onShow);
    this.more = make("div", { class: "help", hidden: "" });
    this.more.append(...words.help.map((text) => make("p", {}, text)));
    this.help = button(words.buttons.help, () => {
      this.more.hidden = !this.more.hidden;
      this.help.setAttribute("aria-expanded", String(!this.more.hidden));
    });
    this.help.setAttribute("aria-expanded", "false");
    this.bar.append(this.sign, this.text, this.open, this.show, this.help, this.more);
    root.append(this.bar);
    this.keep();
  }

  /** It stays on top, whatever the page makes of itself. */
  keep() {
    if (!this.host.isConnected) this.document.body.prepend(this.host);
  }

  draw({ state, message }) {
    const { words, needs, sign, opens, shows } = barOf(state, message, this.words);
    this.text.textContent = words;
    this.sign.textContent = sign;
    this.sign.toggleAttribute("data-watched", sign === "●");
    this.bar.toggleAttribute("data-needs", needs);
    this.open.hidden = opens === null;
    if (opens) this.open.textContent = this.words.buttons[opens];
    this.show.hidden = !shows;
  }
}
