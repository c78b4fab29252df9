"""Shares with their 95 % Wilson intervals, upper bounds of what is rare, and the lines in which the benches print them."""

from __future__ import annotations

import math
from collections.abc import Callable

Z = 1.96  # of a normal distribution, for 95 %


def wilson(right: int, n: int, z: float = Z) -> tuple[float, float]:
    """The Wilson interval of `right` in `n`, as shares 0..1 (Wilson 1927); 0 and 1 where there is nothing to go by."""
    if n == 0:
        return 0.0, 1.0
    share = right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def upper_bound(events: int, n: int, error: float = 0.05) -> float:
    """The exact one-sided 95 % upper bound of a share (Clopper and Pearson 1934): for no event at all 1 - .05^(1/n), about 3 in n."""
    if events >= n:
        return 1.0
    logs = [math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) for k in range(events + 1)]

    def as_few(share: float) -> float:
        return sum(math.exp(log + k * math.log(share) + (n - k) * math.log1p(-share)) for k, log in enumerate(logs))

    return _where(lambda share: as_few(share) > error, 0.0, 1.0)


def upper_rate(events: int, hours: float, error: float = 0.05) -> float:
    """The exact one-sided 95 % upper bound of events an hour (Garwood 1936); infinite where nothing was watched."""
    if hours <= 0:
        return math.inf

    def as_few(mean: float) -> float:
        return sum(math.exp(-mean + k * math.log(mean) - math.lgamma(k + 1)) for k in range(events + 1))

    return _where(lambda mean: as_few(mean) > error, 0.0, 10.0 * (events + 4)) / hours


def _where(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Where `holds` stops, between `low` and `high`."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return high


def share(right: int, n: int, digits: int = 1) -> str:
    """`98 of 100 = 98.0 % (93.0 to 99.4)`."""
    if n == 0:
        return "none"
    low, high = wilson(right, n)
    return f"{right} of {n} = {100 * right / n:.{digits}f} % ({100 * low:.{digits}f} to {100 * high:.{digits}f})"


def line(name: str, right: int, n: int, digits: int = 1) -> str:
    """One line of a table."""
    return f"  {name:<36}{share(right, n, digits)}"
