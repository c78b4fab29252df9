// A Worker that encodes pictures: takes one VideoFrame or ImageBitmap, answers with a JPEG, or with H.264 once a trial of real pictures has shown that
// this browser can. Off the page, so that a hidden or busy page does not delay them.

import { H264Encoder, Trial } from "./h264-encoder.js";
import { Stillness } from "./stillness.js";

const PART = { width: 96, height: 72 }; // pixels in the middle, where the student sits

let canvas = null;
let context = null;
let state = H264Encoder.exists ? "new" : "refused"; // of H.264: new, trial, ready, refused
let layered = true; // two temporal layers, until a trial of them fails
let trial = null;
let encoder = null;
let opening = false;
let failing = Promise.resolve(); // until what a failed encoder held is out: what comes later must not overtake it
const stillness = new Stillness();
let part = null;
let whole = null;

postMessage({ loaded: true }); // all of its parts are here

onmessage = async ({ data }) => {
  const { image, wanted, at } = data;
  try {
    await failing;
    const changed = stillness.look(at, (whole) => (whole ? all(image) : middle(image)), wanted.stillMs, data.count);
    if (changed) postMessage({ frozen: stillness.frozen, gives: stillness.gives });
    if (!wanted.bitrate || state === "refused") {
      encoder?.close();
      encoder = null;
      await sendJpeg(image, wanted, at);
    } else if (state === "ready") {
      await sendH264(image, wanted, at, data.key);
    } else {
      await tryH264(image, wanted, at);
      await sendJpeg(image, wanted, at);
    }
  } catch (error) {
    postMessage({ error: String(error) });
  } finally {
    image.close();
    postMessage({ done: true });
  }
};

function draw(image, { width, height }) {
  if (!canvas || canvas.width !== width || canvas.height !== height) {
    canvas = new OffscreenCanvas(width, height);
    context = canvas.getContext("2d", { alpha: false, desynchronized: true });
  }
  context.drawImage(image, 0, 0, width, height);
}

/** The pixels in the middle of a picture, as they are. */
function middle(image) {
  const { width, height } = PART;
  part ??= new OffscreenCanvas(width, height).getContext("2d", { alpha: false, willReadFrequently: true });
  const x = ((image.displayWidth ?? image.width) - width) >> 1;
  const y = ((image.displayHeight ?? image.height) - height) >> 1;
  part.drawImage(image, Math.max(0, x), Math.max(0, y), width, height, 0, 0, width, height);
  return part.getImageData(0, 0, width, height).data;
}

/** All of a picture's pixels, as they are. */
function all(image) {
  const [width, height] = [image.displayWidth ?? image.width, image.displayHeight ?? image.height];
  if (whole?.canvas.width !== width || whole.canvas.height !== height) {
    whole = new OffscreenCanvas(width, height).getContext("2d", { alpha: false, willReadFrequently: true });
  }
  whole.drawImage(image, 0, 0);
  return whole.getImageData(0, 0, width, height).data;
}

async function sendJpeg(image, wanted, at) {
  draw(image, wanted);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: wanted.quality });
  const bytes = await blob.arrayBuffer();
  postMessage({ bytes, at, codec: "jpeg", key: true, layer: 0 }, [bytes]);
}

/** A VideoFrame of the wanted size, whose timestamp is the page's time. */
function sized(image, wanted, at) {
  const timestamp = Math.round(at * 1000);
  if (image.displayWidth === wanted.width && image.displayHeight === wanted.height) return new VideoFrame(image, { timestamp });
  draw(image, wanted);
  return new VideoFrame(canvas, { timestamp, alpha: "discard" });
}

async function tryH264(image, wanted, at) {
  if (opening || (trial?.isFull ?? false)) return; // its verdict is being found
  if (!trial) {
    opening = true;
    const next = new Trial();
    const opened = await next.open({ ...wanted, layers: layered && wanted.layers });
    opening = false;
    if (!opened) {
      refuse("the browser says that it can't");
      return;
    }
    trial = next;
    state = "trial";
  }
  trial.take(sized(image, wanted, at), at);
  if (trial.isFull) judge(trial);
}

async function judge(full) {
  const fault = await full.verdict();
  trial = null;
  if (fault) refuse(fault);
  else {
    state = "ready";
    postMessage({ codec: "h264", layers: layered });
  }
}

/** Without layers it may do; without that, JPEG is sent for good. */
function refuse(reason) {
  if (layered) layered = false;
  else state = "refused";
  if (state === "refused") postMessage({ codec: "jpeg", reason });
}

async function sendH264(image, wanted, at, key) {
  const config = { ...wanted, layers: layered && wanted.layers };
  const present = encoder?.config;
  const changed = !present || ["width", "height", "bitrate", "fps", "layers"].some((name) => present[name] !== config[name]);
  if (changed) {
    await encoder?.flush();
    if (state === "ready") await openH264(config, wanted);
  }
  if (state === "ready" && encoder.encode(sized(image, wanted, at), at, key)) return;
  await failing;
  await sendJpeg(image, wanted, at);
}

async function openH264(config, wanted) {
  const fail = (images, reason) => {
    failing = failed(images, reason, wanted).catch((error) => postMessage({ error: String(error) }));
  };
  encoder ??= new H264Encoder(({ bytes, ...about }) => postMessage({ bytes: bytes.buffer, codec: "h264", ...about }, [bytes.buffer]), fail);
  if (!(await encoder.open(config))) fail([], "the browser says that it can't");
}

/** The encoder has failed: what it held goes out as JPEG, and so does all that follows. */
async function failed(images, reason, wanted) {
  state = "refused";
  encoder?.close();
  encoder = null;
  postMessage({ codec: "jpeg", reason });
  for (const { image, at } of images) {
    await sendJpeg(image, wanted, at);
    image.close();
  }
}
