// One exam in two tabs of one browser: the tab that has it holds a lock, which ends with the tab however that ends, and which no duplicate copies.

const WAIT_MS = 1500; // the page that a reload takes down lets go of it late
const LOOK_MS = 50;

const nameOf = (session_id) => `exam-portal:${session_id}`;
let letGo = () => {};

/** Have `session_id` in this tab from now on; another one that had it has it no more. */
export function haveExam(session_id) {
  const held = new Promise((resolve) => {
    letGo = resolve;
  });
  navigator.locks?.request(nameOf(session_id), { steal: true }, () => held).catch(() => {}); // another tab has it now
}

/** This tab has no exam any more. */
export function leaveExam() {
  letGo();
}

/** Has another tab of this browser `session_id`? False where the browser can't tell. What it answers counts, not how long a busy one takes for that. */
export async function runsElsewhere(
  session_id,
  { locks = globalThis.navigator?.locks, now = () => performance.now(), pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms)) } = {},
) {
  try {
    for (const begun = now(); locks; await pause(LOOK_MS)) {
      const asked = now();
      if (await locks.request(nameOf(session_id), { ifAvailable: true }, (lock) => lock !== null)) return false;
      if (asked - begun >= WAIT_MS) return true;
    }
  } catch (error) {
    console.info("This browser does not tell what its other tabs have.", error.name);
  }
  return false;
}
