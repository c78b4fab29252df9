"""What one session stores: its own document, its intervals, checks and acts. Every write returns a ticket and never blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from basics.readings import IntervalResult, ScreenAct
from basics.signals import ViolationKind
from basics.times import iso_time, utc_now
from media.clip import NOT_MADE, Clip
from records.clip_told import clip_fields
from records.spellings import looks_of
from scoring.accommodations import Accommodation
from scoring.documents import violation_document
from sessions.ends import End
from sessions.identity import Identity
from sessions.ownership import Owned
from settings.keeping import Kept
from storage.marks import Mark
from storage.writes import NONE, Fields

Records = Iterable[Mapping[str, Any]]
"""What was stored of one kind."""


class Storage(Protocol):
    """What parts of a session need of the database: writes that never block."""

    def write(self, collection: str, document_id: str, fields: dict[str, Any], *, insert_only: bool = False) -> Any: ...


class WholeStorage(Protocol):
    """What a session itself needs: fields for new documents as well, and changes under a condition."""

    def write(self, collection: str, document_id: str, fields: dict[str, Any], *, insert_only: bool = False, new: Fields = NONE) -> Any: ...

    def change(self, collection: str, document_id: str, fields: dict[str, Any], where: Fields = NONE) -> Any: ...


class Documents:
    """Writes the records of one session under ids that make every write repeatable."""

    def __init__(self, storage: WholeStorage, identity: Identity) -> None:
        self._storage = storage
        self.identity = identity

    def interval_id(self, index: int) -> str:
        """The id of an interval's record, which is also its clip's."""
        return self.identity.interval_id(index)

    def session(self, **fields: Any) -> Any:
        """Change fields of the session's own document."""
        return self._storage.write("sessions", self.identity.session_id, fields)

    def interval(self, index: int, fields: dict[str, Any], new: Fields = NONE) -> Any:
        """Change fields of an interval's record; `new` are for one that isn't there yet."""
        return self._storage.write("intervals", self.interval_id(index), fields, new=new)

    def clip(self, index: int, clip: Clip) -> Any:
        """Say what has become of an interval's clip, where none is made. Whoever owns the session: it is a fact of the server that has the file.

        That one is still to be made, or that none is, only its owner says.
        """
        where = NOT_MADE
        if clip.state not in ("ready", "failed") and isinstance(self._storage, Owned):
            where = {**NOT_MADE, **self._storage.fence}
        return self._storage.change("intervals", self.interval_id(index), clip_fields(clip), where)

    def check(self, number: int, record: Mapping[str, Any], started_at: datetime) -> Any:
        """Store a check record."""
        document = {**record, "session_id": self.identity.session_id, "started_at": started_at}
        return self._storage.write("checks", self.interval_id(number), document)

    def act(self, act: ScreenAct, wall: datetime) -> Any:
        """Store a screen act, once: its id comes from where it was made."""
        fields = {"session_id": self.identity.session_id, "kind": act.kind, "at": act.at, "wall": wall, "detail": act.detail}
        fields |= {"told_by": act.told_by} if act.told_by else {}
        return self._storage.write("acts", f"{self.identity.session_id}:{act.id}", fields, insert_only=True)


def interval_document(
    identity: Identity, result: IntervalResult, clip: Clip, *, ended: float, started_at: datetime, ended_at: datetime, flagged_at: datetime | None
) -> dict[str, Any]:
    """An interval as it is stored and answered, without its review. `ended` is in seconds on the session's clock."""
    return {
        "session_id": identity.session_id,
        "user_id": identity.user_id,
        "exam_id": identity.exam_id,
        "index": result.index,
        "start": result.start,
        "end": ended,
        "started_at": started_at,
        "ended_at": ended_at,
        "score": result.score,
        "flagged": result.flagged,
        "flagged_at": flagged_at,
        "marked": result.marked,
        "closed": result.closed,
        "revision": result.revision,
        "violations": [violation_document(violation) for violation in result.violations],
        "eyes_closed": [[round(start, 2), round(end, 2)] for start, end in result.eyes_closed],
        "clip": clip.to_dict(),
    }


def begins(at: datetime) -> dict[str, Any]:
    """The mark that a session's student has come."""
    return Mark("started", "session.started", at).fields()


class Totals(Protocol):
    """What a session came to."""

    @property
    def total_score(self) -> int: ...
    @property
    def flagged_intervals(self) -> int: ...


def over(state: str, why: End, ended_at: datetime, totals: Totals | None = None) -> dict[str, Any]:
    """What is stored of a session that is over, with the mark of it; without `totals` nothing is known of its score."""
    came_to = {"score": totals.total_score, "flags": totals.flagged_intervals} if totals is not None else {}
    kind = "ended" if state == "ended" else "interrupted"
    said = {"state": state, "reason": why.code, "ended_at": iso_time(ended_at), **came_to}
    mark = Mark(f"{kind}_{int(ended_at.timestamp() * 1000)}", f"session.{kind}", utc_now(), said)  # behind what its end has changed
    return {"state": state, **why.to_dict(), "ended_at": ended_at, **mark.fields()}


def new_session_document(
    identity: Identity,
    *,
    started_at: datetime,
    clock: Mapping[str, Any],
    begun: bool,
    rules: Mapping[str, Any],
    accommodation: Accommodation | None,
    usual_points: Mapping[ViolationKind, int],
    nonce: str,
    keep_days: Mapping[Kept, int],
    exam: Mapping[str, Any] | None = None,
    server: str = "",
) -> dict[str, Any]:
    """A session as it is stored when it is made. `clock` marks its start on the monotonic clock, or since when it waits to begin.

    `server` is the name of the one that has it, and so its files (`on`).

    `keep_days`: for how long the server keeps each kind of record of it, where its exam doesn't say.
    """
    return {
        "user_id": identity.user_id,
        "exam_id": identity.exam_id,
        "source": identity.source,
        "station": identity.station,
        "state": "running",
        "started_at": started_at,
        "clock": clock,
        "begun": begun,
        "ended_at": None,
        "end_reason": "",
        "ended_after_s": None,
        "total_score": 0,
        "flagged_intervals": 0,
        "intervals": 0,
        "rules": rules,
        "usual_points": dict(usual_points),
        "accommodation": accommodation.to_record() if accommodation else None,
        "keep_days": dict(keep_days),
        **(exam or {"exam": None, "ends_at": None}),
        "breaks": [],
        "messages": [],
        "marks": [],
        "call": None,
        "devices": {},
        "baseline": {},
        "nonce": nonce,
        **({"route": identity.route} if identity.route else {}),
        **({"on": [server]} if server else {}),
        **looks_of(identity.user_id, identity.exam_id),
        **(begins(started_at) if begun else {}),
        **Mark("created", "session.created", started_at, {"source": identity.source}).fields(),
    }
