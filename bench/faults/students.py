"""Honest students who do numbered things: each act is told from every other, and when it was sent and acknowledged is kept."""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from basics.readings import Frame
from bench.harness.student import StudentClient

ACT_EVERY_S = 0.5
BURST = 10  # acts that flag an interval
KIND = "copy"  # each one counts by itself, whatever is done beside it


@dataclass
class NumberedStudent(StudentClient):
    """A student's page of session `session_id`, whose acts are numbered in their `detail`."""

    session_id: str = ""
    sent_at: dict[str, float] = field(default_factory=dict)
    acknowledged_at: dict[str, float] = field(default_factory=dict)
    pictures_at: list[float] = field(default_factory=list)
    ended_by_us: bool = False

    def do(self, number: int) -> str:
        """Do the act `number`, now; return its id."""
        before = time.monotonic()
        act_id = self.act(KIND, f"act {number}")
        self.sent_at[act_id] = before
        return act_id

    @property
    def put_out(self) -> str:
        """Why the server told this student that the exam is over, though nobody ended it; else empty."""
        told = next((message for message in self.messages if message["type"] in {"ended", "replaced"}), None)
        return "" if told is None or self.ended_by_us else str(told.get("reason") or told["type"])

    def served_since(self, moment: float) -> bool:
        """Has an act been acknowledged that was done after `moment`?"""
        return self.first_served_after(moment) < math.inf

    def first_served_after(self, moment: float) -> float:
        """When the first act that was done after `moment` was acknowledged; infinite where none was."""
        return min((at for act_id, at in list(self.acknowledged_at.items()) if self.sent_at.get(act_id, 0.0) > moment), default=math.inf)

    def leave(self) -> None:
        """End the exam, as the student's own wish."""
        self.ended_by_us = True
        self.finish(15.0)

    def longest_wait(self) -> float:
        """The longest time from an act to its acknowledgement, in s."""
        return max((at - self.sent_at[act_id] for act_id, at in self.acknowledged_at.items() if act_id in self.sent_at), default=0.0)

    def send_frame(self, frame: Frame, sequence: int) -> None:
        """Send one picture, taken now, and remember when."""
        before = self.sent_frames
        super().send_frame(frame, sequence)
        if self.sent_frames > before and self.welcomed.is_set():
            self.pictures_at.append(time.monotonic())

    def pictures_between(self, start: float, end: float, acts: Mapping[str, float]) -> int:
        """How many pictures were sent from `start` to `end` of the session, whose clock is told by its stored `acts`: seconds by id."""
        offsets = [at - self.sent_at[act_id] for act_id, at in acts.items() if act_id in self.sent_at]
        if not offsets:
            return 0
        offset = statistics.median(offsets)
        return sum(start <= at + offset <= end for at in self.pictures_at)

    def _take(self, message: dict[str, Any]) -> None:
        super()._take(message)
        if message["type"] == "acts":
            for act_id in message["ids"]:
                self.acknowledged_at.setdefault(act_id, time.monotonic())


class Acting:
    """Lets the students act in turn, each every `every_s`, until it is stopped. One that comes too late is not made up for."""

    def __init__(self, students: Sequence[NumberedStudent], every_s: float = ACT_EVERY_S, *, burst_every: int | None = None) -> None:
        """`burst_every`: turns after which a student does `BURST` things at once, which flags the interval; None: never."""
        self._students = students
        self._every_s = every_s
        self._burst_every = burst_every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="acting", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let nobody do anything more."""
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        number = turn = 0
        due = time.monotonic()
        while self._students:
            for place, student in enumerate(self._students):
                due = max(due + self._every_s / len(self._students), time.monotonic())
                if self._stop.wait(max(0.0, due - time.monotonic())):
                    return
                if student.ended.is_set():
                    continue
                is_burst = self._burst_every is not None and turn % self._burst_every == place % self._burst_every
                for _ in range(BURST if is_burst else 1):
                    number += 1
                    student.do(number)
            turn += 1
