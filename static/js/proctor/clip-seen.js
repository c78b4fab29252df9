// What was read of a clip's pictures, as it stood at one time of the clip. Pure.

const PERSONS_HOLD_S = 2.5; // a look for persons speaks until the next one, two seconds later (FACE_INTERVAL_S) and a little more
const GAZE_HOLD_S = 0.6;
const EARLY_S = 0.05; // half a picture: a reading belongs to the picture that is shown

const newest = (readings, at, hold) => readings.findLast((reading) => reading.at <= at + EARLY_S && at - reading.at <= hold) ?? null;

/** `readings` (as GET /api/review/<id>/readings gives them) at `at` seconds of the clip: the `overlay` to draw and the `gaze`, or null for nothing. */
export function seenAt({ gaze, persons }, at) {
  const look = newest(persons, at, PERSONS_HOLD_S);
  const face = newest(gaze, at, GAZE_HOLD_S);
  const { width, height } = look?.width ? look : (face ?? {});
  if (!width) return null;
  const scaled = face?.box && face.box.map((side, index) => (index % 2 ? (side * height) / face.height : (side * width) / face.width));
  return {
    overlay: { width, height, persons: look?.persons ?? [], phones: look?.phones ?? [], gaze_box: scaled ?? null },
    gaze: face?.direction ?? "unknown",
  };
}
