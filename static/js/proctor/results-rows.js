// What a row of an exam's results says, as texts. Pure.

import { resultsTexts as t } from "./texts-results.js";
import { readShare } from "./unread.js";

/** For how long a session could be watched, of how long; of old sessions that isn't known. */
export function watchedText(unread) {
  const share = readShare(unread);
  return share === null ? t.unknown : t.watched(unread.gaze.of_s - unread.gaze.unread_s, unread.gaze.of_s, share);
}
