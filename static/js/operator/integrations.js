// The page Integrations: learning platforms, what they are told of this server, and links by which one registers itself.

import { wireCopyButtons } from "../proctor/copy.js";
import { call } from "../shared/api.js";
import { byId, make, setText } from "../shared/dom.js";
import { list } from "../shared/translate.js";
import { isSure, showSecret } from "./dialogs.js";
import { doing, fill, rowButton, sayIn } from "./forms.js";
import { texts } from "./texts.js";

const t = texts.platforms;
const API = "/api/integrations/lti";
const LINES = ["name", "issuer", "client_id", "auth_login_url", "auth_token_url", "key_set_url", "audience", "course_pattern"];
const form = byId("platform-form");
let open = null; // the registration that the dialog changes, null: a new one

async function read() {
  try {
    const { registrations } = await call(API);
    fill(byId("platforms"), registrations.map(row));
    byId("platforms-none").hidden = registrations.length > 0;
    sayIn(byId("platforms-error"), "");
  } catch (error) {
    sayIn(byId("platforms-error"), t.failed(error.message));
  }
}

function row(one) {
  const deployments = one.deployments.length ? list(one.deployments) : t.noDeployment;
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, make("bdi", { text: one.name }), make("p", { class: "muted" }, make("bdi", { text: one.issuer }))),
    make("td", {}, make("bdi", { text: one.client_id })),
    make("td", { class: "muted" }, make("bdi", { text: deployments })),
    make("td", { text: one.enabled ? t.on : t.off }),
    make("td", { class: "row-links" }, rowButton(t.change, t.changeOf(one.name), () => show(one)), rowButton(t.remove, t.removeOf(one.name), () => remove(one))),
  );
}

function show(one) {
  open = one;
  setText(byId("platform-title"), one ? t.changeOf(one.name) : t.add);
  for (const name of LINES) byId(`platform-${name}`).value = one?.[name] ?? "";
  byId("platform-deployments").value = (one?.deployments ?? []).join("\n");
  byId("platform-accepts").checked = one?.accepts_deployments ?? true;
  byId("platform-own-keys").checked = one?.own_keys ?? false;
  setText(byId("platform-own"), one?.own_jwks ?? "");
  byId("platform-own-line").hidden = !one;
  byId("platform-enabled").checked = one?.enabled ?? true;
  sayIn(byId("platform-error"), "");
  byId("platform-dialog").showModal();
}

function given() {
  const fields = Object.fromEntries(LINES.map((name) => [name, byId(`platform-${name}`).value.trim()]));
  const deployments = byId("platform-deployments").value.split("\n").map((line) => line.trim()).filter(Boolean);
  const checked = { accepts_deployments: byId("platform-accepts").checked, own_keys: byId("platform-own-keys").checked };
  return { ...fields, ...checked, deployments, enabled: byId("platform-enabled").checked };
}

async function remove({ registration_id: id, name }) {
  if (!(await isSure(t.sure.remove, name))) return;
  await doing(form, byId("platforms-error"), () => call(`${API}/${id}`, { method: "DELETE" }));
  await read();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const saved = await doing(form, byId("platform-error"), () =>
    call(open ? `${API}/${open.registration_id}` : API, { method: open ? "PATCH" : "POST", body: given() }),
  );
  if (!saved) return;
  byId("platform-dialog").close();
  await read();
});
byId("platform-close").addEventListener("click", () => byId("platform-dialog").close());
byId("platform-add").addEventListener("click", () => show(null));
byId("platform-link").addEventListener("click", () =>
  doing(form, byId("platforms-error"), async () => {
    const { url } = await call(`${API}/link`, { method: "POST", body: {} });
    showSecret(t.link, t.linkText, url);
  }),
);
byId("platform-rotate").addEventListener("click", async () => {
  if (!(await isSure(t.sure.rotate, ""))) return;
  const done = await doing(form, byId("platforms-error"), () => call(`${API}/key`, { method: "POST", body: {} }));
  setText(byId("platforms-said"), done ? t.rotated : "");
});
wireCopyButtons(document);
await read();
delete byId("platforms-part").dataset.waits;
