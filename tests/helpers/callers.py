"""Callers of every role, for tests of who may what, without a database."""

from __future__ import annotations

from collections.abc import Iterable

from basics.looks import folded
from web.access.callers import Caller, PeopleOfExam

OWN, OTHER, FREE = "own-exam", "other-exam", "nobodys-exam"
ME = "me"


class TwoExams:
    """Two exams that somebody defined: one names the account `me`, the other doesn't."""

    spellings: tuple[str, ...] = ()  # of sessions that were made before their exam was defined

    def __init__(self, *, teachers: Iterable[str] = (ME,), proctors: Iterable[str] = (ME,)) -> None:
        self.exams: dict[str, PeopleOfExam] = {
            OWN: (frozenset(teachers), frozenset(proctors)),
            OTHER: (frozenset({"somebody"}), frozenset({"else"})),
        }

    def of(self, exam_id: str | None) -> PeopleOfExam | None:
        return self.exams.get(folded(exam_id)) if exam_id is not None else None

    def defined(self) -> Iterable[tuple[str, PeopleOfExam]]:
        return self.exams.items()

    def spelled(self) -> Iterable[str]:
        return self.spellings


def account(*roles: str, exams: TwoExams | None = None, in_exams: dict[str, frozenset[str]] | None = None) -> Caller:
    """Whoever is signed in with these roles; both exams' people are those of `exams`."""
    return Caller("account", "Ada Byron", ME, frozenset(roles), exam_roles=in_exams or {}, people=exams or TwoExams())


def token(*scopes: str, only: Iterable[str] | None = None) -> Caller:
    """A named token."""
    return Caller("token", "a script", scopes=frozenset(scopes), exams=frozenset(only) if only is not None else None, people=TwoExams())
