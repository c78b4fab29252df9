"""What servers on one database tell each other: each kind a value that names what is another than before, and says nothing of how it is now.

Whoever hears one reads the rest from the records: nothing that stands in a notice is believed, and no notice has anything of a person in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from basics.stored_fields import Check, one_of
from database import Document

SESSION_EVENTS = ("session_started", "session_moved", "session_ended", "conclusion_changed", "answer_given", "identity_changed", "flags_seen")


def written(pattern: str) -> Check:
    """A text that is written so."""
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


KEY = written("[0-9a-f]{32}")
DIGEST = written("[0-9a-f]{64}")
VIDEO = written("[0-9a-f]{32}-[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Notice:
    """Something is another than before. `CHECKS` has a check for each field."""

    CHECKS: ClassVar[Mapping[str, Check]] = {}


@dataclass(frozen=True, slots=True)
class Missed(Notice):
    """There was more than could be told or heard: whatever is remembered is to be read anew."""


@dataclass(frozen=True, slots=True)
class PeopleChanged(Notice):
    """Accounts, tokens, or who teaches and proctors the exams."""


@dataclass(frozen=True, slots=True)
class LoginBegun(Notice):
    """An account's login is there."""

    login_id: str
    CHECKS: ClassVar[Mapping[str, Check]] = {"login_id": DIGEST}


@dataclass(frozen=True, slots=True)
class LoginEnded(Notice):
    """An account's login opens nothing any more."""

    login_id: str
    CHECKS: ClassVar[Mapping[str, Check]] = {"login_id": DIGEST}


@dataclass(frozen=True, slots=True)
class SharedLoginEnded(Notice):
    """Somebody who came by the shared password has logged out; `digest` is the SHA-256 of the cookie."""

    digest: str
    CHECKS: ClassVar[Mapping[str, Check]] = {"digest": DIGEST}


@dataclass(frozen=True, slots=True)
class ExamChanged(Notice):
    """An exam was made, changed or deleted."""

    exam_key: str
    CHECKS: ClassVar[Mapping[str, Check]] = {"exam_key": KEY}


@dataclass(frozen=True, slots=True)
class RosterChanged(Notice):
    """The list of an exam's students, or their links."""

    exam_key: str
    CHECKS: ClassVar[Mapping[str, Check]] = {"exam_key": KEY}


@dataclass(frozen=True, slots=True)
class LinksEnded(Notice):
    """Links of students of an exam open nothing any more, whose sessions may run at other servers."""

    exam_key: str
    CHECKS: ClassVar[Mapping[str, Check]] = {"exam_key": KEY}


@dataclass(frozen=True, slots=True)
class AccommodationChanged(Notice):
    """One was set, changed or removed; `key` is its id."""

    key: str
    CHECKS: ClassVar[Mapping[str, Check]] = {"key": KEY}


@dataclass(frozen=True, slots=True)
class AccommodationsImported(Notice):
    """Those of many students of an exam, with the list of them."""

    exam_key: str
    CHECKS: ClassVar[Mapping[str, Check]] = {"exam_key": KEY}


@dataclass(frozen=True, slots=True)
class StudentErased(Notice):
    """Nothing of this student is to be remembered; `user_key` as `basics.identifiers.key_of` makes it."""

    user_key: str
    CHECKS: ClassVar[Mapping[str, Check]] = {"user_key": KEY}


@dataclass(frozen=True, slots=True)
class AttemptOver(Notice):
    """The learning platform that has a session proctored says that it is over, or has begun a later attempt."""

    session_id: str
    CHECKS: ClassVar[Mapping[str, Check]] = {"session_id": KEY}


@dataclass(frozen=True, slots=True)
class SessionTold(Notice):
    """Dashboards are to be told of a session; `event` is their message's name."""

    event: str
    session_id: str
    CHECKS: ClassVar[Mapping[str, Check]] = {"event": one_of(SESSION_EVENTS), "session_id": KEY}


@dataclass(frozen=True, slots=True)
class IntervalReviewed(Notice):
    """Somebody decided about an interval."""

    video_id: str
    CHECKS: ClassVar[Mapping[str, Check]] = {"video_id": VIDEO}


KINDS: Mapping[str, type[Notice]] = {
    kind.__name__: kind
    for kind in (
        *(Missed, PeopleChanged, LoginBegun, LoginEnded, SharedLoginEnded, ExamChanged, RosterChanged, LinksEnded),
        *(AccommodationChanged, AccommodationsImported, StudentErased, SessionTold, IntervalReviewed, AttemptOver),
    )
}


def document_of(notice: Notice) -> Document:
    """A notice as it is stored, without whose it is and when. Raise `ValueError` where it is not one that others would take."""
    document = {"kind": type(notice).__name__, "what": asdict(notice)}
    if read_notice(document) != notice:
        raise ValueError(f"{notice!r} is no notice that others would take")
    return document


def read_notice(document: Mapping[str, Any]) -> Notice | None:
    """A notice as somebody stored it; None for anything that is not exactly as one of the kinds has it."""
    kind, what = document.get("kind"), document.get("what")
    made = KINDS.get(kind) if isinstance(kind, str) else None
    if made is None or not isinstance(what, dict) or what.keys() != made.CHECKS.keys():
        return None
    return made(**what) if all(check(what[name]) for name, check in made.CHECKS.items()) else None
