// The tokens of scripts on the page People.

import { fullTime } from "../proctor/dates.js";
import { call } from "../shared/api.js";
import { byId, make } from "../shared/dom.js";
import { list } from "../shared/translate.js";
import { isSure, showSecret } from "./dialogs.js";
import { doing, fill, rowButton, sayIn, ticked } from "./forms.js";
import { texts } from "./texts.js";

const t = texts.tokens;

async function read() {
  try {
    const { tokens, api_token: inSettings } = await call("/api/tokens");
    fill(byId("tokens"), tokens.map(row));
    byId("tokens-none").hidden = tokens.length > 0;
    byId("api-token").hidden = !inSettings;
    sayIn(byId("tokens-error"), "");
  } catch (error) {
    sayIn(byId("tokens-error"), t.failed(error.message));
  }
}

function row(token) {
  const until = token.until ? (token.is_over ? t.over(fullTime(token.until)) : fullTime(token.until)) : t.noEnd;
  const used = token.used_at ? t.used(fullTime(token.used_at), token.used_from) : t.never;
  return make(
    "tr",
    {},
    make("th", { scope: "row", text: token.name }),
    make("td", { text: list(token.scopes) }),
    make("td", { text: token.exams ? list(token.exams) : t.allExams }),
    make("td", { text: until }),
    make("td", { class: "muted", text: used }),
    make("td", { class: "row-links" }, rowButton(t.revoke, t.revokeOf(token.name), () => revoke(token))),
  );
}

async function revoke({ id, name }) {
  if (!(await isSure(texts.people.sure.revoke, name))) return;
  await doing(byId("token-form"), byId("tokens-error"), () => call(`/api/tokens/${id}`, { method: "DELETE" }));
  await read();
}

/** Wire the form, and show the tokens. */
export function startTokens() {
  const form = byId("token-form");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const scopes = ticked(form, "scope");
    if (!scopes.length) return sayIn(byId("token-error"), t.noScope);
    const exams = byId("token-exams").value.split(/\s+/).filter(Boolean);
    const body = { name: byId("token-name").value.trim(), scopes, exams: exams.length ? exams : null, days: Number(byId("token-days").value) };
    await doing(form, byId("token-error"), async () => {
      const { token, secret } = await call("/api/tokens", { method: "POST", body });
      form.reset();
      showSecret(t.made(token.name), t.madeText, secret);
      await read();
    });
  });
  return read();
}
