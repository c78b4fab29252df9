// Whether a student was in Safe Exam Browser, in words. It is for people to know, and never counts.

import { _ } from "../shared/translate.js";
import { bracketed, labelled } from "./phrases.js";

const SEB = _("Safe Exam Browser");
const STATES = { yes: _("yes"), no: _("no, another browser"), unknown: _("could not be told") };

const said = ({ state, version }) => bracketed(STATES[state] ?? STATES.unknown, version);

/** How it is now, or was at the end; empty where the exam did not ask. */
export const sebNow = (changes = []) => (changes.length ? labelled(SEB, said(changes.at(-1))) : "");

/** Each change: `[[at, words]]`. */
export const sebChanges = (changes = []) => changes.map((change) => [change.at, labelled(SEB, said(change))]);
