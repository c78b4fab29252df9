// Who reviews: asked once by a dialog, kept in this browser.

import { byId } from "./dom.js";

const KEY = "reviewer";
const LONGEST = 100;

/** The name, or an empty text where nobody was asked yet. */
export function reviewer() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return kept;
  }
}

let kept = ""; // for browsers that store nothing

/** Ask for the name with the dialog `#name-dialog`; gives it, or an empty text when it was closed. */
export function askReviewer() {
  const dialog = byId("name-dialog");
  const input = byId("name-input");
  input.value = reviewer();
  dialog.returnValue = "";
  dialog.showModal();
  input.select();
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        const name = input.value.trim().slice(0, LONGEST);
        if (dialog.returnValue !== "name" || !name) {
          resolve("");
          return;
        }
        kept = name;
        try {
          localStorage.setItem(KEY, name);
        } catch {
          console.info("The name is kept for this page only.");
        }
        resolve(name);
      },
      { once: true },
    );
  });
}
