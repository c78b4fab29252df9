// The rule for IDs, said before anything is started.

import assert from "node:assert/strict";
import { test } from "node:test";
import { idProblem } from "../../../static/js/shared/identifiers.js";
import { texts } from "../../../static/js/shared/texts.js";

test("IDs of any script pass, with dots, underscores, at signs and hyphens", () => {
  for (const id of ["student123", "a.b_c@d-e", "Zoë", "学生7", "е́", "s.o'brien+exam@uni.example", "12:345", "lti:7/abc", "علی\u200cرضا"]) assert.equal(idProblem(id, { required: true }), null, id);
});

test("what is wrong is named: a space, a slash, a leading dot, too long", () => {
  assert.match(idProblem("with space"), /a space/);
  assert.match(idProblem("a\\b"), /“\\”/);
  assert.equal(idProblem(".hidden"), texts.ids.dot);
  assert.equal(idProblem("a".repeat(129)), texts.ids.tooLong);
});

test("an empty ID is wrong only where one is needed", () => {
  assert.equal(idProblem("", { required: true }), texts.ids.missing);
  assert.equal(idProblem(""), null);
});
