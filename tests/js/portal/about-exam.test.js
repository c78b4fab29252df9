// Where a student's page leads on to the one that is made for the exam.

import assert from "node:assert/strict";
import test from "node:test";

import { leadsTo } from "../../../static/js/portal/about-exam.js";

function pageAt(search) {
  const page = { went: null, location: { search, pathname: "/portal", replace: (address) => (page.went = address) } };
  return page;
}

test("the page of another exam, or of an exam elsewhere than this page thinks, leads on once", () => {
  for (const [search, key, at, went] of [
    ["", "k1", "", "/portal?exam=k1"],
    ["?lang=de&exam=k2", "k1", "platform", "/portal?lang=de&exam=k1&at=platform"],
    ["?exam=k1", "k1", "platform", "/portal?exam=k1&at=platform"],
    ["?exam=k1&at=platform", "k1", "platform", null],
    ["?exam=k1&at=platform", "k1", "", null],
    ["?lang=de", null, "", null],
  ]) {
    const page = pageAt(search);
    assert.equal(leadsTo(key, at, page), went !== null, search);
    assert.equal(page.went, went);
  }
});
