"""What a verification of what is stored finds, and how the audit calls the acts by which it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from records.reader import Document
from settings.keeping import Kept
from storage.audit_chain import FIRST_PREV

DECISION = "review: "
CONCLUSION = "conclusion: "
IDENTITY = "identity: "
IDENTITY_DECISIONS = (f"{IDENTITY}accepted", f"{IDENTITY}queried")
ANSWERED, LOOK_ASKED, LOOK_ANSWERED = "own report: answered", "own report: new look asked", "own report: new look answered"
DELETED = "sessions: deleted"
ERASED = "student: erased"
CUT = "audit: deleted"
DELETED_KINDS: Mapping[Kept, str] = MappingProxyType(
    {
        "clips_dismissed": "clips: deleted",
        "clips_confirmed": "clips: deleted",
        "clips_open": "clips: deleted",
        "readings": "readings: deleted",
        "stills": "stills: deleted",
        "identity": "identity: deleted",
        "absences": "absences: deleted",
    }
)
"""How the audit calls it that the time of a kind of record was over."""
NOT_BLANKED = frozenset({DELETED, ERASED, CUT, *DELETED_KINDS.values()})
"""By these entries it is known that something was deleted lawfully: they name who did it, and nothing of a student's."""
YOUNG = timedelta(seconds=30)  # what was decided since then may have its note under way


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was: what kind of thing, which, and what is wrong with it."""

    kind: str
    which: str
    wrong: str


@dataclass(frozen=True, slots=True)
class CutAudit:
    """The entries up to a place that were deleted because their time was over, as the chain itself says."""

    upto: int = 0
    head: str = FIRST_PREV  # the hash of the last of them
    count: int = 0
    until: datetime | None = None  # when the youngest of them was made
    days: int = 0

    @classmethod
    def of(cls, entry: Mapping[str, Any] | None) -> CutAudit:
        """As the newest entry of that kind says; None: nothing was deleted."""
        if entry is None:
            return cls()
        until = entry.get("until")
        count, days = (int(entry.get(name) or 0) for name in ("count", "days"))
        return cls(int(entry["upto"]), str(entry.get("head")), count, until if isinstance(until, datetime) else None, days)

    def covers(self, at: object) -> bool:
        """May the audit's entry of what was stored at `at` be among them?"""
        return self.until is not None and isinstance(at, datetime) and at <= self.until + YOUNG


@dataclass(slots=True)
class Verified:
    """What was checked, and what was found."""

    entries: int = 0
    erased: int = 0
    sessions: int = 0
    decisions: int = 0
    clips: int = 0
    clip_bytes: int = 0
    seq: int = 0  # the newest entry of the chain,
    head: str = FIRST_PREV  # and its hash
    findings: list[Finding] = field(default_factory=list)
    seals: dict[str, str] = field(default_factory=dict)  # session → the hash of its newest seal
    deleted: set[str] = field(default_factory=set)  # sessions that were deleted, as the audit says
    decided: dict[str, list[Document]] = field(default_factory=dict)  # interval → its decisions, as the audit says
    concluded: dict[str, list[Document]] = field(default_factory=dict)  # session → the acts about its conclusion, likewise
    identified: dict[str, list[Document]] = field(default_factory=dict)  # session → the decisions about who took it, likewise
    said: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # what students said and were answered, by act and what it is about: hashes
    heads: dict[int, str] = field(default_factory=dict)  # those asked for: place → hash
    beyond: list[int] = field(default_factory=list)  # those asked for that are among what was cut
    cut: CutAudit = field(default_factory=CutAudit)
    sealed_before: dict[str, str] = field(default_factory=dict)  # session → the hash before its readings were deleted
    thinned: int = 0  # sessions whose readings were deleted
    clips_deleted: int = 0
    pictures: int = 0  # of faces, cards and rooms, that are there and as they were
    names: tuple[str, ...] = ()  # of this server
    on_others: Counter[str] = field(default_factory=Counter)  # clips by the other server on whose disk they are, and which looks at them
    clips_gone: set[str] = field(default_factory=set)  # sessions of which clips were deleted because their time was over, as the audit says
    older: set[str] = field(default_factory=set)  # what the entries from before the chain may be, by their digest

    def found(self, kind: str, which: object, wrong: str) -> None:
        """Note one thing that is not as it was."""
        self.findings.append(Finding(kind, str(which), wrong))
