// The exam page's side of the window that watches: finds it on each page of the site, opens it at a press, and tells it what is done here.
//
// The window says every second to the tab that opened it that it is there, whatever page that tab shows: so a new page finds it without opening anything,
// which browsers allow only at a press. Each side takes the other's word from its own site alone. A page can't look by itself whether the window is
// there: to a browser it is another site's, so neither channels nor locks are shared with it. What the page before knew stands in the tab's own storage.

const LOOK_MS = 4000; // for so long a new page looks for the window
const ASK_MS = 5000; // a window whose timers sleep all the same: messages come through
const SILENT_MS = 20_000; // a busy computer's window is late
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/; // a page that asks for a login is none
const TOKEN_MAX = 4096; // characters
const FEATURES = "popup,width=560,height=780";
const EMPTY = new Set(["", "about:blank"]);
const SEEKS = new Set(["none", "sought", "blocked"]); // where a press looks first whether the window is there: opened by its address it is loaded anew
const STANDS = new Set(["check", "watched", "paused", "offline", "over"]); // what the window may say of itself

export class Watcher {
  state = "looking";
  message = false; // there is something to be read in the window
  hasFocus = false; // the window
  blurLeast = 1000;
  #window = null;
  #heardAt;
  #calledAt = 0;
  #asked = false; // for a token, which is on its way

  /**
   * `page` is a window; `home` the server's address (a URL that ends with a slash), `exam` the exam's key, `lang` a language or nothing. `token()` gives the
   * start token of this site's server, `onChange(watcher)` is told of each change. By `id` the
   * window knows this page from the one before and the one after it.
   */
  constructor(page, { home, exam, lang = "", token, onChange = () => {}, now = () => performance.now(), id = crypto.randomUUID() }) {
    Object.assign(this, { page, home, exam, lang, token, onChange, now, id });
    this.#heardAt = now();
    page.addEventListener("message", (event) => this.#hear(event));
  }

  /** At every tick. */
  look() {
    const silent = this.now() - this.#heardAt;
    if (this.#window?.closed) {
      this.#window = null;
      this.hasFocus = false;
      this.#set(this.state === "over" ? "over" : "closed");
      return;
    }
    if (this.#window && silent > ASK_MS && this.now() - this.#calledAt > ASK_MS) {
      this.#calledAt = this.now();
      this.#sayThere();
    }
    if (this.#window && silent > SILENT_MS) this.#set("silent");
    else if (this.state === "looking" && silent > LOOK_MS) this.#set(this.#wasThere ? "sought" : "none");
  }

  /** At a press: browsers open windows at nothing else. */
  open() {
    const address = new URL(`embed/window/${this.exam}`, this.home);
    if (this.lang) address.searchParams.set("lang", this.lang);
    const seeks = SEEKS.has(this.state);
    const opened = this.page.open(seeks ? "" : address.href, `proctor-${this.exam}`, FEATURES);
    if (!opened) return this.#set("blocked");
    this.#window = opened;
    this.#heardAt = this.now();
    if (seeks && !isEmpty(opened)) {
      opened.focus();
      this.#sayThere(); // it answers, though its timers sleep
      return this.#set("sought");
    }
    if (seeks) opened.location.replace(address.href);
    return this.#set("opening");
  }

  /** At a press: bring the window to the front. */
  show() {
    this.#window?.focus();
  }

  /** Tell the window what was done here, as `ActWatch` has it; `age` is for how many ms already. */
  act({ kind, detail }, age = 0) {
    this.#say({ says: "act", kind, age_ms: age, ...(detail && { detail }) });
  }

  #sayThere() {
    const { document } = this.page;
    this.#say({ says: "there", hidden: document.hidden, focused: document.hasFocus() });
  }

  #say(message) {
    this.#window?.postMessage({ proctor: 1, exam: this.exam, page: this.id, ...message }, this.home.origin);
  }

  #hear({ data, origin, source }) {
    if (origin !== this.home.origin || !source || data?.proctor !== 1 || data.exam !== this.exam) return;
    this.#window = source;
    this.#heardAt = this.now();
    if (data.says === "token") this.#giveToken();
    if (data.says !== "here" || !STANDS.has(data.state)) return;
    this.#sayThere();
    this.hasFocus = data.focused === true;
    if (Number.isFinite(data.blur_ms)) this.blurLeast = data.blur_ms;
    this.#set(data.state, data.message === true);
  }

  async #giveToken() {
    if (this.#asked) return;
    this.#asked = true;
    try {
      const token = (await this.token()).trim();
      if (token.length > TOKEN_MAX || !TOKEN.test(token)) throw new Error(`It answers no token: ${token.slice(0, 40)}`);
      this.#say({ says: "token", token });
    } catch (error) {
      console.warn("The exam's site gives no start token.", error);
      this.#say({ says: "token", token: "" });
    }
    this.#asked = false;
  }

  #set(state, message = false) {
    if (state === this.state && message === this.message) return;
    Object.assign(this, { state, message });
    if (STANDS.has(state) || state === "closed") this.#remember(!["over", "closed"].includes(state));
    this.onChange(this);
  }

  get #storeKey() {
    return `proctor-${this.exam}`;
  }

  /** Did a page before this one, in this tab, know of a window that was there last? */
  get #wasThere() {
    try {
      return this.page.sessionStorage.getItem(this.#storeKey) !== null;
    } catch {
      return false; // the browser keeps nothing for this site
    }
  }

  #remember(isThere) {
    try {
      if (isThere) this.page.sessionStorage.setItem(this.#storeKey, "there");
      else this.page.sessionStorage.removeItem(this.#storeKey);
    } catch {
      // the same
    }
  }
}

/** Is nothing in the window yet? What another site has in it can't be read. */
function isEmpty(window) {
  try {
    return EMPTY.has(window.location.href);
  } catch {
    return false;
  }
}
