// The signals as the server names them, in the order in which pages show them.

const said = globalThis.document?.querySelector('meta[name="signals"]')?.content ?? "[]";
const names = new Map(JSON.parse(said));

export const signalKinds = [...names.keys()];

/** A kind of signal by its name. */
export const kindName = (kind) => names.get(kind) ?? kind;
