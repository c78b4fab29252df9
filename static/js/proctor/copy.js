// Buttons that copy the text of the element they name in `data-copy`.

import { setText } from "../shared/dom.js";
import { texts } from "./texts.js";

/** Wire every copy button in `scope`; where the clipboard is closed to us the text is selected instead. */
export function wireCopyButtons(scope) {
  for (const button of scope.querySelectorAll("[data-copy]")) {
    const offered = button.textContent;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent.trim());
        setText(button, texts.live.copied);
        setTimeout(() => setText(button, offered), 2000);
      } catch {
        getSelection().selectAllChildren(source);
      }
    });
  }
}
