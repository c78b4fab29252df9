// Counts the pictures that a camera gives, by all that this browser counts: of one that is stuck none come, whatever its last one shows.

export class Arrivals {
  #presented = 0;

  /** `video` plays the camera. */
  constructor(video) {
    this.video = video;
    this.#await();
  }

  /** How many pictures have come. It grows while new ones do; another camera begins anew. */
  get count() {
    const [track] = this.video.srcObject?.getVideoTracks?.() ?? [];
    const { totalVideoFrames = 0 } = this.video.getVideoPlaybackQuality?.() ?? {};
    return (track?.stats?.deliveredFrames ?? 0) + totalVideoFrames + this.#presented;
  }

  /** Not called while the page is hidden; the others count on. */
  #await() {
    this.video.requestVideoFrameCallback?.((_now, { presentedFrames }) => {
      this.#presented = presentedFrames;
      this.#await();
    });
  }
}
