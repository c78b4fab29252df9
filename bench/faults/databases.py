"""Databases that stop answering, go away for a minute, or lose their primary."""

from __future__ import annotations

import threading
import time

from bench.faults.ground import Ground
from bench.faults.row import Row
from bench.harness.stored import Mongods, mongod_of
from bench.harness.waiting import comes

FROZEN_S = 20.0
AWAY_S = 60.0
SET_OF = 3


def frozen(ground: Ground) -> None:
    """The embedded mongod takes connections and says nothing, as when its disk hangs."""
    ground.begin()
    ground.rest()
    process = mongod_of(ground.server)
    ground.hit()
    process.suspend()
    try:
        ground.served(FROZEN_S, "mongod was stopped")
        threading.Event().wait(max(0.0, FROZEN_S - (time.monotonic() - (ground.hit_at or 0.0))))
    finally:
        process.resume()


def external_away(ground: Ground) -> None:
    """A database of the operator's own is restarted, and takes a minute for it."""
    mongods = ground.closing.enter_context(Mongods(ground.folder / "external"))
    ground.begin({"MONGO_URI": mongods.uri})
    ground.rest()
    (port,) = mongods.ports
    ground.hit()
    mongods.stop(port)
    ground.served(AWAY_S, "the database went away")
    threading.Event().wait(max(0.0, AWAY_S - (time.monotonic() - (ground.hit_at or 0.0))))
    mongods.start(port)
    if not comes(lambda: mongods.primary() is not None, 30):
        ground.faults.append("the external mongod did not become primary again")


def primary_killed(ground: Ground) -> None:
    """A set of three, whose primary is killed; the others elect another."""
    mongods = ground.closing.enter_context(Mongods(ground.folder / "set", SET_OF))
    ground.begin({"MONGO_URI": mongods.uri})
    for _ in range(min(ground.rounds, 3)):
        ground.rest()
        port = mongods.primary()
        assert port is not None
        ground.hit()
        mongods.stop(port, kill=True)
        ground.served(30, "the primary was killed")
        if not comes(lambda: mongods.primary() is not None, 30):
            ground.faults.append("no other member became primary")
        mongods.start(port)


ROWS = [
    Row("mongod stopped", f"SIGSTOP of the embedded mongod for {FROZEN_S:g} s", frozen, health="database", wall="database"),
    Row("database away", f"an external mongod away for {AWAY_S:g} s", external_away, health="database", wall="database"),
    Row("primary killed", f"a set of {SET_OF}, its primary killed", primary_killed),
]
