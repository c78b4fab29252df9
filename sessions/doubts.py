"""What is doubted of one session: now, and what was, from when to when."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from basics.doubts import DOUBTS, DoubtCode, sentence

AGAIN_S = 30.0  # a doubt that comes back this soon was never over
KEPT = 200  # of one session; more are as good as all the time
DETAIL_MAX = 200  # characters


@dataclass(frozen=True, slots=True)
class Doubt:
    """`start` and `end` in seconds on the session's clock; `end` is None while it lasts."""

    code: DoubtCode
    start: float
    end: float | None = None
    detail: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As it is stored and answered, in words too."""
        kind = DOUBTS[self.code]
        return {
            "code": self.code,
            "start": round(self.start, 1),
            "end": None if self.end is None else round(self.end, 1),
            "detail": self.detail,
            "text": sentence(self.code, self.detail),
            "helps": kind.helps,
            "weight": kind.weight,
        }


class Doubts:
    """The doubts of one session, in the order in which they began. Safe between threads."""

    def __init__(self) -> None:
        self._all: list[Doubt] = []
        self._lock = threading.Lock()

    def take_up(self, stored: Iterable[Mapping[str, Any]], until: float) -> None:
        """Take up those of before the server stopped. What lasted then is over as of `until`, and looked at anew."""
        with self._lock:
            self._all = [
                Doubt(cast(DoubtCode, one["code"]), one["start"], max(one["start"], until) if one["end"] is None else one["end"], one["detail"])
                for one in stored
                if one["code"] in DOUBTS
            ]

    def set(self, code: DoubtCode, holds: bool, now: float, detail: str = "") -> bool:
        """Say whether a doubt holds now. True where that is news; another `detail` is kept, and is none."""
        with self._lock:
            index = next((index for index in reversed(range(len(self._all))) if self._all[index].code == code), None)
            newest = None if index is None else self._all[index]
            lasts = newest is not None and newest.end is None
            if not holds:
                if lasts and index is not None and newest is not None:
                    self._all[index] = replace(newest, end=now)
                return lasts
            detail = detail[:DETAIL_MAX]
            if index is not None and newest is not None and (newest.end is None or now - newest.end < AGAIN_S):
                self._all[index] = replace(newest, end=None, detail=detail)
                return not lasts
            self._all.append(Doubt(code, now, None, detail))
            del self._all[:-KEPT]
            return True

    def end(self, now: float) -> None:
        """The session has ended."""
        with self._lock:
            self._all = [replace(one, end=now) if one.end is None else one for one in self._all]

    @property
    def now(self) -> tuple[Doubt, ...]:
        """Those that hold now, as pages show them."""
        with self._lock:
            held = [one for one in self._all if one.end is None]
        order = list(DOUBTS)
        return tuple(sorted(held, key=lambda one: order.index(one.code)))

    def documents(self) -> list[dict[str, Any]]:
        """All of them, for storage and answers."""
        with self._lock:
            return [one.to_dict() for one in self._all]
