// On an exam's page: a link to the own report for each of its students whose session has ended, as a CSV file.

import { addressOf } from "../shared/base.js";
import { byId, make, oneWish, setText } from "../shared/dom.js";
import { sideTexts } from "./texts-side.js";

const { side: t } = sideTexts;

async function download(key, by) {
  const response = await fetch(addressOf(`/api/exams/${key}/student-reports`), { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ by }) });
  if (!response.ok) {
    const answer = await response.json().catch(() => null);
    throw new Error(answer?.error?.message ?? String(response.status));
  }
  const address = URL.createObjectURL(await response.blob());
  const link = make("a", { href: address, download: "reports.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** Wire the button; `key` is the exam's, `by()` who asks. */
export function wireReports(key, by) {
  const button = oneWish(byId("exam-report-links"));
  button.addEventListener("click", async () => {
    button.setAttribute("aria-busy", "true");
    setText(byId("exam-report-said"), "");
    try {
      await download(key, by());
      setText(byId("exam-report-said"), t.allMade);
    } catch (error) {
      setText(byId("exam-report-said"), t.failed(error.message));
    }
    button.removeAttribute("aria-busy");
  });
}

/** Show the button where the exam as it is saved has reports. */
export function drawReports({ student_report: report, answer_first: first }) {
  byId("exam-reports").hidden = report === "off" && !first;
}
