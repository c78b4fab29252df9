// What a session's page says of its timeline, its decisions and what is told to the student.

import { spellSeconds } from "../shared/clock.js";
import { plural } from "../shared/texts.js";

export const sessionTexts = {
  strip: {
    interval: (number, count, from, to) => `Interval ${number} of ${count}, ${spellSeconds(from)} to ${spellSeconds(to)}`,
    flagged: (decided) => (decided ? `Flagged. ${decided}` : "Flagged, not decided"),
    marked: (decided) => (decided ? `Marked by a proctor. ${decided}` : "Marked by a proctor, not decided"),
    beside: (name, text) => `${name}: ${text}`,
    tableHead: ["Interval", "Time", "Points", "What was found", "Decision"],
    undecided: "Not decided",
    flags: (flags, marks, open) =>
      [flags && plural(flags, "flag", "flags"), marks && plural(marks, "marked moment", "marked moments"), open ? `${open} to decide` : "all decided"].filter(Boolean).join(", "),
    noFlags: "No flags",
    noFurther: "There is no further flag this way.",
  },
  calls: (text) => (text ? `The student calls: “${text}” Writing answers it.` : "The student calls, without words. Writing answers it."),
  decide: {
    failed: (message) => `The decision was not saved. ${message}`,
    noName: "The decision was not saved: it is kept with a name, and none was given.",
    next: (said, number) => `${said}. Interval ${number} is next.`,
    last: (said) => `${said}. No flag of this session waits for a decision.`,
  },
  mark: {
    done: "Marked. The clip of this interval is kept.",
    failed: (message) => `Not marked. ${message}`,
  },
  students: {
    place: (at, count) => `${at} of ${count}`,
    previous: (user) => `Previous student: ${user}`,
    next: (user) => `Next student: ${user}`,
  },
  toExam: {
    title: (exam) => (exam ? `Message to all of ${exam}` : "Message to all of the exam without an ID"),
    noExam: (count) => `No ID (${plural(count, "student", "students")})`,
    exam: (exam, count) => `${exam} (${plural(count, "student", "students")})`,
    none: "No exam is running.",
    readFailed: (message) => `The running exams can’t be read. ${message}`,
    failed: (message) => `Not sent. ${message}`,
    empty: "Write what the students should read.",
    sent: ({ sent, waiting, not_reached: missed }) =>
      [
        `Sent to ${plural(sent, "student", "students")}.`,
        waiting ? `${plural(waiting, "page isn’t", "pages aren’t")} connected now; the message is delivered when they come back.` : "",
        missed.length ? `Not reached: ${missed.map(({ user_id: user }) => user).join(", ")}. Speak to them.` : "",
      ]
        .filter(Boolean)
        .join(" "),
  },
};
