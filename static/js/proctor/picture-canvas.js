// Draws JPEG bytes on a canvas, newest only: a page that falls behind skips pictures instead of queueing them.

export class PictureCanvas {
  #busy = false;
  #next = null;

  constructor(canvas) {
    this.canvas = canvas;
    this.takenAt = null; // when the picture that is shown was taken, on the clock of performance.now()
  }

  /**
   * Show `bytes` (ArrayBuffer or view) as soon as there is time for it. Of the update that it came with, `taken` and `now` are when it was taken
   * and when it was sent, in s of the session's clock: who opens the page late sees a picture that may be old.
   */
  async show(bytes, { taken, now }) {
    this.#next = { bytes, takenAt: performance.now() - 1000 * Math.max(0, now - taken) };
    if (this.#busy) return;
    this.#busy = true;
    while (this.#next) {
      const present = this.#next;
      this.#next = null;
      try {
        await this.#draw(present);
      } catch (error) {
        console.info("A picture could not be shown.", error);
      }
    }
    this.#busy = false;
  }

  async #draw({ bytes, takenAt }) {
    const image = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
    const { canvas } = this;
    if (canvas.width !== image.width || canvas.height !== image.height) {
      canvas.width = image.width;
      canvas.height = image.height;
    }
    canvas.getContext("2d", { alpha: false }).drawImage(image, 0, 0);
    image.close();
    this.takenAt = takenAt;
  }
}
