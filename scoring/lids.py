"""Eyes that look shut for longer than any blink: lowered to something, or closed. Pure; the rules of `score.py` count them."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Literal

from basics.readings import GazeReading
from scoring.rules import Rules
from scoring.stretches import Stretch

# Of a stretch's readings that said `down`: closed eyes don't open half way again and again, lowered lids do.
LOOKED_DOWN_SHARE = 1 / 3
KEPT = 500  # readings that a stretch is judged by at most

Verdict = Literal["", "lowered", "closed"]


@dataclass(frozen=True, slots=True)
class Shut:
    """Eyes that have looked shut from `start` to `end` so far, for `seconds` of readings: `lowered` to something, else closed.

    `readings` said so until it was judged. By then `bowed_deg` is how much lower than at rest the head was and `lids_open` how far the lids
    were open, as a share of their rest, both medians; `looked_down` is the share of readings between that said so.
    """

    start: float
    end: float
    seconds: float
    lowered: bool
    readings: int
    bowed_deg: float
    lids_open: float
    looked_down: float

    def to_dict(self) -> dict[str, float]:
        """As evidence: from when, and what it rests on."""
        return {
            "from": round(self.start, 2),
            "seconds": round(self.seconds, 2),
            "bowed_deg": round(self.bowed_deg, 1),
            "lids_open": round(self.lids_open, 2),
            "looked_down": round(self.looked_down, 2),
        }


class Lids:
    """One person's lids, fed with each gaze reading in turn.

    What looks shut for `eyes_closed_s` is no blink. It is judged then, once, from all of it so far: where the head was lower than the
    person's own rest, or the lids were seen half open between, it is looking down; else the eyes are closed, and stay so for the rules
    whatever the head of somebody who fell asleep does after that. Readings without `bowed_deg` say nothing: the person was never seen with
    lids plainly open, so that shut ones may be how they rest.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._stretch = Stretch(rules.gaze_gap_s, rules.unknown_max_s, rules.credit_max_s)
        self._blink_from = math.inf
        self._bowed: deque[float] = deque(maxlen=KEPT)
        self._open: deque[float] = deque(maxlen=KEPT)
        self._downs = 0
        self._verdict: Verdict = ""
        self._at = -math.inf

    def feed(self, gaze: GazeReading) -> bool:
        """Take a reading. True where it lets the eyes that looked shut so far be judged."""
        self._at = gaze.at
        self._begin_blink(gaze)
        began = self._stretch.start
        self._stretch.feed(gaze.at, self._is_shut(gaze))
        if self._stretch.start != began and gaze.direction != "closed":
            self._stretch.end()  # looking down alone begins none
        if self._stretch.start is None or self._stretch.start != began:
            self._downs, self._verdict = 0, ""
            self._bowed.clear()
            self._open.clear()
        if self._stretch.start is None or self._verdict:
            return False
        if gaze.direction == "down":
            self._downs += 1
        elif _is_known(gaze):
            self._bowed.append(gaze.numbers["bowed_deg"])
            self._open.append(gaze.numbers["lids_open"])
        if not self._rules.eyes_closed_s or not self._stretch.lasts(self._rules.eyes_closed_s):
            return False
        self._verdict = "lowered" if self._are_lowered() else "closed"
        return True

    def _begin_blink(self, gaze: GazeReading) -> None:
        if gaze.direction == "closed":
            self._blink_from = min(self._blink_from, gaze.at)
        elif gaze.direction != "unknown":
            self._blink_from = math.inf

    def _is_shut(self, gaze: GazeReading) -> bool | None:
        if gaze.direction == "closed":
            return True if _is_known(gaze) else None
        if gaze.direction == "down" and self._stretch.start is not None:
            return True  # half open between
        return None if gaze.direction == "unknown" else False

    def _are_lowered(self) -> bool:
        return median(self._bowed) >= self._rules.eyes_lowered_deg or self._looked_down() >= LOOKED_DOWN_SHARE

    def _looked_down(self) -> float:
        return self._downs / max(self._downs + len(self._bowed), 1)

    @property
    def blinks(self) -> bool:
        """Are closed eyes no longer shut than in a blink?"""
        return self._at - self._blink_from < self._rules.blink_max_s

    @property
    def shut(self) -> Shut | None:
        """The eyes as they are since they look shut for longer than a blink; None where they don't, or it isn't judged yet."""
        stretch = self._stretch
        if stretch.start is None or not self._verdict:
            return None
        return Shut(
            start=stretch.start,
            end=stretch.last,
            seconds=stretch.held,
            lowered=self._verdict == "lowered",
            readings=len(self._bowed),
            bowed_deg=median(self._bowed),
            lids_open=median(self._open),
            looked_down=self._looked_down(),
        )

    def end(self) -> None:
        """End the stretch: what comes next is a new one."""
        self._stretch.end()


def _is_known(gaze: GazeReading) -> bool:
    """Are closed eyes told of a person whose own rest is known?"""
    return gaze.direction == "closed" and gaze.numbers.keys() >= {"bowed_deg", "lids_open"}
