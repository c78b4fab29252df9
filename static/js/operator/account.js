// One's own account: password, second factor, and where one is logged in.

import { wireCopyButtons } from "../proctor/copy.js";
import { fullTime } from "../proctor/dates.js";
import { call } from "../shared/api.js";
import { byId, make, setText } from "../shared/dom.js";
import { browserName } from "./browser-name.js";
import { doing, fill, rowButton, sayIn } from "./forms.js";
import { texts } from "./texts.js";

const t = texts.account;
const post = (path, body) => call(`/api/account/${path}`, { method: "POST", body });

async function read() {
  try {
    const { person, recovery_codes: codes, has_password: own } = await call("/api/account");
    setText(byId("own-login"), person.login === person.name ? "" : person.login);
    byId("password-user").value = person.login;
    byId("password-part").hidden = byId("factor-part").hidden = !own;
    setText(byId("factor-state"), person.second_factor ? t.factor.set(codes) : t.factor.none);
    byId("factor-set").hidden = person.second_factor;
    byId("factor-codes").hidden = byId("factor-remove").hidden = !person.second_factor;
    const { logins } = await call("/api/account/logins");
    fill(byId("logins"), logins.map(row));
    byId("logins-end").hidden = logins.length < 2;
  } catch (error) {
    sayIn(byId("account-error"), t.failed(error.message));
  }
}

function row(login) {
  const browser = browserName(login.browser);
  const end = login.present ? make("span", { class: "muted", text: t.here }) : rowButton(t.end, t.endOf(browser, fullTime(login.seen_at)), () => endLogin(login.id));
  return make(
    "tr",
    {},
    make("th", { scope: "row", text: browser }),
    make("td", { text: login.address }),
    make("td", { text: fullTime(login.made_at) }),
    make("td", { text: fullTime(login.seen_at) }),
    make("td", { class: "row-links" }, end),
  );
}

async function said(text, act) {
  try {
    await act();
    sayIn(byId("account-said"), text);
    sayIn(byId("account-error"), "");
  } catch (error) {
    sayIn(byId("account-error"), error.message);
  }
  await read();
}

const endLogin = (id) => said(t.ended, () => call(`/api/account/logins/${id}`, { method: "DELETE" }));

function showCodes(codes) {
  byId("codes").replaceChildren(...codes.map((text) => make("li", { text })));
  byId("codes-dialog").showModal();
}

function offer(password, { secret, picture }) {
  byId("offer-picture").src = `data:image/svg+xml,${encodeURIComponent(picture)}`;
  setText(byId("offer-secret"), secret.match(/.{1,4}/g).join(" "));
  byId("offer-code").value = "";
  sayIn(byId("offer-error"), "");
  byId("offer-form").onsubmit = (event) => {
    event.preventDefault();
    doing(byId("offer-form"), byId("offer-error"), async () => {
      const { codes } = await post("second-factor/confirm", { password, secret, code: byId("offer-code").value.replace(/\s/g, "") });
      byId("offer-dialog").close();
      sayIn(byId("account-said"), t.factorSet);
      showCodes(codes);
      await read();
    });
  };
  byId("offer-dialog").showModal();
}

const FACTOR = {
  set: async (password) => offer(password, await post("second-factor", { password })),
  codes: async (password) => showCodes((await post("recovery-codes", { password })).codes),
  remove: async (password) => {
    await post("second-factor/remove", { password });
    sayIn(byId("account-said"), t.factorRemoved);
  },
};

function wire() {
  byId("password-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = byId("password-form");
    await doing(form, byId("password-error"), async () => {
      await post("password", { password: byId("password-now").value, new_password: byId("password-new").value });
      form.reset();
      sayIn(byId("account-said"), t.passwordSet);
      await read();
    });
  });
  byId("factor-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const [form, password] = [byId("factor-form"), byId("factor-password").value];
    await doing(form, byId("factor-error"), async () => {
      await FACTOR[event.submitter?.value ?? "set"](password);
      form.reset();
      await read();
    });
  });
  byId("logins-end").addEventListener("click", () => said(t.othersEnded, () => call("/api/account/logins", { method: "DELETE" })));
  byId("offer-cancel").addEventListener("click", () => byId("offer-dialog").close());
  byId("codes-close").addEventListener("click", () => byId("codes-dialog").close());
  wireCopyButtons(document);
}

if (!byId("account-parts").hidden) {
  wire();
  await read();
  byId("account-parts").removeAttribute("data-waits");
}
