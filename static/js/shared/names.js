// What the server calls things: the signals and the rows of the check, in the order in which pages show them.

function told(list) {
  return new Map(JSON.parse(globalThis.document?.querySelector(`meta[name="${list}"]`)?.content ?? "[]"));
}

const kinds = told("signals");
const items = told("check-items");

export const signalKinds = [...kinds.keys()];

/** A kind of signal by its name. */
export const kindName = (kind) => kinds.get(kind) ?? kind;

/** A row of the check before the exam by its name. */
export const itemName = (item) => items.get(item) ?? item;

/** Who did something, by name; empty where nobody gave one: the server then has "proctor", as no person may be called. */
export const personName = (by) => (by && by !== "proctor" ? by : "");
