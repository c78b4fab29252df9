"""Who calls, and what they may: roles that people have, scopes that a token has, and the exams in which both hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, cast, get_args

from flask import g, has_request_context

from basics.looks import folded

Right = Literal["look", "decide", "desk", "exams", "roster", "accommodations", "results", "people", "server", "audit", "metrics"]
Role = Literal["administrator", "teacher", "proctor", "officer", "auditor"]
Scope = Literal["read", "sessions", "exams", "administer"]
Kind = Literal["nobody", "local", "password", "api_token", "account", "token", "student"]

RIGHTS: frozenset[Right] = frozenset(get_args(Right))
SERVER_WIDE: frozenset[Right] = frozenset({"people", "server", "audit", "metrics"})
"""Rights that no exam bounds: who has them for some exams only has none of them."""
IN_EVERY_EXAM: frozenset[Right] = frozenset({"accommodations"})
"""Rights in what holds in every exam where it names none: what is of no exam is theirs alone who have the right in all."""
WATCHING: frozenset[Right] = frozenset({"look", "decide", "desk"})
OF_ROLE: Mapping[str, frozenset[Right]] = {
    "administrator": RIGHTS,
    "teacher": WATCHING | {"exams", "roster", "accommodations", "results"},
    "proctor": WATCHING,
    "officer": frozenset({"accommodations"}),
    "auditor": frozenset({"audit"}),
}
BY_EXAM = frozenset({"teacher", "proctor"})
"""Roles that hold in the exams that name their bearer, and in those that nobody defined."""
OF_SCOPE: Mapping[str, frozenset[Right]] = {
    "read": frozenset({"look", "results", "metrics"}),
    "sessions": WATCHING | {"results"},
    "exams": frozenset({"look", "exams", "roster", "accommodations", "results"}),
    "administer": RIGHTS,
}

PeopleOfExam = tuple[frozenset[str], frozenset[str]]
"""The ids of an exam's teachers' accounts and of its proctors'."""


class ExamPeople(Protocol):
    """Who teaches and who proctors each exam."""

    def of(self, exam_id: str | None) -> PeopleOfExam | None:
        """The exam's people; None for an exam that nobody defined, and for sessions without an exam."""

    def defined(self) -> Iterable[tuple[str, PeopleOfExam]]:
        """Every exam that somebody defined."""

    def spelled(self) -> Iterable[str]:
        """Every exam of which there are sessions, as their records spell it: of before it was defined they may have it otherwise."""


class NobodysExams:
    """Where no exam is defined."""

    def of(self, exam_id: str | None) -> PeopleOfExam | None:
        return None

    def defined(self) -> Iterable[tuple[str, PeopleOfExam]]:
        return ()

    def spelled(self) -> Iterable[str]:
        return ()


@dataclass(frozen=True, slots=True)
class ExamFilter:
    """Which exams a caller may see in a list: `only` these, None: all of them, but `never` those."""

    only: frozenset[str | None] | None = None
    never: frozenset[str | None] = frozenset()

    def condition(self) -> dict[str, Any]:
        """As a MongoDB condition on `exam_id`."""
        if self.only is not None:
            return {"$in": sorted(self.only, key=lambda exam: exam or "")}
        return {"$nin": sorted(self.never, key=lambda exam: exam or "")}

    def takes(self, exam_id: str | None) -> bool:
        """May this exam be seen?"""
        return exam_id in self.only if self.only is not None else exam_id not in self.never

    def query(self, name: str = "exam_id") -> dict[str, Any]:
        """As a MongoDB query, that bounds nothing where all may be seen."""
        return {name: self.condition()} if self.only is not None or self.never else {}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. `name` is what stands in the audit and in decisions, `account_id` and `roles` are those of an account that is signed in.

    A token has `scopes` instead of roles; its `exams` (None: all) are folded ids. `exam_roles` are further roles in single exams, by folded id.
    """

    kind: Kind
    name: str
    account_id: str | None = None
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    exams: frozenset[str] | None = None
    exam_roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    login_id: str = ""
    people: ExamPeople = field(default_factory=NobodysExams, compare=False, repr=False)

    @property
    def signs(self) -> bool:
        """Does the caller's own name stand under what is decided and written, whatever the call's body says?"""
        return self.kind == "account"

    def rights(self) -> frozenset[Right]:
        """Every right that the caller has in some exam at least."""
        rights = {right for role in self.roles for right in OF_ROLE.get(role, ())}
        rights |= {right for scope in self.scopes for right in OF_SCOPE.get(scope, ())}
        if self.exams is not None:
            rights -= SERVER_WIDE
        rights |= {right for roles in self.exam_roles.values() for role in roles & BY_EXAM for right in OF_ROLE[role]}
        return frozenset(rights)

    def may_at_all(self, right: Right) -> bool:
        """Has the caller this right in some exam, or for the whole server?"""
        return right in self.rights()

    def everywhere(self, right: Right) -> bool:
        """Has the caller this right in every exam there is and will be?"""
        if self.exams is None and any(right in OF_SCOPE.get(scope, ()) for scope in self.scopes):
            return True
        return any(right in OF_ROLE.get(role, ()) for role in self.roles - BY_EXAM)

    def may(self, right: Right, exam_id: str | None) -> bool:
        """Has the caller this right in this exam? None: sessions without an exam, and accommodations for every exam."""
        if self.everywhere(right):
            return True
        if right in SERVER_WIDE or not isinstance(exam_id, str | None):  # one that was damaged in the database is nobody's
            return False
        if exam_id is None and right in IN_EVERY_EXAM:
            return False
        if self.exams is not None:
            return exam_id is not None and folded(exam_id) in self.exams and self.may_at_all(right)
        return self._by_role(right, exam_id)

    def _by_role(self, right: Right, exam_id: str | None) -> bool:
        mine = self.exam_roles.get(folded(exam_id), frozenset()) if exam_id is not None else frozenset()
        if any(right in OF_ROLE[role] for role in mine & BY_EXAM):
            return True
        return self._may_among(right, self.people.of(exam_id))

    def _may_among(self, right: Right, people: PeopleOfExam | None) -> bool:
        teaches, proctors = "teacher" in self.roles, "proctor" in self.roles
        if people is None:  # an exam that nobody defined is everyone's who works with exams
            return (teaches and right in OF_ROLE["teacher"]) or (proctors and right in WATCHING)
        teachers, named = people
        if teaches and self.account_id in teachers:
            return right in OF_ROLE["teacher"]
        return right in WATCHING and (teaches or proctors) and self.account_id in teachers | named

    def exam_filter(self, right: Right) -> ExamFilter | None:
        """Of which exams the caller may see something in lists; None: of all, and nothing needs to be left out."""
        if has_request_context():
            g.rights_held = True
        if self.everywhere(right):
            return None
        if self.exams is not None:
            mine = self.exams if self.may_at_all(right) else frozenset[str]()
            return ExamFilter(only=frozenset(mine | {exam for exam in self._known_exams() if folded(exam) in mine}))
        if self._may_among(right, None):
            others = frozenset(exam for exam in self._known_exams() if not self._by_role(right, exam))
            return ExamFilter(never=others | (frozenset({None}) if right in IN_EVERY_EXAM else frozenset()))
        mine = frozenset(self.exam_roles) if self.may_at_all(right) else frozenset[str]()
        named = {exam for exam in self._known_exams() if self._by_role(right, exam)}
        return ExamFilter(only=frozenset({*named, *(exam for exam in mine if self._by_role(right, exam))}))

    def _known_exams(self) -> set[str]:
        """The exams that somebody defined, and those that there were sessions of, in each spelling."""
        return {exam for exam, _people in self.people.defined()} | set(self.people.spelled())

    def exam_condition(self, right: Right) -> dict[str, Any] | None:
        """The same as a MongoDB condition on `exam_id`; None: nothing needs to be left out."""
        seen = self.exam_filter(right)
        return seen.condition() if seen is not None else None


NOBODY = Caller("nobody", "")


def caller() -> Caller:
    """Who makes the present request."""
    return cast(Caller, g.get("caller", NOBODY)) if has_request_context() else NOBODY


def signature(otherwise: str = "proctor") -> str:
    """Whose name stands under what is done now: the account's that is signed in, else `otherwise`, which the call says or leaves out."""
    return caller().name if caller().signs else otherwise
