"""What a student costs the servers and their database, from what was counted without students and with them."""

from __future__ import annotations

import pytest

from bench.cluster.cost import KINDS, Counted, cost_of, told


def counted(at: float, cpu_s: float, count: int) -> Counted:
    return Counted(at, cpu_s, (count,) * len(KINDS), 1000 * count, 2000 * count, 500 * count)


def test_the_databases_idle_work_is_taken_off_and_the_processors_is_not() -> None:
    idle = counted(10, 3, 120).a_second(counted(0, 1, 100))
    busy = counted(130, 15, 1360).a_second(counted(30, 5, 360))
    cost = cost_of(2, 4, idle, busy)
    assert (cost.cpu_ms, cost.idle_cpu_ms) == pytest.approx((25.0, 200.0)), "10 s of 100 for four students; 2 s of 10 for nobody"
    assert cost.operations == pytest.approx(dict.fromkeys(KINDS, (10 - 2) * 3600 / 4))
    assert (cost.mb_in, cost.mb_out, cost.mb_kept) == pytest.approx((7.2, 14.4, 3.6))
    assert "43,200 operations" in told(cost)
