// On the page of an exam's students: fills the list from the course of the learning platform, and unlinks a course.

import { call } from "../shared/api.js";
import { byId, oneWish, setText } from "../shared/dom.js";
import { isSure } from "./roster-ask.js";
import { rosterTexts as t } from "./texts-roster.js";

/** Wire the button, where a course is known; `onFilled` reads the list anew. */
export function wireCourse(address, onFilled) {
  const button = document.getElementById("course-fill");
  if (!button) return;
  for (const one of document.querySelectorAll("[data-course]")) oneWish(one).addEventListener("click", () => unlink(address, one));
  oneWish(button).addEventListener("click", async () => {
    button.setAttribute("aria-busy", "true");
    byId("course-error").hidden = true;
    setText(byId("course-said"), t.course.asks);
    try {
      const done = await call(`${address}/lti`, { method: "POST", body: {} });
      await onFilled();
      setText(byId("course-said"), t.course.filled(done));
    } catch (error) {
      setText(byId("course-said"), "");
      setText(byId("course-error"), t.course.failed(error.message));
      byId("course-error").hidden = false;
    }
    button.removeAttribute("aria-busy");
  });
}

async function unlink(address, button) {
  const { course, title } = button.dataset;
  if (!(await isSure(t.course.unlink(title)))) return;
  byId("course-error").hidden = true;
  try {
    await call(`${address.replace(/roster$/, "courses")}/${course}`, { method: "DELETE" });
    button.closest("li").remove();
    setText(byId("course-said"), t.course.unlinked(title));
  } catch (error) {
    setText(byId("course-error"), t.course.failed(error.message));
    byId("course-error").hidden = false;
  }
}
