// Draws JPEG bytes on a canvas, newest only: a page that falls behind skips pictures instead of queueing them.

export class PictureCanvas {
  #busy = false;
  #next = null;

  constructor(canvas) {
    this.canvas = canvas;
    this.drawnAt = null; // performance.now() of the newest picture
  }

  /** Show `bytes` (ArrayBuffer or view) as soon as there is time for it. */
  async show(bytes) {
    this.#next = bytes;
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

  async #draw(bytes) {
    const image = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
    const { canvas } = this;
    if (canvas.width !== image.width || canvas.height !== image.height) {
      canvas.width = image.width;
      canvas.height = image.height;
    }
    canvas.getContext("2d", { alpha: false }).drawImage(image, 0, 0);
    image.close();
    this.drawnAt = performance.now();
  }
}
