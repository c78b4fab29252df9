// What one receiver was told, and is still to be told: on the pages Webhooks and Open edX.

import { fullTime } from "../proctor/dates.js";
import { call } from "../shared/api.js";
import { byId, make, setText } from "../shared/dom.js";
import { doing, fill, rowButton, sayIn } from "./forms.js";
import { texts } from "./texts-hooks.js";

const t = texts.deliveries;
const LOOK_MS = 1500;
const LOOKS = 12; // for what is under way; then a person looks again

let receiver = null; // `path` of its calls, `title` of its list
let shown = [];
let next = null;
let looks = 0;
let soon = null;
let pressed = null; // the one that is sent again, as it was then
let changed = async () => {};

async function read({ more = false } = {}) {
  clearTimeout(soon);
  const asked = receiver;
  const query = new URLSearchParams({ limit: 20, ...(more && next && { after: next }) });
  try {
    const { deliveries, next_after: after } = await call(`${asked.path}/deliveries?${query}`);
    if (receiver !== asked) return; // another was chosen meanwhile
    shown = more ? [...shown, ...deliveries] : deliveries;
    next = after ?? null;
    sayIn(byId("deliveries-error"), "");
    fill(byId("deliveries"), shown.map(row));
    byId("deliveries-none").hidden = shown.length > 0;
    byId("deliveries-more").hidden = next === null;
  } catch (error) {
    if (receiver !== asked) return;
    sayIn(byId("deliveries-error"), t.failed(error.message));
    return;
  }
  if (more || looks <= 0 || !shown.some(isUnderWay)) return;
  looks -= 1;
  soon = setTimeout(read, LOOK_MS);
}

const isUnderWay = ({ id, state, tries }) => state === "waiting" && (tries === 0 || (pressed?.id === id && pressed.tries === tries));

function stateLines({ state, tries, due_at: due }) {
  return [t.states[state] ?? state, tries ? t.tries(tries) : "", state === "waiting" && tries && due ? t.next(fullTime(due)) : ""];
}

function answerLines({ status, said, reason, is_page: isPage, took_ms: ms }) {
  return [status ? t.answered(status, ms) : reason, isPage ? t.page : said];
}

const lines = (all) => make("ul", {}, ...all.filter(Boolean).map((text) => make("li", { text })));

function row(one) {
  const time = fullTime(one.made_at);
  return make(
    "tr",
    {},
    make("th", { scope: "row", text: time }),
    make("td", {}, make("span", { text: one.type }), one.session_id ? make("div", { class: "muted", text: `${one.session_id} · ${one.sequence}` }) : null),
    make("td", {}, lines(stateLines(one))),
    make("td", {}, lines(answerLines(one))),
    make("td", { class: "row-links" }, rowButton(t.again, t.againOf(one.type, time), () => again(one))),
  );
}

async function again(one) {
  const path = `${receiver.path}/deliveries/${encodeURIComponent(one.id)}/resend`;
  const done = await doing(byId("deliveries-part"), byId("deliveries-error"), async () => {
    pressed = (await call(path, { method: "POST" })).delivery; // it may have been tried since it was listed
  });
  if (done) await look();
}

async function look() {
  looks = LOOKS;
  await read();
  await changed();
}

/** Show those of a receiver: `path` of its calls, `title` of the list. */
export async function showDeliveries(of) {
  receiver = of;
  setText(byId("deliveries-title"), of.title);
  byId("deliveries-part").hidden = false;
  byId("deliveries-part").focus();
  await look();
}

/** Wire the part; `onchange` is called when a receiver may stand otherwise than before. */
export function startDeliveries(onchange) {
  changed = onchange;
  byId("deliveries-more").addEventListener("click", () => read({ more: true }));
  byId("deliveries-again").addEventListener("click", look);
}
