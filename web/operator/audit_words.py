"""How the audit's page says kinds of acts, and what else an entry tells; the audit itself keeps its own words. A new kind is one line here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from basics.texts import Text, _
from basics.times import iso_time

ACTS: Mapping[str, Text] = {
    "absences: deleted": _("Pictures of absences deleted: their time was over"),
    "absences: looked at": _("Pictures of absences looked at"),
    "accommodation: removed": _("Accommodation removed"),
    "accommodation: set": _("Accommodation set"),
    "accommodations: looked at": _("Accommodations looked at"),
    "account: changed": _("Account changed"),
    "account: deleted": _("Account of a learning platform deleted"),
    "account: disabled": _("Account disabled"),
    "account: enabled": _("Account enabled"),
    "account: invited": _("Account invited"),
    "account: logged out": _("All logins of an account ended"),
    "account: login ended": _("A login of one’s own ended"),
    "account: made": _("Account made"),
    "account: other logins ended": _("All other logins of one’s own ended"),
    "account: password set": _("Password set"),
    "account: recovery codes made": _("Recovery codes made"),
    "account: reset": _("Account reset"),
    "account: roles": _("Roles of an account changed"),
    "account: second factor removed": _("Second factor removed"),
    "account: second factor set": _("Second factor set"),
    "audit: deleted": _("Old entries of the audit deleted: their time was over"),
    "audit: exported": _("Audit saved as CSV"),
    "backup: put back": _("Backup put back"),
    "backup: taken": _("Backup taken"),
    "break: begun": _("Break begun"),
    "break: ended": _("Break ended"),
    "clip: changed": _("A clip’s file is not as it was recorded"),
    "clip: watched": _("Clip watched"),
    "clips: deleted": _("Clips deleted: their time was over"),
    "clips: reconciled": _("Clips and their records made to agree"),
    "conclusion: agreed": _("Conclusion agreed to"),
    "conclusion: concluded": _("Session concluded"),
    "conclusion: disagreed": _("Conclusion contested"),
    "conclusion: settled": _("Contested conclusion settled"),
    "conclusion: withdrawn": _("Conclusion withdrawn"),
    "exam: archived": _("Exam archived"),
    "exam: changed": _("Exam changed"),
    "exam: closed": _("Exam closed"),
    "exam: deleted": _("Exam deleted"),
    "exam: deletion begun": _("Deletion of an exam begun"),
    "exam: draft": _("Exam made a draft again"),
    "exam: ended": _("Exam ended for all"),
    "exam: made": _("Exam made"),
    "exam: message": _("Message to all of an exam"),
    "exam: open": _("Exam opened"),
    "exam: password seen": _("Password of an exam elsewhere looked at"),
    "exam: password set": _("Password of an exam elsewhere set"),
    "exam: password shown": _("Password of an exam elsewhere shown to a student"),
    "exam: password taken away": _("Password of an exam elsewhere taken away"),
    "exam: start secret made": _("Secret by which an exam’s own site starts it made"),
    "exam: warning": _("Warning to all of an exam"),
    "flags: looked at": _("Flags looked at, to be reviewed"),
    "flags: seen": _("Flags seen"),
    "hold: lifted": _("Legal hold lifted"),
    "hold: refused": _("Removal refused: a legal hold is set"),
    "hold: set": _("Legal hold set"),
    "identity: accepted": _("Identity accepted"),
    "identity: asked": _("Picture asked for"),
    "identity: deleted": _("Pictures of identity deleted: their time was over"),
    "identity: looked at": _("Pictures of identity looked at"),
    "identity: picture changed": _("A picture’s file is not as it was recorded"),
    "identity: picture looked at": _("Picture of identity looked at"),
    "identity: queried": _("Identity queried"),
    "link: made": _("Link for a student made"),
    "live: looked at": _("Live page looked at"),
    "lti: changed": _("Learning platform changed"),
    "lti: exam linked": _("Exam linked from a learning platform"),
    "lti: exam unlinked": _("Exam unlinked from a course of a learning platform"),
    "lti: key rotated": _("Next signing key for learning platforms made"),
    "lti: many refused": _("Launches refused from no learning platform that is registered, or too many to keep each"),
    "lti: registered": _("Learning platform registered"),
    "lti: registration link made": _("Link to register a learning platform made"),
    "lti: removed": _("Learning platform removed"),
    "lti: deployment new": _("Part of a learning platform came first"),
    "lti: platform linked": _("Exam opened to every course of a learning platform"),
    "lti: proctoring begun": _("Student came from a learning platform to be proctored"),
    "lti: assessment started": _("Learning platform told to start its assessment"),
    "lti: assessment over": _("Learning platform said that its assessment is over"),
    "platform: asked": _("Learning platform asked for something"),
    "platform: withdrawn": _("What a learning platform was asked for withdrawn"),
    "lti: refused": _("Launch from a learning platform refused"),
    "lti: student new": _("Student came from a learning platform"),
    "lti: teacher launched": _("Teacher or proctor came from a learning platform"),
    "lists: deleted": _("Students of an exam’s list deleted: their time was over"),
    "message: message": _("Message to a student"),
    "message: warning": _("Warning to a student"),
    "moment: marked": _("Moment marked"),
    "openedx: account stays": _("Account of who was retired in Open edX kept: somebody here gave it a role or a password"),
    "openedx: attempt deleted": _("Attempt deleted by Open edX"),
    "openedx: attempt made": _("Attempt made by Open edX"),
    "openedx: changed": _("Open edX changed"),
    "openedx: given up": _("Open edX could not be told of an attempt"),
    "openedx: not erased": _("Everything of a student not erased, as Open edX had asked"),
    "openedx: registered": _("Open edX registered"),
    "openedx: removed": _("Open edX removed"),
    "openedx: secret made": _("New secret of an Open edX made"),
    "openedx: sent again": _("Notice to an Open edX sent again"),
    "openedx: teacher came": _("Teacher came from Open edX"),
    "own report: answered": _("Student’s answer to a flag"),
    "own report: clip watched": _("Clip watched by its student"),
    "own report: link made": _("Link to a student’s own report made"),
    "own report: links ended": _("Links to a student’s own report ended"),
    "own report: links made": _("Links to an exam’s own reports made"),
    "own report: new look answered": _("Request for a new look answered"),
    "own report: new look asked": _("New look asked for"),
    "own report: nothing to add": _("Student has nothing to add"),
    "own report: read": _("Own report read by its student"),
    "package: exported": _("Package saved"),
    "readings: deleted": _("Readings deleted: their time was over"),
    "results: looked at": _("Results looked at"),
    "retention: asked": _("Deletion of what is due asked for"),
    "retention: days given to sessions": _("Days for which things are kept given to sessions"),
    "review: confirmed": _("Flag confirmed"),
    "review: dismissed": _("Flag dismissed"),
    "review: taken back": _("Decision about a flag taken back"),
    "roster: changed": _("Student of a list changed"),
    "roster: filled from course": _("List of students filled from a course"),
    "roster: imported": _("List of students imported"),
    "roster: letters": _("Letters to students sent off"),
    "roster: link given out": _("A student’s link given out"),
    "roster: links given out": _("Students’ links given out"),
    "roster: links renew": _("Students’ links renewed"),
    "roster: links restore": _("Students’ links restored"),
    "roster: links revoke": _("Students’ links revoked"),
    "roster: looked at": _("List of students looked at"),
    "roster: removed": _("Student removed from a list"),
    "screen: looked at": _("Pictures of the screen looked at"),
    "session: created": _("Session started by a call"),
    "session: ended": _("Session ended"),
    "session: looked at": _("Session looked at"),
    "session: reopened": _("Session reopened"),
    "session: sealed": _("Session sealed"),
    "sessions: deleted": _("Sessions deleted"),
    "sign-in: failed": _("Not let in"),
    "signed in": _("Logged in"),
    "signed out": _("Logged out"),
    "snippet: student new": _("Student came from an exam’s own site"),
    "sound: listened": _("Listened to a student"),
    "stills: deleted": _("Pictures of the screen deleted: their time was over"),
    "student: erased": _("Everything of a student erased"),
    "table: exported": _("Table saved as CSV"),
    "token: made": _("Token made"),
    "token: revoked": _("Token revoked"),
    "webhook: added": _("Webhook added"),
    "webhook: changed": _("Webhook changed"),
    "webhook: disabled": _("Webhook disabled by the server"),
    "webhook: removed": _("Webhook removed"),
    "webhook: secret made": _("New secret of a webhook made"),
    "webhook: sent again": _("Notice of a webhook sent again"),
    "webhook: tested": _("Webhook tested"),
}

FIELDS: Mapping[str, Text] = {
    "accommodation": _("Accommodation"),
    "account": _("Account"),
    "account_id": _("Account"),
    "acts": _("Screen acts"),
    "again": _("Again because of"),
    "attempt": _("Attempt"),
    "broken_off": _("Broken off"),
    "changed": _("Changed"),
    "changes": _("Changes"),
    "checks": _("Checks"),
    "client_id": _("Client"),
    "clips": _("Clips"),
    "conclusion": _("Conclusion"),
    "copy_of": _("Copy of"),
    "count": _("How many"),
    "counts": _("How many"),
    "course": _("Course"),
    "days": _("Days"),
    "deployment": _("Part of the learning platform"),
    "doubled": _("Doubled"),
    "endpoint_id": _("Webhook"),
    "exam_key": _("Exam’s key"),
    "exams": _("Exams"),
    "fields": _("Fields"),
    "found": _("Found"),
    "from_address": _("From where"),
    "gone": _("Gone"),
    "head": _("Last hash"),
    "how": _("How"),
    "id_sha256": _("Hash of the ID"),
    "identity": _("With pictures of identity"),
    "installation": _("Open edX"),
    "intervals": _("Intervals"),
    "inactive": _("Not active"),
    "issuer": _("Issuer"),
    "kind": _("Kind"),
    "login": _("Login name"),
    "message_id": _("Message"),
    "name": _("Name"),
    "new": _("New"),
    "nobodys": _("Of no session"),
    "note": _("Note"),
    "older": _("From before the chain"),
    "older_after": _("Hash of older entries afterwards"),
    "older_before": _("Hash of older entries before"),
    "older_erased": _("Older entries erased"),
    "picture": _("Picture"),
    "reason": _("Reason"),
    "recorded": _("Hash as recorded"),
    "registration": _("Learning platform"),
    "removed": _("Removed"),
    "revision": _("Revision"),
    "role": _("Role"),
    "roles": _("Roles"),
    "running": _("Running sessions"),
    "scopes": _("Scopes"),
    "sessions": _("Sessions"),
    "sha256": _("Hash"),
    "students": _("Students"),
    "subject": _("Subject"),
    "table": _("Table"),
    "text": _("Text"),
    "title": _("Title"),
    "token": _("Token"),
    "token_id": _("Token"),
    "until": _("Until"),
    "upto": _("Up to entry"),
    "words": _("Words"),
}

SHORT = 200  # characters of a detail that stand there at once; the rest opens
MANY = 20  # of more than so many things is said how many they are


@dataclass(frozen=True, slots=True)
class Detail:
    """One thing that an entry says: under which name, and what follows of a long one."""

    name: str
    text: str
    rest: str = ""


def act_of(kind: Any) -> str:
    """What the page calls a kind of act; one that isn't known is called what it is stored as."""
    return ACTS.get(str(kind or ""), str(kind or ""))


def detail_of(name: str, value: Any) -> Detail:
    """What an entry says under `name`."""
    label, text = FIELDS.get(name, name), plain(value)
    if len(text) <= SHORT:
        return Detail(label, text)
    end = text.rfind(" ", SHORT // 2, SHORT)
    end = end if end > 0 else SHORT
    return Detail(label, f"{text[:end]}…", f"…{text[end:]}")


def plain(value: Any) -> str:
    """A stored value as one text, in the reader's language once it is said."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain(one)}" for name, one in value.items())
    if isinstance(value, list):
        return f"{len(value)}" if len(value) > MANY else " ".join(plain(one) for one in value)
    return iso_time(value) if isinstance(value, datetime) else str(value)


def acts_said_with(part: str, phrases: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The kinds of acts whose phrase, in the reader's language, has `part` in it; `phrases`: kinds with theirs."""
    sought = part.casefold()
    return tuple(kind for kind, phrase in phrases if sought in phrase.casefold())
