// The rule for IDs, as the server has it, so that a slip is said before anything is started. Pure.

import { texts } from "./texts.js";

const LONGEST = 128;

/** What is wrong with `id`, as a sentence, or null. An empty one is wrong only where it is `required`. */
export function idProblem(id, { required = false } = {}) {
  const plain = id.normalize("NFC");
  if (!plain) return required ? texts.ids.missing : null;
  if ([...plain].length > LONGEST) return texts.ids.tooLong;
  const wrong = [...plain].find((character) => !/[\p{L}\p{M}\p{N}._@-]/u.test(character));
  if (wrong) return texts.ids.character(wrong);
  return plain.startsWith(".") ? texts.ids.dot : null;
}
