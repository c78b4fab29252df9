"""Shares with their 95 % Wilson intervals, and the lines in which the benches print them."""

from __future__ import annotations

import math

Z = 1.96  # of a normal distribution, for 95 %


def wilson(right: int, n: int, z: float = Z) -> tuple[float, float]:
    """The Wilson interval of `right` in `n`, as shares 0..1 (Wilson 1927); 0 and 1 where there is nothing to go by."""
    if n == 0:
        return 0.0, 1.0
    share = right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def upper_bound(events: int, n: int) -> float:
    """The one-sided 95 % upper bound of a rate: exact for no event at all (about 3 in n, the rule of three), else Wilson's."""
    if n == 0:
        return 1.0
    if events == 0:
        return 1.0 - math.pow(0.05, 1 / n)
    return wilson(events, n, 1.645)[1]


def share(right: int, n: int, digits: int = 1) -> str:
    """`98 of 100 = 98.0 % (93.0 to 99.4)`."""
    if n == 0:
        return "none"
    low, high = wilson(right, n)
    return f"{right} of {n} = {100 * right / n:.{digits}f} % ({100 * low:.{digits}f} to {100 * high:.{digits}f})"


def line(name: str, right: int, n: int, digits: int = 1) -> str:
    """One line of a table."""
    return f"  {name:<36}{share(right, n, digits)}"
