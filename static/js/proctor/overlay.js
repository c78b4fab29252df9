// Boxes and the direction of the gaze, drawn over the live picture.

import { percent } from "./phrases.js";
import { texts } from "./texts.js";

// The student's own left is the picture's right: the picture is as the camera sees it.
const ARROWS = { left: [1, 0], right: [-1, 0], down: [0, 1] };

/** Where to draw an arrow for `direction` from the middle of `box`: `[x1, y1, x2, y2]`, or null when there is nothing to point at. */
export function arrowOf(box, direction) {
  const way = ARROWS[direction];
  if (!box || !way) return null;
  const [x, y] = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  const length = 0.7 * Math.max(box[2] - box[0], box[3] - box[1]);
  return [x, y, x + way[0] * length, y + way[1] * length];
}

/** Draw `overlay` (boxes in pixels of a picture of its `width` and `height`) and the gaze on `canvas`. */
export function drawOverlay(canvas, overlay, gaze) {
  const context = canvas.getContext("2d");
  if (!overlay?.width) {
    context.clearRect(0, 0, canvas.width, canvas.height);
    return;
  }
  if (canvas.width !== overlay.width || canvas.height !== overlay.height) {
    canvas.width = overlay.width;
    canvas.height = overlay.height;
  }
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.font = "600 15px system-ui, sans-serif";
  const names = texts.session.overlays;
  for (const person of overlay.persons ?? []) drawBox(context, person, names.person, "#7cc4ff");
  for (const phone of overlay.phones ?? []) drawBox(context, phone, names.phone, "#ffb199");
  if (overlay.gaze_box) drawBox(context, overlay.gaze_box, names.face, "#ffffff");
  const arrow = arrowOf(overlay.gaze_box, gaze);
  if (arrow) drawArrow(context, arrow);
}

function drawBox(context, [x1, y1, x2, y2, confidence], name, colour) {
  const label = confidence === undefined ? name : `${name} ${percent(confidence)}`;
  for (const [width, style] of [[5, "rgb(0 0 0 / 55%)"], [2.5, colour]]) {
    context.lineWidth = width;
    context.strokeStyle = style;
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
  }
  const y = Math.max(y1, 20);
  context.fillStyle = "rgb(0 0 0 / 70%)";
  context.fillRect(x1 - 2, y - 20, context.measureText(label).width + 12, 20);
  context.fillStyle = colour;
  context.fillText(label, x1 + 4, y - 5);
}

function drawArrow(context, [x1, y1, x2, y2]) {
  const angle = Math.atan2(y2 - y1, x2 - x1);
  for (const [width, style] of [[9, "rgb(0 0 0 / 55%)"], [5, "#ffd35c"]]) {
    context.lineWidth = width;
    context.strokeStyle = style;
    context.lineCap = "round";
    context.beginPath();
    context.moveTo(x1, y1);
    context.lineTo(x2, y2);
    for (const turn of [-0.5, 0.5]) {
      context.moveTo(x2, y2);
      context.lineTo(x2 - 22 * Math.cos(angle + turn), y2 - 22 * Math.sin(angle + turn));
    }
    context.stroke();
  }
}
