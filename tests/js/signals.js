// The signals' names for modules that a page would tell them: import it before those.

import { readFileSync } from "node:fs";

const source = readFileSync(new URL("../../basics/signals.py", import.meta.url), "utf8");
const names = [...source.matchAll(/"(\w+)": Signal\(\s*_\("([^"]+)"\)/g)].map(([, kind, name]) => [kind, name]);

globalThis.document = { documentElement: { lang: "en" }, querySelector: (selector) => (selector === 'meta[name="signals"]' ? { content: JSON.stringify(names) } : null) };
