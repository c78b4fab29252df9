// The codes of how an exam can end, as the server has them.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

/** Every code in `sessions/ends.py`. */
export function endCodes() {
  const codes = [...readFileSync(new URL("../../sessions/ends.py", import.meta.url), "utf8").matchAll(/^ {4}"(\w+)": _\("/gm)].map(([, code]) => code);
  assert.ok(codes.includes("student"));
  return codes;
}
