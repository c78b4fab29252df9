// The server's parts that aren't well, in words. Pure: what /api/health answers in, lines out.

import { labelled } from "./phrases.js";
import { texts } from "./texts.js";

const WELL = new Set(["ok", "ready", "idle", "off", "running", "starting", "loading", "limited"]); // models that are limited have their own note

/** A line for each part that isn't well: its name, why, and what to do. A part is not well, too, where something within it isn't. */
export function troublesOf(parts) {
  return Object.entries(parts).flatMap(([name, state]) => {
    const found = inner(state);
    if (found.length === 0) return [];
    const reasons = [...new Set(found.map(({ state: word, reason }) => reason || (texts.settings.states[word] ?? word)))];
    return [[labelled(texts.settings.parts[name] ?? name, reasons.map(sentence).join(" ")), state.todo && sentence(state.todo)].filter(Boolean).join(" ")];
  });
}

function inner(state) {
  if (!state || typeof state !== "object" || Array.isArray(state)) return [];
  const own = state.state !== undefined && !WELL.has(state.state) ? [state] : [];
  return [...own, ...Object.values(state).flatMap(inner)];
}

const sentence = (text) => (/[.!?。؟।]$/.test(text) ? text : `${text}.`);
