// On an exam's page: the password of the exam elsewhere, which students are shown. It is saved by itself, while the exam runs, too.

import { call } from "../shared/api.js";
import { byId, setText } from "../shared/dom.js";
import { examTexts as t } from "./texts-exam.js";

/** Show it, and wire its form; `key` is the exam's. */
export async function wirePassword(key) {
  const form = byId("exam-password");
  const address = `/api/exams/${key}/password`;
  const fields = [byId("exam-password-word"), byId("exam-password-text")];
  const say = (text, wrong = false) => {
    setText(byId("exam-password-said"), wrong ? "" : text);
    setText(byId("exam-password-error"), wrong ? text : "");
    byId("exam-password-error").hidden = !wrong;
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    const [password, text] = fields.map((field) => field.value.trim());
    try {
      await call(address, { method: "PUT", body: { password, text } });
      say(password ? t.passwordSet : t.passwordGone);
    } catch (error) {
      say(t.notSaved(error.message), true);
    }
    form.ariaBusy = "false";
  });
  try {
    const { password, text } = await call(address);
    for (const [field, value] of [[fields[0], password], [fields[1], text]]) field.value ||= value; // what was typed meanwhile stays
  } catch (error) {
    say(t.failed(error.message), true);
  }
}
