// One exam in two tabs of one browser: the tab that has it holds a lock, which ends with the tab however that ends, and which no duplicate copies.

const WAIT_MS = 1500; // the page that a reload takes down lets go of it late

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

/** Has another tab of this browser `session_id`? False where the browser can't tell. It is what the browser says that counts, however late a slow one says it. */
export async function runsElsewhere(session_id, { locks = globalThis.navigator?.locks, late = () => AbortSignal.timeout(WAIT_MS) } = {}) {
  const name = nameOf(session_id);
  const isHeld = async () => (await locks.query()).held.some((lock) => lock.name === name);
  try {
    if (await isHeld()) await locks.request(name, { signal: late() }, () => {});
    return false;
  } catch {
    return isHeld().catch(() => false);
  }
}
