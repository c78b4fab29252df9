// On an exam's page: the line that pages of the exam's own site include, and the secret by which that site says who comes, shown once.

import { call } from "../shared/api.js";
import { answerOf, byId, oneWish, setText } from "../shared/dom.js";
import { minuteTime } from "../shared/moments.js";
import { examTexts } from "./texts-exam.js";

const { snippet: t } = examTexts;
let made = null; // since when there is a secret

function stands(text = made ? t.made(minuteTime(made)) : t.without) {
  setText(byId("exam-snippet-stands"), text);
}

function wrong(message) {
  setText(byId("exam-snippet-error"), message);
  byId("exam-snippet-error").hidden = !message;
}

/** Read how it stands, and wire the button that makes a secret; `key` is the exam's. */
export async function wireSnippet(key) {
  const address = `/api/exams/${key}/snippet`;
  oneWish(byId("exam-snippet-renew")).addEventListener("click", async () => {
    if (made && (await answerOf(byId("exam-snippet-dialog"))) !== "renew") return;
    wrong("");
    try {
      const { secret } = await call(`${address}/secret`, { method: "POST", body: {} });
      made = new Date().toISOString();
      byId("exam-snippet-new").hidden = false;
      byId("exam-snippet-secret").value = secret;
      byId("exam-snippet-secret").select();
      stands(t.renewed);
    } catch (error) {
      wrong(t.failed(error.message));
    }
  });
  try {
    const { script, secret_made_at: at } = await call(address);
    made = at;
    setText(byId("exam-snippet-line"), `<script type="module" src="${script}" data-token-url="/proctor-token"></script>`);
    stands();
  } catch (error) {
    wrong(error.message);
  }
}

/** It is there where the exam names sites, as it is saved. */
export function drawSnippet({ snippet_origins: origins }) {
  byId("exam-snippet").hidden = origins.length === 0;
}
