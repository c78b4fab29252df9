// What the forms and tables of the exams page have in common: what is wrong with what was entered, and rows that come a page at a time.

import { byId, setText } from "../shared/dom.js";
import { idProblem } from "../shared/identifiers.js";
import { dressTable } from "./tables.js";
import { texts } from "./texts.js";

/** Say what is wrong with the IDs of a form (`link` or `acc`), if anything is. */
export function wrongIds(form, user, exam) {
  const place = form === "link" ? "link-error" : "acc-form-error";
  const [userWrong, examWrong] = [user ? idProblem(user) : texts.exams.missing, idProblem(exam)];
  if (userWrong) sayWrong(place, userWrong, `${form}-user`);
  else if (examWrong) sayWrong(place, examWrong, `${form}-exam`);
  return Boolean(userWrong || examWrong);
}

/** Say `text` at `place`, and mark the `field` that it is about. */
export function sayWrong(place, text, field = null) {
  for (const input of document.querySelectorAll("[aria-invalid]")) input.removeAttribute("aria-invalid");
  setText(byId(place), text);
  byId(place).hidden = false;
  if (!field) return;
  byId(field).setAttribute("aria-invalid", "true");
  byId(field).focus();
}

/** The first of these fields in which half a date stands, or what is no number, and which reads as if it were empty. */
export const halfOf = (inputs) => [...inputs].find(({ validity }) => validity.badInput);

/** Say so at `place`, where there is one. */
export function sayHalf(place, inputs) {
  const half = halfOf(inputs);
  if (half) sayWrong(place, texts.exams.half, half.id);
  return Boolean(half);
}

/** Rows in place of those there are, or (`more`) behind them; the first of more takes the focus, as the button that asked for them may go. */
export function showRows(body, rows, more) {
  if (!more) body.replaceChildren();
  body.append(...rows);
  dressTable(body.parentElement);
  if (more) rows[0]?.querySelector("a, button").focus();
}
