// A proctor asks for a picture in mid-exam: of the face, the card or the room. The student sees it before it is sent, and may decline.

import { call } from "../shared/api.js";
import { answerOf, setText } from "../shared/dom.js";
import { plainLine } from "./calls.js";
import { PictureTaker, sendPicture } from "./picture-taker.js";
import { texts } from "./texts.js";

const ANSWER_MS = 15_000;
const part = (id) => document.getElementById(id); // there only where the exam may ask

export class AskedPicture {
  #request = null; // {id, asks, token}
  #sent = 0;

  constructor() {
    this.dialog = part("picture-dialog");
    if (!this.dialog) return;
    const send = (blob) => {
      const { id, asks, token } = this.#request;
      return sendPicture(asks, blob, token, id);
    };
    this.taker = new PictureTaker("asked-picture", { send, onChange: () => this.#draw() });
  }

  /** Answer the message `{id, asks}`; `track` is the camera's. True once it is answered, either way. Throws where that can't be told. */
  async answer({ id, asks }, { token, track }) {
    if (!this.dialog) return false;
    this.#request = { id, asks, token };
    this.#sent = 0;
    setText(part("picture-title"), texts.identity.asked[asks].title);
    setText(part("picture-text"), texts.identity.asked[asks].text);
    part("picture-words").value = "";
    this.taker.open(track);
    const chosen = await answerOf(this.dialog);
    this.taker.close();
    const words = plainLine(part("picture-words").value);
    const answer = { done: this.#sent ? "given" : "", decline: "declined" }[chosen];
    if (!answer) return false;
    await call("/api/student/identity/request", { method: "POST", token, body: { request: id, answer, words }, signal: AbortSignal.timeout(ANSWER_MS) });
    return true;
  }

  close() {
    if (this.dialog?.open) this.dialog.close();
  }

  #draw() {
    if (this.taker?.state === "sent") this.#sent += 1;
    const done = part("picture-done");
    done.hidden = done.disabled = !this.#sent; // Enter in the line of words must not choose what isn't shown
    part("picture-decline").hidden = Boolean(this.#sent);
  }
}
