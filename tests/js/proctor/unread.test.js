// What could not be told of an exam, in words.

import assert from "node:assert/strict";
import test from "node:test";
import { readShare, unreadLines, unreadReasons, whyNothingRead } from "../../../static/js/proctor/unread.js";

const well = { of_s: 292, unread_s: 2, reasons: { blurred: 2 } };
const dark = { of_s: 292, unread_s: 292, reasons: { dark: 280, blurred: 12 } };

test("a dark exam says so once for its picture", () => {
  assert.deepEqual(unreadLines({ gaze: dark, people: dark, sound: well }), ["The picture could not be read: 4:52 of 4:52 (too dark, blurred)"]);
  assert.equal(readShare({ gaze: dark }), 0);
});

test("what could not be told is named, a moment of it is not", () => {
  assert.deepEqual(unreadLines({ gaze: dark, people: well, sound: { of_s: 292, unread_s: 60, reasons: { not_read: 60 } } }), [
    "Where the student looked could not be read: 4:52 of 4:52 (too dark, blurred)",
    "The sound could not be read: 1:00 of 4:52 (the server does not read it)",
  ]);
  assert.deepEqual(unreadLines({ gaze: well, people: well, sound: well }), []);
});

test("of older sessions nothing is said", () => {
  assert.deepEqual(unreadLines(undefined), []);
  assert.equal(readShare(null), null);
  assert.equal(readShare({ gaze: { of_s: 0, unread_s: 0, reasons: {} } }), null);
});

test("an interval in which nothing could be read is not one in which nothing was found", () => {
  const sums = (of, dark, blurred) => ({ of_s: of, unread_s: dark + blurred, reasons: { dark, blurred } });
  const check = (number, picture, people = picture) => ({ start: 10 * number, end: 10 * number + 10, unread: { gaze: picture, people, sound: sums(10, 0, 0) } });
  const checks = [check(0, sums(10, 0, 6)), check(1, sums(20, 10, 6)), check(2, sums(30, 20, 6)), check(3, sums(40, 21, 6))];
  assert.equal(whyNothingRead(checks, 10, 30), "too dark");
  assert.equal(whyNothingRead(checks, 0, 10), null);
  assert.equal(whyNothingRead(checks, 30, 40), null);
  assert.equal(whyNothingRead([check(0, sums(10, 10, 0), sums(10, 0, 0))], 0, 10), null); // people were counted
  assert.equal(whyNothingRead([{ start: 0, end: 10 }], 0, 10), null); // of an older version
});

test("the reasons of most of it stand beside the share, whatever they are of", () => {
  const part = (reasons) => ({ of_s: 100, unread_s: 60, reasons });
  assert.deepEqual(unreadReasons({ gaze: part({ dark: 40, hidden: 20 }), people: part({ dark: 40 }), sound: part({ silent: 30, faint: 1 }) }), ["too dark", "silent"]);
  assert.deepEqual(unreadReasons(null), []);
});
