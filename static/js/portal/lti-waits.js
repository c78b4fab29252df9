// Waits with a student until the exam at the learning platform can be opened: asks again, and loads the page anew once the answer is another one.

const AGAIN_MS = 2000;
const WAITS = new Set([202, 429, 502, 503, 504]); // as the server answers while it is to wait, or who stands before it while that is away

async function look() {
  const answer = await fetch(location.href, { cache: "no-store" }).catch(() => null);
  if (answer === null || WAITS.has(answer.status)) setTimeout(look, AGAIN_MS);
  else location.reload();
}

setTimeout(look, AGAIN_MS);
