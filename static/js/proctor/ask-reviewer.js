// The dialog that asks who reviews.

import { answerOf, byId } from "../shared/dom.js";
import { ownName, reviewer, setReviewer } from "./reviewer.js";

/** Ask for the name with the dialog `#name-dialog`; gives it, or an empty text when it was closed. */
export async function askReviewer() {
  if (ownName()) return ownName();
  const dialog = byId("name-dialog");
  const input = byId("name-input");
  input.value = reviewer();
  byId("name-cancel").onclick = () => dialog.close(); // not a submit button: Enter would choose the first of these
  const answer = answerOf(dialog);
  input.select();
  const name = (await answer) === "name" ? input.value.trim() : "";
  if (name) setReviewer(name);
  return name && reviewer();
}
