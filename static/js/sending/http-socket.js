// The student's link where the network lets no WebSocket through: the same messages in numbered batches, each a POST whose answer holds what the
// server says. It looks like a WebSocket to the link. Slower: half a second lies between two batches.

const PACE_MS = 500; // between the begins of two batches, where nothing is in a hurry
const ANSWER_MS = 20_000; // a batch that is not answered by then is sent again
const AGAIN_MS = [300, 1000, 3000]; // before a batch that did not come through is sent again; then the connection is given up
const BATCH_LEAST = 16 << 10; // bytes; a message that is larger goes alone
const BATCH_MOST = 60_000; // as MAX_BODY_KB allows any call; a message alone may have more, up to 2 MB, where the server takes it
const BATCH_S = 2; // seconds of the line that a batch may take
const MESSAGES_MOST = 300;
const FRAME_BYTES = 5;
const TEXT = 1;
const MEDIA = 2;
const GONE = 1006;
const TRY_AGAIN = 1013;
const TOO_LARGE = Symbol("too large");

const encoder = new TextEncoder();

/** Messages (text or bytes) as one body: u8 kind, u32 length (little endian), then the message. */
export function packBatch(messages) {
  const parts = messages.map((message) => (typeof message === "string" ? encoder.encode(message) : message));
  const body = new Uint8Array(parts.reduce((sum, part) => sum + FRAME_BYTES + part.byteLength, 0));
  const view = new DataView(body.buffer);
  let at = 0;
  parts.forEach((part, index) => {
    view.setUint8(at, typeof messages[index] === "string" ? TEXT : MEDIA);
    view.setUint32(at + 1, part.byteLength, true);
    body.set(part, at + FRAME_BYTES);
    at += FRAME_BYTES + part.byteLength;
  });
  return body;
}

export class HttpSocket {
  onmessage = null;
  onclose = null;
  binaryType = "arraybuffer";
  #queue = [];
  #queued = 0; // bytes
  #flying = 0; // bytes of the batch that is not answered yet
  #batch = 0;
  #busy = false;
  #closed = false;
  #hurry = true; // the first batch opens the connection
  #dueAt = 0;
  #most = BATCH_LEAST; // until the line has shown what it takes
  #over = new AbortController();

  /** `post(query, body, signal)` gives the answer as `{status, answer}`, and throws where there was none. */
  constructor(post, { now = () => performance.now(), wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms)), id = crypto.randomUUID() } = {}) {
    Object.assign(this, { post, now, wait, id });
    queueMicrotask(() => this.tick()); // once its handlers are set
  }

  /** Bytes that the server does not have, as far as is known here. */
  get bufferedAmount() {
    return this.#queued + this.#flying;
  }

  send(data) {
    if (this.#closed) return;
    this.#queue.push(data);
    this.#queued += data.byteLength ?? data.length;
  }

  close() {
    this.#closed = true;
    this.#over.abort();
    this.#queue = [];
    this.#queued = this.#flying = 0;
  }

  /** At every tick of the page's worker, which a hidden page has, too. */
  tick() {
    if (this.#closed || this.#busy) return;
    if (!this.#hurry && this.now() < this.#dueAt && this.#queued < this.#most) return;
    this.#go().catch((error) => {
      console.warn("The link by HTTP failed.", error);
      this.#end(GONE);
    });
  }

  async #go() {
    this.#busy = true;
    this.#hurry = false;
    this.#dueAt = this.now() + PACE_MS;
    const messages = this.#next();
    const body = packBatch(messages);
    this.#flying = body.byteLength;
    const answer = await this.#deliver(body);
    this.#flying = 0;
    this.#busy = false;
    if (this.#closed || answer === null) return;
    if (answer === TOO_LARGE) {
      console.info("A message is too large for this server or what is before it, and left out.", body.byteLength);
      return;
    }
    this.#batch += 1;
    const before = this.#queue.length;
    for (const message of answer.messages) {
      if (this.#closed) return;
      this.onmessage?.({ data: JSON.stringify(message) });
    }
    // What was answered at once (the clock, above all) goes at once: its round trip is measured.
    this.#hurry = this.#queue.length > before;
    if (answer.over) this.#end(TRY_AGAIN);
    else this.tick();
  }

  /** What goes next: in order, and no more than the line takes in a while. */
  #next() {
    let bytes = 0;
    let count = 0;
    for (const data of this.#queue) {
      const size = (data.byteLength ?? data.length) + FRAME_BYTES;
      if (count && (bytes + size > this.#most || count === MESSAGES_MOST)) break;
      bytes += size;
      count += 1;
    }
    const messages = this.#queue.splice(0, count);
    this.#queued -= messages.reduce((sum, data) => sum + (data.byteLength ?? data.length), 0);
    return messages;
  }

  /** The answer to a batch, which is sent again until there is one; TOO_LARGE where it never will be taken; null where the connection is over. */
  async #deliver(body) {
    for (let attempt = 0; !this.#closed; attempt += 1) {
      const from = this.now();
      try {
        const late = AbortSignal.timeout(ANSWER_MS);
        const signal = AbortSignal.any?.([this.#over.signal, late]) ?? late;
        const { status, answer } = await this.post({ connection: this.id, batch: this.#batch }, body, signal);
        if (status === 200 && Array.isArray(answer?.messages)) {
          this.#learn(body.byteLength, this.now() - from);
          return answer;
        }
        if (status === 413 && body.byteLength > BATCH_LEAST) return TOO_LARGE;
        if (status === 429 || (status >= 400 && status < 500 && status !== 408 && status !== 409)) {
          this.#end(status === 429 ? TRY_AGAIN : GONE);
          return null;
        }
      } catch (error) {
        if (!this.#closed) console.info("A batch did not come through.", error.message);
      }
      if (attempt === AGAIN_MS.length) break;
      await this.wait(AGAIN_MS[attempt]);
    }
    this.#end(GONE);
    return null;
  }

  /** A narrow line gets small batches: what is said must not wait behind a large one. */
  #learn(bytes, ms) {
    if (bytes < BATCH_LEAST / 2) return; // too little to tell
    this.#most = Math.max(BATCH_LEAST, Math.min(BATCH_MOST, (bytes / Math.max(1, ms)) * 1000 * BATCH_S));
  }

  #end(code) {
    if (this.#closed) return;
    this.close();
    this.onclose?.({ code });
  }
}
