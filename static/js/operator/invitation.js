// The page of an invitation: shows for whom it is, and takes the password that is chosen. Its token stands in the address's fragment.

import { call } from "../shared/api.js";
import { addressOf } from "../shared/base.js";
import { byId, setText } from "../shared/dom.js";
import { doing, sayIn } from "./forms.js";
import { texts } from "./texts.js";

const t = texts.invitation;
const token = new URLSearchParams(location.hash.slice(1)).get("t") ?? "";
history.replaceState(null, "", location.pathname + location.search); // so that it stays in no history

async function begin() {
  if (!token) return sayIn(byId("invitation-error"), t.noToken);
  const form = byId("invitation-form");
  try {
    const { login, name } = await call("/api/invitation", { method: "POST", body: { token } });
    setText(byId("invited"), t.invited(name));
    byId("login").value = login;
    form.hidden = false;
    byId("password").focus();
  } catch (error) {
    return sayIn(byId("invitation-error"), error.message);
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await doing(form, byId("invitation-error"), async () => {
      await call("/api/invitation/accept", { method: "POST", body: { token, password: byId("password").value } });
      setText(byId("invited"), t.done);
      location.assign(addressOf("/login"));
    });
  });
}

await begin();
