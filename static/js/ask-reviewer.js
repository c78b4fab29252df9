// The dialog that asks who reviews.

import { byId } from "./dom.js";
import { reviewer, setReviewer } from "./reviewer.js";

/** Ask for the name with the dialog `#name-dialog`; gives it, or an empty text when it was closed. */
export function askReviewer() {
  const dialog = byId("name-dialog");
  const input = byId("name-input");
  input.value = reviewer();
  dialog.returnValue = "";
  byId("name-cancel").onclick = () => dialog.close(); // not a submit button: Enter would choose the first of these
  dialog.showModal();
  input.select();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        const name = dialog.returnValue === "name" ? input.value.trim() : "";
        if (name) setReviewer(name);
        resolve(name && reviewer());
      },
      { once: true },
    );
  });
}
