// The settings page: what this browser may choose, and how each part of the server does.

import { call } from "../shared/api.js";
import { byId, icon, make, setText } from "../shared/dom.js";
import { remembered } from "../shared/storage.js";
import { wireAlertSwitches } from "./alerts.js";
import { alerts } from "./desk.js";
import { labelled } from "./phrases.js";
import { ownName, reviewer, setReviewer } from "./reviewer.js";
import { texts } from "./texts.js";

const READ_MS = 10_000;
const WELL = new Set(["ok", "ready", "idle", "off", "running", "starting", "loading"]); // as web/health.py has it
const t = texts.settings;

function wireOwn() {
  wireAlertSwitches(document, alerts);
  for (const name of document.querySelectorAll("[data-theme-name]")) setText(name, t.themes[name.dataset.themeName]);
  const chosen = remembered("theme") ?? "system";
  for (const choice of document.querySelectorAll("[data-theme-choice]")) choice.checked = choice.value === chosen;
  const name = byId("own-name");
  name.value = reviewer();
  name.readOnly = ownName() !== "";
  name.addEventListener("change", () => {
    setReviewer(name.value.trim());
    setText(byId("own-said"), t.saved);
  });
}

/** A part's line: its name, whether it is well, and what it says of itself. */
function part([name, { state, reason, todo, notes = [], ...rest }]) {
  const well = state === undefined || WELL.has(state);
  const figures = t.figures[name]?.(rest);
  const said = [reason, todo, ...notes].filter(Boolean);
  return make(
    "li",
    { "data-well": well },
    icon(well ? "fine" : "triangle"),
    make(
      "div",
      {},
      make("h3", { text: labelled(t.parts[name] ?? name, t.states[state ?? "ok"] ?? state) }),
      ...said.map((text) => make("p", { text })),
      figures ? make("p", { class: "muted", text: figures }) : null,
    ),
  );
}

async function readState() {
  try {
    const { status, uptime_s: uptime, parts } = await call("/api/health");
    setText(byId("state-sum"), t.status[status]);
    setText(byId("state-uptime"), t.uptime(uptime)); // nobody wants to hear it every ten seconds
    const key = JSON.stringify(Object.entries(parts).map(([name, { state, reason }]) => [name, state, reason]));
    const list = byId("parts");
    if (list.dataset.key !== key || !list.matches(":hover")) list.replaceChildren(...Object.entries(parts).map(part));
    list.dataset.key = key;
    byId("state-error").hidden = true;
  } catch (error) {
    setText(byId("state-error"), t.failed(error.message));
    byId("state-error").hidden = false;
  }
  delete byId("force").dataset.waits; // what stands below must not jump
}

wireOwn();
readState();
setInterval(() => !document.hidden && readState(), READ_MS);
