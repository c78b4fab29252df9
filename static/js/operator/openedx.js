// The page Open edX: which are registered, by what each shows itself, and in `hook-deliveries.js` what each was told.

import { wireCopyButtons } from "../proctor/copy.js";
import { fullTime } from "../proctor/dates.js";
import { call } from "../shared/api.js";
import { byId, make, setText } from "../shared/dom.js";
import { isSure, showSecret } from "./dialogs.js";
import { doing, fill, rowButton, sayIn } from "./forms.js";
import { showDeliveries, startDeliveries } from "./hook-deliveries.js";
import { texts as t } from "./texts-openedx.js";

const API = "/api/integrations/openedx";
const LINES = ["name", "lms_url", "lms_client_id"];
const form = byId("edx-form");
let open = null; // the installation that the dialog changes, null: a new one

async function read() {
  try {
    const { installations } = await call(API);
    fill(byId("edx"), installations.map(row));
    byId("edx-none").hidden = installations.length > 0;
    sayIn(byId("edx-error"), "");
  } catch (error) {
    sayIn(byId("edx-error"), t.failed(error.message));
  }
}

function stateLines({ enabled, onboarding, old_secret_until: old }) {
  const said = [enabled ? t.on : t.off, onboarding ? t.onboarding : "", old ? t.oldSecret(fullTime(old)) : ""];
  return make("ul", {}, ...said.filter(Boolean).map((text) => make("li", { text })));
}

function row(one) {
  const { installation_id: id, name, lms_url: url } = one;
  const told = () => showDeliveries({ path: `${API}/${id}`, title: t.toldOf(name) });
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, make("bdi", { text: name }), make("p", { class: "muted" }, make("bdi", { text: url }))),
    make("td", {}, make("code", { text: id })),
    make("td", {}, stateLines(one)),
    make("td", { class: "row-links" }, rowButton(t.told, t.toldOf(name), told), rowButton(t.change, t.changeOf(name), () => show(one))),
  );
}

function show(one) {
  open = one;
  setText(byId("edx-title"), one ? t.changeOf(one.name) : t.add);
  for (const name of LINES) byId(`edx-${name}`).value = one?.[name] ?? "";
  byId("edx-lms_client_secret").value = "";
  byId("edx-lms_client_secret").required = !one;
  byId("edx-onboarding").checked = one?.onboarding ?? false;
  byId("edx-enabled").checked = one?.enabled ?? true;
  for (const name of ["secret", "remove"]) byId(`edx-${name}`).hidden = !one;
  sayIn(byId("edx-form-error"), "");
  byId("edx-dialog").showModal();
}

function given() {
  const fields = Object.fromEntries(LINES.map((name) => [name, byId(`edx-${name}`).value.trim()]));
  const secret = byId("edx-lms_client_secret").value;
  const checked = { onboarding: byId("edx-onboarding").checked, enabled: byId("edx-enabled").checked };
  return { ...fields, ...checked, ...(secret && { lms_client_secret: secret }) };
}

/** Do something, close the dialog where that was done, and show the secret that came of it. */
async function act(path, options) {
  let answer = null;
  const done = await doing(form, byId("edx-form-error"), async () => (answer = await call(path, options)));
  if (!done) return;
  byId("edx-dialog").close();
  if (answer.secret) showSecret(t.secret(answer.installation.name), t.secretText, answer.secret);
  await read();
}

async function afterAsking(question, path, options) {
  if (await isSure(question, open.name)) await act(path, options);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  act(open ? `${API}/${open.installation_id}` : API, { method: open ? "PATCH" : "POST", body: given() });
});
byId("edx-add").addEventListener("click", () => show(null));
byId("edx-close").addEventListener("click", () => byId("edx-dialog").close());
byId("edx-secret").addEventListener("click", () => afterAsking(t.sure.secret, `${API}/${open.installation_id}/secret`, { method: "POST" }));
byId("edx-remove").addEventListener("click", () => afterAsking(t.sure.remove, `${API}/${open.installation_id}`, { method: "DELETE" }));
startDeliveries(read);
wireCopyButtons(document);
await read();
delete byId("edx-parts").dataset.waits;
