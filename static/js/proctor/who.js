// A student as proctors read of one: the name, where it is known and told, beside the ID.

import { rosterTexts } from "./texts-roster.js";

/** Name and ID of whom a record is, or the ID alone. */
export function who({ student_name: name, user_id: user }) {
  return name ? rosterTexts.named(name, user) : user;
}
