import assert from "node:assert/strict";
import test from "node:test";

import { browserOf } from "../../../static/js/portal/browsers.js";

const MOZILLA = "Mozilla/5.0 (X; Y) ";

test("browsers whose menus differ are told apart by what they call themselves", () => {
  const agents = {
    chrome: ["AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36", "AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0 Mobile/15E148 Safari/604.1"],
    edge: ["AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0", "AppleWebKit/605.1.15 Version/18.0 EdgiOS/142.0 Mobile/15E148 Safari/604.1"],
    firefox: ["Gecko/20100101 Firefox/145.0", "AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/145.0 Mobile/15E148 Safari/605.1.15"],
    safari: ["AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15", "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"],
    other: ["AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 OPR/120.0", "AppleWebKit/537.36 SamsungBrowser/28.0 Chrome/130.0 Mobile Safari/537.36", "something new"],
  };
  for (const [browser, named] of Object.entries(agents)) for (const agent of named) assert.equal(browserOf(MOZILLA + agent), browser, agent);
});
