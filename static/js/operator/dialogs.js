// The dialogs of the page People: a question before what ends what others do, and a secret that is shown once.

import { answerOf, byId, setText } from "../shared/dom.js";

/** Ask before something that ends what others do. */
export async function isSure({ title, text, yes }, name) {
  setText(byId("sure-title"), title(name));
  setText(byId("sure-text"), text);
  setText(byId("sure-yes"), yes);
  const dialog = byId("sure-dialog");
  byId("sure-no").onclick = () => dialog.close();
  return (await answerOf(dialog)) === "yes";
}

/** Show a secret, this once. */
export function showSecret(title, text, secret) {
  setText(byId("secret-title"), title);
  setText(byId("secret-text"), text);
  setText(byId("secret"), secret);
  const dialog = byId("secret-dialog");
  byId("secret-close").onclick = () => dialog.close();
  dialog.addEventListener("close", () => setText(byId("secret"), ""), { once: true });
  dialog.showModal();
}
