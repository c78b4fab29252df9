"""For how long nobody has heard a student's page: what its acts of then may be dated by."""

from __future__ import annotations

from sessions.attendance import HEARD_S, Attendance


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_page_that_comes_back_for_a_moment_was_away_since_before_that() -> None:
    clock = Clock()
    attendance = Attendance(clock, abandoned_s=3600)
    attendance.expect("a")
    attendance.connected("a", True)
    clock.now = 1000
    attendance.connected("a", False)
    for back in (1600.0, 1650.0):  # the line is back for seconds: not for long enough to deliver what was kept
        clock.now = back
        attendance.connected("a", True)
        clock.now += 5
        attendance.connected("a", False)
    clock.now = 1700
    assert attendance.unseen_for("a", 0) == 700
    attendance.connected("a", True)
    clock.now += HEARD_S
    attendance.connected("a", False)
    clock.now += 7
    assert attendance.unseen_for("a", 0) == 7


def test_coming_and_going_keeps_an_outage_open_for_a_minute_in_all() -> None:
    clock = Clock()
    attendance = Attendance(clock, abandoned_s=3600)
    attendance.give_until("a", 600, unseen=100)
    for _ in range(4):
        attendance.connected("a", True)
        clock.now += HEARD_S / 3
        attendance.connected("a", False)
    assert attendance.unseen_for("a", 0) <= HEARD_S
