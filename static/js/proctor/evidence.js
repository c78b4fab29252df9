// The numbers that a violation rests on, in words. Pure: a violation in, a list of texts out.

import { texts } from "./texts.js";

const SHOWN_NUMBERS = ["gaze_x_deg", "gaze_y_deg", "yaw_deg", "pitch_deg"]; // the rest is for engineers

const HEARD_DBFS = -60; // a quieter level is that of a pause, and says nothing of the speech

/** Each number of `violation.evidence` in words; what is not known here is left to the stored record. */
export function evidenceWords({ evidence }) {
  const t = texts.evidence;
  const { seconds, stretches, looks, directions, lids, boxes, numbers, level_dbfs: level, voices, stranger, persons, object, acts, sounds } = evidence ?? {};
  const words = [];
  const say = (known, text) => known && words.push(text());
  say(typeof persons === "number", () => t.persons(persons));
  say(voices > 1, () => t.voices(voices)); // older records have the number of a moment later
  say(stranger, () => t.stranger);
  say(stranger && typeof numbers?.own === "number", () => t.own(numbers.own));
  say(directions && Object.keys(directions).length, () => t.directions(directions));
  say(typeof lids?.from === "number" && typeof lids.seconds === "number", () => t.lids(lids));
  for (const name of SHOWN_NUMBERS) say(typeof numbers?.[name] === "number", () => t.numbers[name](numbers[name]));
  say(numbers?.faces > numbers?.bodies, () => t.faces(numbers.faces, numbers.bodies));
  say(object && typeof numbers?.phone_least === "number", () => t.phone(votesIn(numbers), numbers.phone_least, numbers.vessel_or_book));
  say(object && numbers?.at_face > 0, () => t.at_face);
  say(boxes?.length, () => t.boxes(boxes.map((box) => box[4] ?? 1)));
  say(looks > 1, () => t.looks(looks));
  say(sounds?.length, () => t.sounds(soundWords(sounds)));
  say(level > HEARD_DBFS, () => t.level_dbfs(level));
  say(acts?.length, () => t.acts(acts));
  say(!acts && typeof seconds === "number" && seconds > 0, () => t.seconds(seconds));
  say(!acts && stretches?.length, () => t.stretches(stretches));
  return words;
}

/** Kinds of sound in words; one that this page doesn't know is left out. */
export const soundWords = (kinds) => (kinds ?? []).flatMap((kind) => texts.sounds[kind] ?? []);

/** What each look at the picture made of a phone, in their order. */
function votesIn(numbers) {
  return Object.entries(numbers)
    .filter(([name]) => /^phone_vote_\d+$/.test(name))
    .sort(([one], [other]) => Number(one.slice(11)) - Number(other.slice(11)))
    .map(([, vote]) => vote);
}
