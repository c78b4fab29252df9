"""Which roles the groups of a sign-in provider give: `staff=teacher; it=administrator; ta-math=proctor@math-101`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ROLES = ("administrator", "teacher", "proctor", "officer", "auditor")
IN_AN_EXAM = ("teacher", "proctor")


@dataclass(frozen=True, slots=True)
class GroupRole:
    """A role that a group gives: for the whole server, or in one exam."""

    group: str
    role: str
    exam_id: str | None = None


def parse_group_roles(text: str) -> list[GroupRole]:
    """The roles of each group. Raise `ValueError` that says what is wrong."""
    found = []
    for each in text.replace("\n", ";").split(";"):
        if not each.strip():
            continue
        group, equals, given = each.rpartition("=")  # a group may have one in its own name: cn=staff,ou=people
        role, at, exam = (part.strip() for part in given.partition("@"))
        if not equals or not group.strip():
            raise ValueError(f"{each.strip()!r} is no pair; write group=role, and between pairs a semicolon")
        if role not in ROLES:
            raise ValueError(f"{each.strip()!r} names no role; there are {', '.join(ROLES)}")
        if at and (not exam or role not in IN_AN_EXAM):
            raise ValueError(f"{each.strip()!r}: in one exam a group can be {' or '.join(IN_AN_EXAM)}, such as group=proctor@exam001")
        found.append(GroupRole(group.strip(), role, exam or None))
    return found


def roles_of(groups: Iterable[str], pairs: Iterable[GroupRole]) -> tuple[frozenset[str], Mapping[str, frozenset[str]]]:
    """What these groups give together: the roles for the whole server, and those in single exams by their ids."""
    mine = set(groups)
    given = [pair for pair in pairs if pair.group in mine]
    exams = {pair.exam_id for pair in given if pair.exam_id is not None}
    whole = frozenset(pair.role for pair in given if pair.exam_id is None)
    return whole, {exam: frozenset(pair.role for pair in given if pair.exam_id == exam) for exam in sorted(exams)}
