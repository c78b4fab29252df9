// The page People: accounts, and in `tokens.js` the tokens of scripts.

import { wireCopyButtons } from "../proctor/copy.js";
import { fullTime } from "../proctor/dates.js";
import { call } from "../shared/api.js";
import { byId, make, setText } from "../shared/dom.js";
import { isSure, showSecret } from "./dialogs.js";
import { doing, fill, rowButton, sayIn, ticked } from "./forms.js";
import { texts } from "./texts.js";
import { startTokens } from "./tokens.js";

const t = texts.people;
const PAGE = 100;
const SETTLE_MS = 250; // while somebody types
let shown = [];
let next = null;
let open = null; // the person whose dialog is open
let soon = null;

async function read({ more = false } = {}) {
  const search = byId("people-search").value.trim();
  const query = new URLSearchParams({ limit: PAGE, ...(search && { search }), ...(more && next && { after: next }) });
  try {
    const { people, next_after: after } = await call(`/api/people?${query}`);
    shown = more ? [...shown, ...people] : people;
    next = after ?? null;
    sayIn(byId("people-error"), "");
    show(search);
  } catch (error) {
    sayIn(byId("people-error"), t.failed(error.message));
  }
}

function show(search) {
  fill(byId("people"), shown.map(row));
  byId("people-none").hidden = shown.length > 0 || Boolean(search);
  byId("people-more").hidden = next === null;
  setText(byId("people-sum"), shown.length || search ? t.sum(shown.length, next !== null) : "");
}

/** The roles of a person in words, those of groups and of single exams too. */
function roleLines({ roles, group_roles: byGroup, exam_roles: inExams }) {
  const lines = roles.map(t.role);
  if (byGroup.length) lines.push(t.byGroup(byGroup.map(t.role)));
  for (const [exam, some] of Object.entries(inExams)) lines.push(t.inExam(exam, some.map(t.role)));
  return lines.length ? lines : [t.noRole];
}

function stateLines({ state, invited_until: until, second_factor: second, logins }) {
  if (state === "invited" && until) return [new Date(until) > new Date() ? t.invitedUntil(fullTime(until)) : t.invitationOver];
  return [t.states[state], second ? t.secondFactor : "", logins ? t.loggedIn(logins) : ""].filter(Boolean);
}

const lines = (all) => make("ul", {}, ...all.map((text) => make("li", { text })));

function row(person) {
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, make("span", { text: person.name }), person.login === person.name ? null : make("div", { class: "muted", text: person.login })),
    make("td", {}, lines(roleLines(person))),
    make("td", {}, lines(stateLines(person))),
    make("td", { class: "muted", text: fullTime(person.signed_in_at) || t.never }),
    make("td", { class: "row-links" }, rowButton(t.change, t.changeOf(person.name), () => openPerson(person))),
  );
}

function openPerson(person) {
  open = person;
  setText(byId("person-title"), person.name);
  setText(byId("person-about"), t.about(person.login, t.states[person.state]));
  byId("person-name").value = person.name;
  for (const box of document.querySelectorAll('input[name="person-role"]')) box.checked = person.roles.includes(box.value);
  const others = [...person.group_roles, ...Object.values(person.exam_roles).flat()];
  sayIn(byId("person-groups"), others.length ? t.groupsAre([...new Set(others)].map(t.role)) : "");
  setText(byId("person-disable"), person.disabled ? t.enable : t.disable);
  for (const id of ["person-invite", "person-reset"]) byId(id).hidden = person.disabled || person.single_sign_on;
  byId("person-out").hidden = person.logins === 0;
  byId("person-delete").hidden = !person.deletable;
  sayIn(byId("person-error"), "");
  byId("person-dialog").showModal();
}

/** Do something with the person whose dialog is open; then the list is read again, and the dialog closes: who is opened next is shown as they are now. */
async function withPerson(act) {
  const { id, name } = open;
  let answer = null;
  const done = await doing(byId("person-form"), byId("person-error"), async () => {
    try {
      answer = await act(`/api/people/${id}`);
    } catch (error) {
      if (error.details?.revision) {
        open.revision = error.details.revision; // whoever saves again has been told
        await read();
      }
      throw error;
    }
    await read();
  });
  if (!done) return;
  byId("person-dialog").close();
  if (answer.invitation_url) showSecret(t.invitation(name), t.invitationText, answer.invitation_url);
}

async function afterAsking(question, act) {
  if (await isSure(question, open.name)) await withPerson(act);
}

function wirePerson() {
  byId("person-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const body = { name: byId("person-name").value.trim(), roles: ticked(byId("person-form"), "person-role"), revision: open.revision };
    withPerson((path) => call(path, { method: "POST", body }));
  });
  byId("person-close").addEventListener("click", () => byId("person-dialog").close());
  byId("person-invite").addEventListener("click", () => withPerson((path) => call(`${path}/invite`, { method: "POST" })));
  byId("person-reset").addEventListener("click", () => afterAsking(t.sure.reset, (path) => call(`${path}/reset`, { method: "POST" })));
  byId("person-out").addEventListener("click", () => afterAsking(t.sure.out, (path) => call(`${path}/log-out`, { method: "POST" })));
  byId("person-delete").addEventListener("click", () => afterAsking(t.sure.remove, (path) => call(path, { method: "DELETE" })));
  byId("person-disable").addEventListener("click", () => {
    const change = (path) => call(path, { method: "POST", body: { disabled: !open.disabled, revision: open.revision } });
    return open.disabled ? withPerson(change) : afterAsking(t.sure.disable, change);
  });
}

function wireAdd() {
  const form = byId("add-form");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = { login: byId("add-login").value.trim(), name: byId("add-name").value.trim(), roles: ticked(form, "role") };
    const sso = document.getElementById("add-sso");
    if (sso?.checked) body.single_sign_on = true;
    await doing(form, byId("add-error"), async () => {
      const { person, invitation_url: link } = await call("/api/people", { method: "POST", body });
      form.reset();
      if (link) showSecret(t.invitation(person.name), t.invitationText, link);
      await read();
    });
  });
}

byId("people-search-form").addEventListener("submit", (event) => event.preventDefault());
byId("people-search").addEventListener("input", () => {
  clearTimeout(soon);
  soon = setTimeout(read, SETTLE_MS);
});
byId("people-more").addEventListener("click", () => read({ more: true }));
wirePerson();
wireAdd();
wireCopyButtons(document);
await Promise.all([read(), startTokens()]);
byId("people-parts").removeAttribute("data-waits");
