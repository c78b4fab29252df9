// What is different for the student, where the page has room to say it.

import { accommodationWords } from "../shared/accommodations.js";
import { make } from "../shared/dom.js";
import { personName } from "../shared/names.js";
import { texts } from "./texts.js";

/** What a session's accommodation changes, as the student reads it; nothing where there is none. */
export const differentWords = (session) => accommodationWords(session?.accommodation ?? {});

/** Say it at `place`, with who set it. True when there was something to say. */
export function drawDifferent(session, place) {
  const words = differentWords(session);
  const element = document.getElementById(place); // the exam's own page may take its room
  if (!element) return false;
  element.hidden = words.length === 0;
  const by = personName(session?.accommodation?.set_by);
  const lines = words.length && by ? [...words, texts.exam.setBy(by)] : words;
  element.querySelector("ul").replaceChildren(...lines.map((text) => make("li", { text })));
  return words.length > 0;
}
