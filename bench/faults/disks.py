"""Disks that are full, read-only or out of inodes, each of those that the server writes to."""

from __future__ import annotations

import functools
import os
import threading
from dataclasses import dataclass

from bench.faults.ground import Ground
from bench.faults.mounts import SmallDisk
from bench.faults.row import LeftOut, Row

WHY_NOT: list[str] = []  # why this machine has no file systems for us; filled before the first row


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that the server writes to, the room of its small disk, and how long it is out of order: clips are tried again for 26 s."""

    name: str
    folder: str
    megabytes: int
    lasts_s: float


KEEPS_FREE_MB = 4  # small disks have not the 256 MB that stay free by default

PLACES = [
    Place("data", "data", 700, 20),
    Place("temp", "temp", 48, 40),
    Place("clips", "flagged_videos", 48, 40),
    Place("logs", "logs", 24, 25),
]
WHAT = {"full": "full", "read-only": "read-only", "no inodes": "out of inodes"}
TOLD = {"data": "disk|database|storage", "temp": "disk|recorder|clip", "clips": "disk|recorder|clip", "logs": "disk|log"}


def out_of_order(place: Place, what: str, ground: Ground) -> None:
    """The disk of `place` is `what` for a while, and well again."""
    if os.geteuid() != 0 or WHY_NOT:
        raise LeftOut(WHY_NOT[0] if WHY_NOT else "file systems of its own need root")
    disk = ground.closing.enter_context(SmallDisk(ground.folder / place.folder, place.megabytes))
    ground.begin({"MIN_FREE_MB": str(KEEPS_FREE_MB)})
    ground.rest()
    made = {"full": disk.full, "read-only": disk.read_only, "no inodes": disk.without_inodes}[what]()
    ground.hit()
    with made:
        threading.Event().wait(place.lasts_s)
        if what == "read-only" and place.name in {"data", "logs"}:
            ground.server.stop()  # as an operator does, who mends the disk and starts again: what is open stays read-only
    if ground.server.process is not None and ground.server.process.poll() is not None:
        ground.start()
    ground.hit()
    ground.served(60, f"the disk of {place.folder} was well again")


ROWS = [
    Row(
        f"{place.name} {what}",
        f"the disk of {place.folder} {words} for {place.lasts_s:g} s",
        functools.partial(out_of_order, place, what),
        health=TOLD[place.name],
        wall=TOLD[place.name],
    )
    for place in PLACES
    for what, words in WHAT.items()
]
