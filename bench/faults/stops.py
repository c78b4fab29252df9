"""The server is told to end while it has something to do."""

from __future__ import annotations

import time

from bench.faults.ground import STUDENTS, Ground
from bench.faults.reading import clips_pending
from bench.faults.row import Row
from bench.harness.waiting import comes

MANY = 8
STOPPED_S = 45.0


def clips_wait(ground: Ground) -> None:
    """SIGTERM while clips wait to be encoded: they must be there after the next start."""
    ground.begin(students=STUDENTS + MANY)
    comes(lambda: clips_pending(ground.server) >= MANY, 30, 0.1)
    waiting = clips_pending(ground.server)
    ground.hit()
    status = ground.server.stop()
    took = time.monotonic() - (ground.hit_at or 0.0)
    ground.notes.append(f"told to end with {waiting} clips pending: it ended with {status} after {took:.1f} s")
    if took > STOPPED_S:
        ground.faults.append(f"it took {took:.0f} s to end")
    if status != 0:
        ground.faults.append(f"it ended with status {status}")
    ground.start()
    ground.served(took + 30, "the stop")


ROWS = [Row("stopped with clips waiting", f"SIGTERM with {MANY} clips and more waiting", clips_wait)]
