// Two tabs of one exam in one browser: the newer one asks, the older one answers.

const NAME = "exam-portal";
const WAIT_MS = 300;

/** Answer other tabs that ask for `session_id` while `inExam()` is true. */
export function answerTabs(session_id, inExam) {
  if (!("BroadcastChannel" in globalThis)) return;
  const channel = new BroadcastChannel(NAME);
  channel.addEventListener("message", ({ data }) => {
    if (data.ask === session_id && inExam()) channel.postMessage({ here: session_id });
  });
}

/** Is `session_id` running in another tab of this browser? */
export function runsElsewhere(session_id) {
  if (!("BroadcastChannel" in globalThis)) return Promise.resolve(false);
  const channel = new BroadcastChannel(NAME);
  return new Promise((resolve) => {
    const done = (found) => {
      channel.close();
      resolve(found);
    };
    channel.addEventListener("message", ({ data }) => data.here === session_id && done(true));
    channel.postMessage({ ask: session_id });
    setTimeout(done, WAIT_MS, false);
  });
}
