// The rule for IDs, as the server has it, so that a slip is said before anything is started. Pure.

import { texts } from "./texts.js";

const LONGEST = 128;
const PLAIN = /[\p{L}\p{M}\p{N}._@+'’·:/~=&#%!,;()-]/u;
const JOINER = /[\u200c\u200d]/; // shows nothing, and stands within words of Persian, Hindi and others: the server looks between which letters

/** What is wrong with `id`, as a sentence, or null. An empty one is wrong only where it is `required`. */
export function idProblem(id, { required = false } = {}) {
  const plain = id.normalize("NFC");
  if (!plain) return required ? texts.ids.missing : null;
  if ([...plain].length > LONGEST) return texts.ids.tooLong;
  const wrong = [...plain].find((character) => !PLAIN.test(character) && !JOINER.test(character));
  if (wrong) return texts.ids.character(wrong);
  return plain.startsWith(".") ? texts.ids.dot : null;
}
