// Beside a camera or microphone that was refused: how it is allowed in this browser, and the way to go on from there.

import { byId } from "../shared/dom.js";
import { browserOf } from "./browsers.js";

/** Is the student to allow something in the browser first? `devices` are those of the check, `{camera: {failure}, microphone: {failure}}`. */
export const isRefused = (devices) => Object.values(devices).some(({ failure }) => failure === "denied");

/** Show how, in the place of a picture that can't come, or no more. */
export function drawAllow(devices) {
  const refused = isRefused(devices);
  byId("check-view").hidden = devices.camera.failure === "denied";
  const place = byId("check-allow");
  if (place.hidden === !refused) return;
  const here = browserOf(navigator.userAgent);
  for (const way of place.querySelectorAll("[data-browser]")) way.hidden = way.dataset.browser !== here;
  place.hidden = !refused;
}
