// The sentences that students and proctors both read. Numbers come in ready to print, here and in the texts of their own pages.

/** A count with its noun: `1 flag`, `3 flags`. */
export const plural = (count, one, many) => `${count} ${count === 1 ? one : many}`;

export const texts = {
  api: {
    status: (status) => `The server answered ${status}.`,
    unreachable: "The server can't be reached.",
    unreadable: "The server's answer can't be read.",
  },
  ids: {
    missing: "Enter your user ID.",
    tooLong: "That is too long: an ID has at most 128 characters.",
    dot: "An ID does not begin with a dot.",
    character: (character) => `An ID has letters, digits and . _ @ - only; this one has ${character === " " ? "a space" : `“${character}”`}.`,
  },
  checkStates: { ready: "READY", warning: "WARNING", not_ready: "NOT READY", waiting: "WAIT" },
  browserOld: (missing) => `This browser is too old for the exam (no ${missing.join(", ")}). Use a current Chrome, Edge, Firefox or Safari.`,
  accommodation: {
    signalsOff: (kinds) => `Not counted: ${kinds.join(", ")}`,
    weighed: (kinds) => `Weighed differently: ${kinds.join(", ")}`,
    readingAloud: "Reading aloud allowed",
    breaks: (count, minutes) => `${plural(count, "break", "breaks")} of ${minutes} min`,
  },
};
