// Takes one picture with the camera that is on: shows it before it is sent, lets it be taken again, sends it.

import { addressOf } from "../shared/base.js";
import { byId, setText } from "../shared/dom.js";
import { routed } from "../shared/route.js";
import { texts } from "./texts.js";

const QUALITY = 0.9;
const SEND_MS = 30_000;

/** Send a JPEG of `kind`; `request` is the message of the proctor that asks for it, empty before the exam. Throws with `status`. */
export async function sendPicture(kind, blob, token, request = "") {
  const query = request ? `?${new URLSearchParams({ request })}` : "";
  const headers = { "Content-Type": "image/jpeg", Authorization: `Bearer ${token}` };
  const answer = await fetch(addressOf(routed(`/api/student/identity/${kind}${query}`)), { method: "POST", headers, body: blob, signal: AbortSignal.timeout(SEND_MS) });
  if (answer.ok) return;
  const { error } = await answer.json().catch(() => ({}));
  throw Object.assign(new Error(error?.message ?? ""), { status: answer.status });
}

export class PictureTaker {
  #blob = null;
  #track = null;
  #timer = 0;
  hasSent = false; // one at least: what is taken anew stands beside it

  /** `id` names the template's part; `send(blob)` sends; `onChange()` when `state` is another: `none` (no camera), `live`, `taken`, `sending`, `sent`, `failed`. */
  constructor(id, { send, onChange = () => {} }) {
    Object.assign(this, { send, onChange, root: byId(id), state: "none" });
    this.parts = Object.fromEntries(["take", "again", "send", "said", "wrong"].map((name) => [name, this.root.querySelector(`[data-${name}]`)]));
    this.video = this.root.querySelector("video");
    this.canvas = this.root.querySelector("canvas");
    this.parts.take.addEventListener("click", () => this.#take());
    this.parts.again.addEventListener("click", () => this.#again());
    this.parts.send.addEventListener("click", () => this.#send());
  }

  /** Show what the camera sees; `track` null: none is on. */
  open(track) {
    this.close();
    this.#track = track;
    this.video.srcObject = track ? new MediaStream([track]) : null;
    this.#timer = setInterval(() => this.#look(), 500);
    this.#be(this.#isOn ? "live" : "none");
  }

  /** Let go of the picture and of the camera, which is another's to stop. */
  close() {
    clearInterval(this.#timer);
    this.video.srcObject = null;
    this.#track = this.#blob = null;
    this.canvas.width = this.canvas.height = 1; // what was taken is not to be seen again
  }

  get #isOn() {
    return this.#track?.readyState === "live";
  }

  /** A camera that is pulled out gives no picture; what was taken before can still be sent. */
  #look() {
    if (this.state === "live" && !this.#isOn) this.#be("none");
  }

  async #take() {
    if (!this.video.videoWidth) await new Promise((resolve) => this.video.addEventListener("loadeddata", resolve, { once: true }));
    const { videoWidth: width, videoHeight: height } = this.video;
    if (this.state !== "live" || !width) return;
    Object.assign(this.canvas, { width, height });
    this.canvas.getContext("2d").drawImage(this.video, 0, 0, width, height);
    this.#blob = await new Promise((resolve) => this.canvas.toBlob(resolve, "image/jpeg", QUALITY));
    this.#be(this.#blob ? "taken" : "failed");
    if (this.#blob) this.parts.send.focus();
  }

  #again() {
    this.#blob = null;
    this.#be(this.#isOn ? "live" : "none");
    if (this.#isOn) this.parts.take.focus();
  }

  async #send() {
    if (!this.#blob || this.state === "sending") return;
    this.#be("sending");
    try {
      await this.send(this.#blob);
      this.hasSent = true;
      this.#be("sent");
      this.parts.again.focus();
    } catch (error) {
      console.info("The picture was not sent.", error.message);
      this.#be("failed", error.message);
      this.parts.send.focus();
    }
  }

  #be(state, why = "") {
    const t = texts.identity;
    this.state = state;
    this.root.dataset.state = state;
    const shows = !["none", "live"].includes(state);
    this.video.hidden = state !== "live";
    this.canvas.hidden = !shows;
    this.parts.take.hidden = state !== "live";
    this.parts.again.hidden = !shows || state === "sending";
    this.parts.send.hidden = !["taken", "failed", "sending"].includes(state) || !this.#blob;
    this.parts.send.toggleAttribute("aria-busy", state === "sending");
    setText(this.parts.said, { none: t.noCamera, live: "", taken: t.taken, sending: t.sending, sent: t.sent, failed: "" }[state]);
    setText(this.parts.wrong, state === "failed" ? t.failed(why) : "");
    this.parts.wrong.hidden = state !== "failed";
    this.onChange();
  }
}
