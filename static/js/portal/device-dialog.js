// Another camera or microphone in mid-exam.

import { answerOf, byId } from "../shared/dom.js";
import { DevicePicker } from "./device-pickers.js";

const NAMES = ["camera", "microphone"];

export class DeviceDialog {
  /** `devices` are the exam's (ExamDevices). */
  constructor(devices) {
    this.devices = devices;
    this.dialog = byId("devices-dialog");
    this.pickers = NAMES.map((name) => new DevicePicker(`exam-${name}-choice`, name, () => this.#change(name)));
    byId("exam-devices").addEventListener("click", () => {
      this.#draw();
      answerOf(this.dialog);
    });
  }

  close() {
    if (this.dialog.open) this.dialog.close();
  }

  async #change(name) {
    await this.devices.change(name);
    this.#draw();
  }

  /** What is used, which may be another than was chosen. */
  #draw() {
    for (const picker of this.pickers) picker.draw(this.devices.track(picker.name), { always: true });
  }
}
