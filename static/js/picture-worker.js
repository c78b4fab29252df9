// A Worker that makes JPEGs: takes one VideoFrame or ImageBitmap, answers with the bytes. Off the page, so that a hidden or busy page does not delay them.

let canvas = null;
let context = null;

onmessage = async ({ data: { image, width, height, quality, at } }) => {
  try {
    if (!canvas || canvas.width !== width || canvas.height !== height) {
      canvas = new OffscreenCanvas(width, height);
      context = canvas.getContext("2d", { alpha: false, desynchronized: true });
    }
    context.drawImage(image, 0, 0, width, height);
    image.close();
    const blob = await canvas.convertToBlob({ type: "image/jpeg", quality });
    const bytes = await blob.arrayBuffer();
    postMessage({ bytes, at }, [bytes]);
  } catch (error) {
    image.close();
    postMessage({ error: String(error), at });
  }
};
