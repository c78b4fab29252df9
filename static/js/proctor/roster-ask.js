// The question before what can't be undone.

import { answerOf, byId, setText } from "../shared/dom.js";

/** Ask `[title, text, yes]`; true where it is agreed to. */
export async function isSure([title, text, yes]) {
  setText(byId("sure-title"), title);
  setText(byId("sure-text"), text);
  setText(byId("sure-yes"), yes);
  return (await answerOf(byId("sure-dialog"))) === "yes";
}
