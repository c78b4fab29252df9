"""What was acknowledged against what is there. Pure: two books in, the figures of one row out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Promised:
    """What honest people saw. Acts are session ids by act id, decisions intervals' ids by the note of the decision."""

    acts_sent: Mapping[str, str]
    acts: Mapping[str, str]  # acknowledged
    decisions_sent: Mapping[str, str]
    decisions: Mapping[str, str]  # acknowledged
    put_out: Sequence[str]  # why students were told that the exam is over, though nobody ended it


@dataclass(frozen=True, slots=True)
class FoundClip:
    """A flagged interval's clip: as its record says, and what is wrong with the file (empty: it plays, and is the record's).

    `unseen`: no picture came once it was flagged, because the server was away; then it may have `failed`.
    """

    video_id: str
    state: str
    reason: str
    problem: str
    unseen: bool = False

    @property
    def wrong(self) -> str:
        """What is not as it must be, else empty."""
        if self.state == "ready":
            return self.problem
        return "" if self.unseen and self.state == "failed" and self.reason else self.reason or "no reason"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is there afterwards."""

    acts: Sequence[tuple[str, str, str]]  # session id, act id, detail
    counted: Mapping[str, int]  # acts that the intervals of a session count
    decisions: Sequence[tuple[str, str]]  # interval's id, note
    clips: Sequence[FoundClip]
    strays: Sequence[str] = ()  # files that no record knows of, and half ones


@dataclass(slots=True)
class Outcome:
    """The figures of one row."""

    name: str = ""
    seed: int = 0
    acknowledged: int = 0
    there: int = 0
    lost: int = 0
    doubled: int = 0
    undelivered: int = 0
    miscounted: int = 0
    put_out: int = 0
    clips: int = 0
    clips_right: int = 0
    served_s: list[float] = field(default_factory=list)
    longest_wait_s: float = 0.0
    health: list[str] = field(default_factory=list)
    wall: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: str = ""
    seconds: float = 0.0

    @property
    def well(self) -> bool:
        """All zeros, and all that had to be told was told."""
        return not self.faults

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def compare(promised: Promised, kept: Kept) -> Outcome:
    """The figures of one row, and in `faults` a sentence for each that is not as it must be."""
    acts = Counter((session, act) for session, act, _ in kept.acts)
    details = Counter((session, detail) for session, _, detail in kept.acts)
    decisions = Counter((video, note) for video, note in kept.decisions)
    lost_acts = [act for act, session in promised.acts.items() if not acts[session, act]]
    lost_decisions = [note for note, video in promised.decisions.items() if not decisions[video, note]]
    outcome = Outcome(
        acknowledged=len(promised.acts) + len(promised.decisions),
        there=len(kept.acts) + len(kept.decisions),
        lost=len(lost_acts) + len(lost_decisions),
        doubled=sum(count - 1 for counter in (details, decisions) for count in counter.values()),
        undelivered=len(promised.acts_sent.keys() - promised.acts.keys()),
        miscounted=_miscounted(kept),
        put_out=len(promised.put_out),
        clips=len(kept.clips),
        clips_right=sum(not clip.wrong for clip in kept.clips),
    )
    outcome.faults += _plural(len(lost_acts), "act", "acknowledged and not there")
    outcome.faults += _plural(len(lost_decisions), "decision", "acknowledged and not there")
    outcome.faults += _plural(outcome.doubled, "record", "there twice")
    outcome.faults += _plural(outcome.undelivered, "act", "not acknowledged at the end")
    outcome.faults += _plural(outcome.miscounted, "act", "stored and not counted in the intervals, or counted and not stored")
    outcome.faults += [f"a student was put out: {reason}" for reason in dict.fromkeys(promised.put_out)]
    outcome.faults += _clip_faults(kept.clips)
    outcome.faults += _plural(len(kept.strays), "file", f"without a record, or half: {', '.join(kept.strays[:3])}")
    return outcome


def _miscounted(kept: Kept) -> int:
    stored = Counter(session for session, _, _ in kept.acts)
    return sum(abs(stored[session] - kept.counted.get(session, 0)) for session in stored.keys() | kept.counted.keys())


def _clip_faults(clips: Iterable[FoundClip]) -> list[str]:
    wrong = Counter(f"{clip.state}: {clip.wrong}" for clip in clips if clip.wrong)
    return [f"{count} clip{'s' * (count > 1)} {words}" for words, count in wrong.items()]


def _plural(count: int, thing: str, words: str) -> list[str]:
    return [f"{count} {thing}{'s' * (count > 1)} {words}"] if count else []
