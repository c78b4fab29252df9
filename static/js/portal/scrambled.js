// Some browsers change what a page reads from a picture, so that nobody is known again by it (Firefox' resistFingerprinting, Brave's strictest
// setting). The camera's picture would then arrive as noise, or as one colour.

const SIZE = 32; // pixels; drawn as squares of known colours
const SQUARE = 8;
const COLOURS = [[200, 40, 40], [40, 160, 60], [40, 80, 200], [230, 230, 230], [25, 25, 25]];
const SLIGHT = 8; // levels of 255: a few bits that are changed hide no face
const FEW = 0.05; // share of the values that may be further off

const colourAt = (x, y) => COLOURS[(Math.floor(x / SQUARE) * 2 + Math.floor(y / SQUARE)) % COLOURS.length];

/** Whether RGBA `pixels` of SIZE×SIZE are far from what was drawn. */
export function isFarFromDrawn(pixels) {
  let off = 0;
  for (let at = 0; at < pixels.length; at += 4) {
    const colour = colourAt((at / 4) % SIZE, Math.floor(at / 4 / SIZE));
    off += colour.filter((level, channel) => Math.abs(level - pixels[at + channel]) > SLIGHT).length;
  }
  return pixels.length !== 4 * SIZE * SIZE || off > FEW * 3 * SIZE * SIZE;
}

/** Does this browser scramble what is read from a canvas? `makeCanvas(width, height)`. */
export function scrambles(makeCanvas = (width, height) => new OffscreenCanvas(width, height)) {
  const context = makeCanvas(SIZE, SIZE).getContext("2d", { willReadFrequently: true });
  for (let x = 0; x < SIZE; x += SQUARE) {
    for (let y = 0; y < SIZE; y += SQUARE) {
      context.fillStyle = `rgb(${colourAt(x, y).join(" ")})`;
      context.fillRect(x, y, SQUARE, SQUARE);
    }
  }
  return isFarFromDrawn(context.getImageData(0, 0, SIZE, SIZE).data);
}

/** Which browser's words fit: brave, firefox or other. */
export function scramblerOf({ brave, userAgent = "" }) {
  if (brave) return "brave";
  return /Firefox\//.test(userAgent) ? "firefox" : "other";
}
