// The page Webhooks: who is told what, and in `hook-deliveries.js` what came of it.

import { wireCopyButtons } from "../proctor/copy.js";
import { fullTime } from "../proctor/dates.js";
import { call } from "../shared/api.js";
import { byId, make, setText } from "../shared/dom.js";
import { list } from "../shared/translate.js";
import { isSure, showSecret } from "./dialogs.js";
import { doing, fill, rowButton, sayIn, ticked } from "./forms.js";
import { showDeliveries, startDeliveries } from "./hook-deliveries.js";
import { texts as t } from "./texts-hooks.js";

let open = null; // the webhook whose dialog is open

async function read() {
  try {
    const { hooks } = await call("/api/hooks");
    fill(byId("hooks"), hooks.map(row));
    byId("hooks-none").hidden = hooks.length > 0;
    sayIn(byId("hooks-error"), "");
  } catch (error) {
    sayIn(byId("hooks-error"), t.failed(error.message));
  }
}

const lines = (all) => make("ul", {}, ...all.filter(Boolean).map((text) => make("li", { text })));

function toldLines({ events, exams, courses, names }) {
  return [
    events.length ? t.kinds(events.length) : t.everything,
    exams.length ? t.ofExams(list(exams)) : "",
    courses.length ? t.ofCourses(list(courses)) : "",
    names ? t.withNames : "",
  ];
}

function stateLines({ enabled, disabled_why: why, failing_since: since, failing_why: failing, slow_until: slow, old_secret_until: old }) {
  const state = enabled ? t.enabled : why ? t.disabledWhy(why) : t.disabled;
  return [state, enabled && since ? t.failing(fullTime(since), failing) : "", enabled && slow ? t.slow(fullTime(slow)) : "", old ? t.oldSecret(fullTime(old)) : ""];
}

function row(hook) {
  const { name, url } = hook;
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, make("span", { text: name }), make("div", { class: "muted", text: url })),
    make("td", {}, lines(toldLines(hook))),
    make("td", {}, lines(stateLines(hook))),
    make(
      "td",
      { class: "row-links" },
      rowButton(t.show, t.showOf(name), () => deliveries(hook)),
      rowButton(t.test, t.testOf(name), () => test(hook)),
      rowButton(t.change, t.changeOf(name), () => edit(hook)),
    ),
  );
}

async function test(hook) {
  const done = await doing(byId("hook-add-form"), byId("hooks-error"), () => call(`/api/hooks/${hook.id}/test`, { method: "POST" }));
  if (done) await deliveries(hook);
}

const deliveries = ({ id, name }) => showDeliveries({ path: `/api/hooks/${id}`, title: t.showOf(name) });

function edit(hook) {
  open = hook;
  setText(byId("hook-title"), t.changeOf(hook.name));
  byId("hook-name").value = hook.name;
  byId("hook-url").value = hook.url;
  byId("hook-exams").value = hook.exams.join(" ");
  byId("hook-courses").value = hook.courses.join("\n");
  byId("hook-names").checked = hook.names;
  for (const box of byId("hook-form").querySelectorAll('input[name="hook-event"]')) box.checked = hook.events.includes(box.value);
  setText(byId("hook-disable"), hook.enabled ? t.disable : t.enable);
  sayIn(byId("hook-error"), "");
  byId("hook-dialog").showModal();
}

/** What a form asks for; its fields' names begin with `prefix`. */
function wantedOf(form, prefix) {
  const value = (name) => byId(`${prefix}-${name}`).value.trim();
  const parted = (text, by) => text.split(by).map((part) => part.trim()).filter(Boolean);
  return {
    name: value("name"),
    url: value("url"),
    events: ticked(form, `${prefix}-event`),
    exams: parted(value("exams"), /\s+/),
    courses: parted(value("courses"), "\n"),
    names: byId(`${prefix}-names`).checked,
  };
}

/** What of `wanted` is another than the webhook has. */
function changed(hook, wanted) {
  const written = (value) => JSON.stringify(Array.isArray(value) ? [...value].sort() : value);
  return Object.fromEntries(Object.entries(wanted).filter(([name, value]) => written(value) !== written(hook[name])));
}

/** Do something with the open webhook, and close its dialog where that was done and is listed: what is opened next is shown as it is now. */
async function withHook(act) {
  const { id, name } = open;
  let answer = null;
  const done = await doing(byId("hook-form"), byId("hook-error"), async () => {
    answer = await act(`/api/hooks/${id}`);
    await read();
  });
  if (!done) return;
  byId("hook-dialog").close();
  if (answer.secret) showSecret(t.secret(name), t.secretText, answer.secret);
}

async function afterAsking(question, act) {
  if (await isSure(question, open.name)) await withHook(act);
}

function wireHook() {
  const form = byId("hook-form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    withHook((path) => call(path, { method: "PATCH", body: changed(open, wantedOf(form, "hook")) }));
  });
  byId("hook-close").addEventListener("click", () => byId("hook-dialog").close());
  byId("hook-secret").addEventListener("click", () => afterAsking(t.sure.secret, (path) => call(`${path}/secret`, { method: "POST" })));
  byId("hook-remove").addEventListener("click", () => afterAsking(t.sure.remove, (path) => call(path, { method: "DELETE" })));
  byId("hook-disable").addEventListener("click", () => {
    const change = (path) => call(path, { method: "PATCH", body: { enabled: !open.enabled } });
    return open.enabled ? afterAsking(t.sure.disable, change) : withHook(change);
  });
}

function wireAdd() {
  const form = byId("hook-add-form");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await doing(form, byId("hook-add-error"), async () => {
      const { hook, secret } = await call("/api/hooks", { method: "POST", body: wantedOf(form, "hook-add") });
      form.reset();
      showSecret(t.secret(hook.name), t.secretText, secret);
      await read();
    });
  });
}

wireHook();
wireAdd();
startDeliveries(read);
wireCopyButtons(document);
await read();
byId("hooks-parts").removeAttribute("data-waits");
