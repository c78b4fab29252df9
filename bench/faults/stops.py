"""The server is told to end while it has something to do."""

from __future__ import annotations

import time

from basics.paths import ROOT
from bench.faults.ground import STUDENTS, Ground
from bench.faults.hooks import environment
from bench.faults.reading import clips_pending
from bench.faults.row import Row
from bench.harness.waiting import comes

MANY = 8
CLIP_S = 4.0  # what each clip takes meanwhile, as on a machine that has no time for them
STOPPED_S = 60.0


def clips_wait(ground: Ground) -> None:
    """SIGTERM while more clips wait than can be made before the end: they must be there after the next start."""
    folder = ground.folder / "hooks"
    ground.begin(environment(folder, ROOT), STUDENTS + MANY)
    slow = folder / "encoder"
    slow.write_text(f"sleep {CLIP_S:g}")
    comes(lambda: clips_pending(ground.server) >= MANY * 2, 40, 0.1)
    waiting = clips_pending(ground.server)
    ground.hit()
    status = ground.server.stop()
    took = time.monotonic() - (ground.hit_at or 0.0)
    slow.unlink()
    ground.notes.append(f"told to end with {waiting} clips pending: it ended with {status} after {took:.1f} s")
    if took > STOPPED_S:
        ground.faults.append(f"it took {took:.0f} s to end")
    if status != 0:
        ground.faults.append(f"it ended with status {status}")
    ground.start()
    ground.served(took + 30, "the stop")


ROWS = [Row("stopped with clips waiting", f"SIGTERM while {MANY * 2} clips wait, each of which takes {CLIP_S:g} s", clips_wait)]
