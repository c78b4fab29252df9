// How a page asks Safe Exam Browser for its proof, and how its link comes in with it.

import assert from "node:assert/strict";
import test from "node:test";

import { SebSocket, askSeb, isSeb, sebLink } from "../../../static/js/portal/seb.js";

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
