// How a page asks Safe Exam Browser for its proof, and how its link comes in with it.

import assert from "node:assert/strict";
import test from "node:test";

import { Seb, SebSocket, askSeb, isSeb, sebLink } from "../../../static/js/portal/seb.js";
import { sebTexts } from "../../../static/js/portal/texts-seb.js";

const pageOf = (more = {}, userAgent = "Mozilla/5.0 Chrome/130") => ({ navigator: { userAgent }, ...more });
const never = () => new Promise(() => {});

test("any other browser says nothing, at once", async () => {
  assert.equal(isSeb(pageOf()), false);
  assert.deepEqual(await askSeb(pageOf(), never), {});
});

test("what is there is read, and nothing that is no text", async () => {
  const SafeExamBrowser = { version: "SEB_Windows_3.10.1", security: { configKey: "c", browserExamKey: undefined, updateKeys: never } };
  assert.deepEqual(await askSeb(pageOf({ SafeExamBrowser }), never), { config_key: "c", version: "SEB_Windows_3.10.1" });
});

test("an interface that comes late is waited for, and not for ever", async () => {
  const page = pageOf({}, "Mozilla/5.0 Chrome/130 SEB/3.10.1");
  let looks = 0;
  const wait = async () => {
    looks += 1;
    if (looks === 3) page.SafeExamBrowser = { security: { configKey: "c" } };
  };
  assert.deepEqual(await askSeb(page, wait), { config_key: "c" });
  assert.deepEqual(await askSeb(pageOf({}, "Safari/605 SEB_iOS/3.4"), async () => {}), {});
});

test("keys that are filled in on demand: the callback is called itself, or by its name", async () => {
  for (const byName of [true, false]) {
    const page = pageOf();
    const security = {
      updateKeys(done) {
        security.configKey = "c";
        if (byName) page[done.name]();
        else done();
      },
    };
    page.SafeExamBrowser = { version: "3.0", security };
    assert.deepEqual(await askSeb(page, never), { config_key: "c", version: "3.0" });
  }
});

test("a link to the exam's file, with the student's ticket behind two question marks", () => {
  assert.equal(sebLink("ab", "T.1-_", { protocol: "https:", host: "x.example" }), "sebs://x.example/exams/ab.seb??t=T.1-_");
  assert.equal(sebLink("ab", undefined, { protocol: "http:", host: "x:5000" }), "seb://x:5000/exams/ab.seb");
});

test("the link's socket is opened with what was given for it, and not once it was given up", async () => {
  const inner = { bufferedAmount: 7, send: (data) => inner.sent.push(data), close: () => (inner.closed = true), sent: [] };
  const opened = [];
  const socket = new SebSocket(async () => "pass", (given) => opened.push(given) && inner);
  assert.equal(socket.bufferedAmount, 0);
  const heard = [];
  socket.onmessage = ({ data }) => heard.push(data);
  await null;
  await null;
  assert.deepEqual(opened, ["pass"]);
  assert.equal(inner.binaryType, "arraybuffer");
  inner.onmessage({ data: "x" });
  socket.send("y");
  assert.deepEqual([heard, inner.sent, socket.bufferedAmount], [["x"], ["y"], 7]);
  socket.close();
  assert.equal(inner.closed, true);
  const gone = new SebSocket(async () => "pass", () => assert.fail("opened"));
  gone.close();
  await null;
  await null;
});

/** Safe Exam Browser's part of a page in another browser, that is answered `answers`, the last one again and again; how often it asked and waited. */
function sebWith(t, answers) {
  const elements = {};
  globalThis.document = { getElementById: (id) => (elements[id] ??= { textContent: "", addEventListener: () => {} }) };
  t.after(() => delete globalThis.document);
  const found = { asked: 0, waited: 0, states: [], elements };
  const ask = async () => {
    const answer = answers[Math.min(found.asked, answers.length - 1)];
    found.asked += 1;
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const page = pageOf({ location: { search: "", pathname: "/portal", host: "x.example", protocol: "https:" } });
  found.seb = new Seb({ page, ask, wait: async () => (found.waited += 1) });
  found.seb.onState = (text) => found.states.push(text);
  return found;
}

const sessionOf = (mode) => ({ exam: { exam_key: "ab" }, seb: { mode, page: "/portal?seb=1", ticket: "T" } });

test("a page whose server is gone asks until another has taken its exam up", async (t) => {
  for (const mode of ["required", "noted"]) {
    const { seb, ...found } = sebWith(t, [new Error("503"), new Error("503"), { mode, state: "yes" }]);
    assert.equal(await seb.allows(sessionOf(mode), "token", () => assert.fail("shown")), true);
    assert.deepEqual(found.states, []);
  }
  const { seb, elements, ...found } = sebWith(t, [new Error("503")]);
  let shown = 0;
  assert.equal(await seb.allows(sessionOf("required"), "token", () => (shown += 1)), false);
  assert.deepEqual([shown, found.states, elements["seb-text"].textContent], [1, [], sebTexts.away]);
});

test("it asks a few times, and once where it is told", async (t) => {
  const away = sebWith(t, [new Error("503")]);
  await away.seb.allows(sessionOf("noted"), "token", () => assert.fail("shown"));
  assert.deepEqual([away.asked, away.waited], [8, 7]);
  const told = sebWith(t, [{ mode: "required", state: "no" }]);
  assert.equal(await told.seb.allows(sessionOf("required"), "token", () => {}), false);
  assert.deepEqual([told.asked, told.waited], [1, 0]);
});

test("what the exam asks for is what the server says now", async (t) => {
  const eased = sebWith(t, [{ mode: "noted", state: "no" }]);
  assert.equal(await eased.seb.allows(sessionOf("required"), "token", () => assert.fail("shown")), true);
  const way = { open: () => ({}) };
  const said = async (answers) => {
    const { seb, states } = sebWith(t, [{ mode: "noted", state: "no" }, ...answers]);
    await seb.allows(sessionOf("noted"), "token", () => assert.fail("shown"));
    seb.open("ws://x", way);
    await new Promise((resolve) => setImmediate(resolve));
    return states;
  };
  assert.deepEqual(await said([{ mode: "required", state: "no" }]), [sebTexts.refused], "made stricter since the page came");
  assert.deepEqual(await said([{ mode: "noted", state: "no" }]), [null]);
  assert.deepEqual(await said([new Error("503")]), [], "nobody knows");
});

test("a page of before the exam was taken there only says so when its link is kept out", (t) => {
  const { seb, states, asked } = sebWith(t, []);
  seb.kept();
  assert.deepEqual([states, asked], [[sebTexts.refused], 0]);
});
