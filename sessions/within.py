"""What lies within a session: the bound of the times of its screen acts, and so of its intervals, whoever told them."""

from __future__ import annotations

from dataclasses import replace

from basics.readings import ScreenAct

AHEAD_MAX_S = 7200.0  # a computer's clock that is put back by up to two hours makes a session seem so much younger at a restart


def act_within(act: ScreenAct, now: float) -> ScreenAct:
    """The act as it is, or, where no session that is `now` seconds old can hold it, at the nearer end of what it can."""
    at = time_within(act.at, now)
    return act if at == act.at else replace(act, at=at)


def time_within(at: float, now: float) -> float:
    """`at`, or the nearer end of the session where it lies further out than clocks can differ; `now` where it is no time at all."""
    return at if 0 <= at <= now + AHEAD_MAX_S else 0.0 if at < 0 else now
