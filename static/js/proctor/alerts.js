// A flag announced by a short sound and by the browser's notification, each only where this viewer switched it on.

import { addressOf } from "../shared/base.js";
import { remember, remembered } from "../shared/storage.js";
import { texts } from "./texts.js";
import { who } from "./who.js";

const KEYS = { sound: "alerts.sound", notify: "alerts.notify" };
const TONES = [[880, 0], [660, 0.14]]; // Hz and seconds: two falling notes, heard but not alarming
const TONE_S = 0.12;
const LOUD = 0.12;

/** Is this kind of alert (`sound` or `notify`) switched on in this browser? */
export function alertOn(name) {
  return remembered(KEYS[name]) === "on";
}

export class Alerts {
  #context = null;

  constructor() {
    // a browser plays nothing before the viewer has touched the page
    for (const event of ["pointerdown", "keydown"]) addEventListener(event, () => alertOn("sound") && this.#wake(), { once: true });
  }

  /** Announce one `interval_flagged`. */
  raise({ session_id, interval, reasons = [], ...whose }) {
    if (alertOn("sound")) this.beep();
    if (!alertOn("notify") || !("Notification" in globalThis) || Notification.permission !== "granted" || document.hasFocus()) return;
    try {
      const note = new Notification(texts.alerts.title(who(whose)), { body: reasons.join("\n"), tag: `${session_id}-${interval}` });
      note.addEventListener("click", () => {
        window.focus();
        location.assign(addressOf(`/session/${session_id}#interval-${interval}`));
      });
    } catch (error) {
      console.info("This browser lets no page notify by itself.", error.message); // as on Android
    }
  }

  #wake() {
    this.#context ??= new AudioContext();
    this.#context.resume().catch(() => {});
    return this.#context;
  }

  beep() {
    const context = this.#wake();
    for (const [frequency, after] of TONES) {
      const [tone, gain] = [context.createOscillator(), context.createGain()];
      const from = context.currentTime + after;
      tone.frequency.value = frequency;
      gain.gain.setValueAtTime(0, from);
      gain.gain.linearRampToValueAtTime(LOUD, from + 0.01);
      gain.gain.linearRampToValueAtTime(0, from + TONE_S);
      tone.connect(gain).connect(context.destination);
      tone.start(from);
      tone.stop(from + TONE_S);
    }
  }
}

/** Wire the switches `[data-alert]` (check boxes) in `scope`; what goes wrong is said in the element that `data-said` names. */
export function wireAlertSwitches(scope, alerts) {
  for (const box of scope.querySelectorAll("input[data-alert]")) {
    const { alert: name, said } = box.dataset;
    box.checked = alertOn(name) && (name !== "notify" || globalThis.Notification?.permission === "granted");
    box.addEventListener("change", async () => {
      const problem = box.checked && name === "notify" ? await askToNotify() : "";
      if (problem) box.checked = false;
      remember(KEYS[name], box.checked ? "on" : "off");
      if (box.checked && name === "sound") alerts.beep();
      const place = document.getElementById(said);
      if (place) place.textContent = problem;
    });
  }
}

async function askToNotify() {
  if (!("Notification" in globalThis)) return texts.alerts.unsupported;
  return (await Notification.requestPermission()) === "granted" ? "" : texts.alerts.refused;
}
