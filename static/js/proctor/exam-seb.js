// On an exam's page: the file that opens it in Safe Exam Browser, that file's key, and the keys of files that others made.

import { ApiError } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { byId, setText } from "../shared/dom.js";
import { examTexts } from "./texts-exam.js";

const { seb: t } = examTexts;

async function keyOf(file) {
  const response = await fetch(addressOf("/api/seb/config-key"), { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file });
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new ApiError(response.status, answer?.error ?? {});
  return answer;
}

/** Wire the choice of a file, whose key is added to those that are allowed; `onChange()` then. */
export function wireSeb(onChange) {
  const input = byId("exam-seb-file");
  input.addEventListener("change", async () => {
    const [file] = input.files;
    if (!file) return;
    try {
      const { config_key: key, start_url: begins } = await keyOf(file);
      const keys = byId("exam-seb_config_keys");
      if (!keys.value.toLowerCase().includes(key)) keys.value = [keys.value.trim(), key].filter(Boolean).join("\n");
      setText(byId("exam-seb-said"), t.added(file.name, begins));
      onChange();
    } catch (error) {
      setText(byId("exam-seb-said"), t.notRead(file.name, error.message));
    }
    input.value = "";
  });
}

/** The exam's own file, where it asks for Safe Exam Browser as it is saved. */
export function drawSeb({ seb, exam_key: key, seb_config_key: own }) {
  byId("exam-seb-own").hidden = seb === "off";
  byId("exam-seb-link").href = addressOf(`/exams/${key}.seb`);
  setText(byId("exam-seb-key"), own ? t.own(own) : t.ownNot);
}
