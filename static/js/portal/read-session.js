// A student's own session, however long the server is away.

import { call } from "../shared/api.js";
import { backOff } from "../shared/clock.js";
import { byId, setText } from "../shared/dom.js";
import { isFinal } from "./said.js";
import { texts } from "./texts.js";

const ANSWER_MS = 8000; // the server answers well within it, or is as good as away

/** The session of `token` as it is now. */
export const askSession = (token) => call("/api/student/session", { token, signal: AbortSignal.timeout(ANSWER_MS) });

/** The session of `token`; who waits is told. Throws only when the server refuses the token. */
export async function readSession(token) {
  for (let tries = 0; ; tries += 1) {
    try {
      const session = await askSession(token);
      byId("who-waiting").hidden = true;
      return session;
    } catch (error) {
      byId("who-waiting").hidden = isFinal(error);
      if (isFinal(error)) throw error;
      setText(byId("who-waiting"), texts.who.waiting);
      await new Promise((resolve) => setTimeout(resolve, backOff(tries)));
    }
  }
}
