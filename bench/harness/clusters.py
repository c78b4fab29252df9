"""How high the rate of something rare may still be where it was counted in intervals of several people, who are not alike.

Intervals of one person are alike: what flags one of them may flag many. So the exact bound over intervals is for people who don't differ, and the
one over people is for those who differ as much as can be; what is true lies between, and the design effect (the variance between people over that
of as many independent intervals, as in surveys) says where, once there is anything to estimate it from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench.harness.figures import upper_bound, upper_rate

LEAST_PEOPLE = 5  # for a design effect that means anything
EXAM_INTERVALS = 240  # of 30 s in two hours


@dataclass(frozen=True, slots=True)
class Person:
    """One person's counts, without a name."""

    intervals: int
    flags: int

    def to_dict(self) -> dict[str, int]:
        """As it is written."""
        return asdict(self)


def bounds(people: Sequence[Person], interval_s: float) -> dict[str, Any]:
    """One-sided 95 % upper bounds, shares 0..1; None where there is nothing to go by.

    `per_interval`: of flagged intervals, if all intervals were independent; `per_hour` the same an hour. `per_interval_clustered`: with the
    design effect. `people`: of people who get any flag in a recording as long as these. `exam_without_flag`: the least share of two-hour exams
    without a flag that `per_interval` leaves.
    """
    n, flags = sum(one.intervals for one in people), sum(one.flags for one in people)
    flagged = sum(one.flags > 0 for one in people)
    effect = design_effect(people)
    per_interval = upper_bound(flags, n) if n else 1.0
    clustered = None if effect is None else upper_bound(math.ceil(flags / effect), max(1, math.floor(n / effect)))
    return {
        "per_interval": per_interval,
        "per_hour": upper_rate(flags, n * interval_s / 3600) if n else None,
        "design_effect": effect,
        "per_interval_clustered": clustered,
        "people_flagged": flagged,
        "people": upper_bound(flagged, len(people)) if people else 1.0,
        "exam_without_flag": (1 - per_interval) ** EXAM_INTERVALS,
    }


def design_effect(people: Sequence[Person]) -> float | None:
    """How much less the intervals say than as many independent ones, 1 and more; None without a flag, or with fewer than `LEAST_PEOPLE`."""
    n, flags = sum(one.intervals for one in people), sum(one.flags for one in people)
    if not 0 < flags < n or len(people) < LEAST_PEOPLE:
        return None
    rate, k = flags / n, len(people)
    between = k / (k - 1) * sum((one.flags - rate * one.intervals) ** 2 for one in people) / n**2
    return max(1.0, between / (rate * (1 - rate) / n))


def words(people: Sequence[Person], found: Mapping[str, Any]) -> list[str]:
    """The bounds for people to read."""
    n, flags = sum(one.intervals for one in people), sum(one.flags for one in people)
    lines = [
        f"  flags: {flags} in {n} whole intervals of {len(people)} people, {found['people_flagged']} of whom got one",
        f"  if intervals were independent, the rate is under {100 * found['per_interval']:.3g} % of intervals (one-sided 95 %, exact): "
        f"{100 * found['exam_without_flag']:.1f} % of two-hour exams end without a flag, or more",
    ]
    if found["per_hour"] is not None:
        lines.append(f"  the same by hours: under {found['per_hour']:.3g} an hour")
    lines.append(f"  people as the unit: under {100 * found['people']:.3g} % of people get a flag in a recording as long as these")
    if found["design_effect"] is not None:
        lines.append(
            f"  design effect {found['design_effect']:.1f}: with people as clusters under {100 * found['per_interval_clustered']:.3g} % of intervals"
        )
    elif not flags:
        lines.append("  without a flag nothing says how alike one person's intervals are: what is true lies between the first and the third")
    else:
        lines.append(f"  fewer than {LEAST_PEOPLE} people: no design effect, and the first bound is too good")
    return lines
