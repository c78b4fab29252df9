// The lists in which a student chooses a camera and a microphone, in the check and in mid-exam.

import { byId, make } from "../shared/dom.js";
import { choose, listed } from "../sending/device-choice.js";

/**
 * Fill the list `select` with the devices of `name` and mark the one that is `used` (a track, or null); it is hidden where there is none to choose from
 * (`always`: shown with one, too). What is chosen is remembered, and told by `onChoose()`.
 */
export class DevicePicker {
  #key = "";

  constructor(id, name, onChoose) {
    Object.assign(this, { name, select: byId(id) });
    this.select.addEventListener("change", () => {
      choose(name, this.select.value);
      onChoose();
    });
  }

  async draw(used, { always = false } = {}) {
    const devices = await listed(this.name).catch(() => []);
    const id = used?.getSettings?.().deviceId ?? "";
    this.select.hidden = devices.length < (always ? 1 : 2);
    const key = JSON.stringify([devices, id]);
    if (key === this.#key) return;
    this.#key = key;
    this.select.replaceChildren(...devices.map(({ id: value, label }) => make("option", { value, text: label, selected: value === id })));
  }
}
