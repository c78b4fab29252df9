// What the forms of people's pages have in common: errors beside them, rows of tables.

import { make, setText } from "../shared/dom.js";

/** Say in `place` what was wrong; an empty text hides it. */
export function sayIn(place, text) {
  setText(place, text);
  place.hidden = !text;
}

/** Do `act` for a form: its buttons wait meanwhile, what goes wrong stands in `place`. Gives whether it was done. */
export async function doing(form, place, act) {
  if (form.ariaBusy === "true") return false;
  form.ariaBusy = "true";
  sayIn(place, "");
  try {
    await act();
    return true;
  } catch (error) {
    if (error.status === undefined) throw error;
    sayIn(place, error.message);
    return false;
  } finally {
    form.ariaBusy = "false";
  }
}

/** The values of the ticked boxes called `name` in `form`. */
export function ticked(form, name) {
  return [...form.querySelectorAll(`input[name="${name}"]:checked`)].map(({ value }) => value);
}

/** Rows for a table that is a list on a small window: each cell knows its column's name. */
export function fill(table, rows) {
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  for (const row of rows) {
    for (const [index, cell] of [...row.cells].entries()) cell.dataset.name = names[index];
  }
  table.tBodies[0].replaceChildren(...rows);
  table.hidden = rows.length === 0;
}

/** A button in a row, which says to screen readers whose it is. */
export function rowButton(text, label, onclick) {
  return make("button", { type: "button", class: "quiet", text, "aria-label": label, onclick });
}
