// What a browser says of itself, as people call it. Pure.

import { texts } from "./texts.js";

const BROWSERS = [["Edg/", "Edge"], ["OPR/", "Opera"], ["Firefox/", "Firefox"], ["Chrome/", "Chrome"], ["Safari/", "Safari"]];
const SYSTEMS = [["Android", "Android"], ["iPhone", "iPhone"], ["iPad", "iPad"], ["Windows", "Windows"], ["Mac OS X", "macOS"], ["CrOS", "ChromeOS"], ["Linux", "Linux"]];

const named = (pairs, agent) => pairs.find(([mark]) => agent.includes(mark))?.[1] ?? "";

/** Such as “Firefox on Windows”. */
export function browserName(agent) {
  const [browser, system] = [named(BROWSERS, agent), named(SYSTEMS, agent)];
  return browser && system ? texts.account.browserOn(browser, system) : browser || texts.account.unknownBrowser;
}
