// The help for the page: the link in the side bar and the key ? open it. A page that has keys of its own shows them in its own dialog.

import { byId } from "../shared/dom.js";
import { remember, remembered } from "../shared/storage.js";
import { locale } from "../shared/translate.js";

const KEYS_OFF = "review.keys"; // one choice for every page
const own = document.getElementById("keys-dialog");
const dialog = own ?? document.getElementById("help-dialog");

/** Does this press of a key ask for help? Not where something is written, nor beside another dialog. */
function asksForHelp({ key, target, ctrlKey, metaKey, altKey, repeat }) {
  const written = target.closest("input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]");
  return key === "?" && !ctrlKey && !metaKey && !altKey && !repeat && !written && !document.querySelector("dialog[open]");
}

/** A glossary stands in the order of its own language. */
function inOrder(list) {
  const term = (entry) => entry.querySelector("dt").textContent;
  list.append(...[...list.children].sort((one, other) => term(one).localeCompare(term(other), locale)));
}

for (const list of document.querySelectorAll(".glossary")) inOrder(list);
if (dialog) {
  byId("help-open").addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // in a tab of its own
    event.preventDefault();
    dialog.showModal();
  });
}
if (dialog && !own) {
  const keys = byId("help-keys");
  keys.checked = remembered(KEYS_OFF) !== "off";
  keys.addEventListener("change", () => remember(KEYS_OFF, keys.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    if (!keys.checked || !asksForHelp(event)) return;
    event.preventDefault();
    dialog.showModal();
  });
}
