"""The disks that are written to: how much room each has, and for how many hours of exam that is at the present rate."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from basics.texts import _, decimal

log = logging.getLogger(__name__)

LOOK_S = 30.0
PROBE_S = 5.0  # between two tries to write: a disk that takes nothing after an error need not say so
REMEMBERED = 60  # looks, half an hour
LOW_BYTES = 1 << 30  # some ten thousand seconds of clips, and time to act
LOW_HOURS = 3.0  # an exam that begins now and is long
RATE_S = 120.0  # a rate over less than this says little


class Disks:
    """Looks at each folder's disk every half minute, and tries to write there more often, in a thread of its own. `look` is for any thread."""

    def __init__(self, folders: Mapping[str, Path], *, min_free_mb: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`folders` by what they hold."""
        self._folders = dict(folders)
        self._min_free = min_free_mb << 20
        self._clock = clock
        self._looks: dict[str, deque[tuple[float, int]]] = {name: deque(maxlen=REMEMBERED) for name in folders}
        self._unwritable: dict[str, str] = {}  # why nothing can be written
        self._told: dict[str, str] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="disks", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join(5)

    def look(self) -> dict[str, dict[str, Any]]:
        """Look now; return the state of each disk, and log what has changed for the worse."""
        states = {name: self._state(name, folder) for name, folder in self._folders.items()}
        for name, state in states.items():
            if state["state"] != "ok" and self._told.get(name) != state["state"]:
                log.error("the disk of the %s: %s", name, state["reason"])
            self._told[name] = state["state"]
        return states

    def _state(self, name: str, folder: Path) -> dict[str, Any]:
        try:
            present = next(path for path in (folder.resolve(), *folder.resolve().parents) if path.exists())
            free = shutil.disk_usage(present).free
            files = os.statvfs(present) if hasattr(os, "statvfs") else None
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
            return {
                "state": "error",
                "reason": _(
                    "%(folder)s can't be asked for its free space: %(error)s. Mend the disk.",
                    folder=folder,
                    error=getattr(error, "strerror", None) or error,
                ),
            }
        looks = self._looks[name]
        if not looks or self._clock() - looks[-1][0] >= LOOK_S / 2:
            looks.append((self._clock(), free))
        hours = self._hours(looks, free)
        known: dict[str, Any] = {"free_mb": free >> 20, "hours": None if hours is None else round(hours, 1)}
        state, wrong = self._judge(free, hours, files)
        if state != "full" and (problem := self._unwritable.get(name)):
            state, wrong = "error", problem
        return {"state": state, **known} | ({"reason": _("%(wrong)s (%(folder)s).", wrong=wrong, folder=folder)} if wrong else {})

    def _judge(self, free: int, hours: float | None, files: os.statvfs_result | None) -> tuple[str, str]:
        """The state of a disk, and what is wrong with it."""
        left, lasts = free >> 20, decimal(hours or 0, 1)
        wrong = [
            ("full", _("This disk can only be read: mount it for writing, or move the folder"), files is not None and files.f_flag & 1),  # ST_RDONLY
            (
                "full",
                _("No file can be made on this disk: it is out of inodes, delete files"),
                files is not None and files.f_files and not files.f_favail,
            ),
            ("full", _("%(left)s MB are left on this disk: make room now", left=left), free < max(self._min_free, 1 << 20)),
            (
                "low",
                _("%(left)s MB are left on this disk, for %(hours)s hours: make room", left=left, hours=lasts),
                hours is not None and hours < LOW_HOURS,
            ),
            ("low", _("%(left)s MB are left on this disk: make room", left=left), free < LOW_BYTES),
        ]
        return next(((state, said) for state, said, holds in wrong if holds), ("ok", ""))

    def _hours(self, looks: deque[tuple[float, int]], free: int) -> float | None:
        """How long the room above what stays free lasts if it goes on shrinking as in the last half hour; None where it doesn't."""
        begun, before = looks[0]
        seconds = self._clock() - begun
        if seconds < RATE_S or before <= free:
            return None
        return max(0, free - self._min_free) / ((before - free) / seconds) / 3600

    def _run(self) -> None:
        looked_at = -LOOK_S
        while not self._stop.is_set():
            news = self.probe()
            if news or self._clock() - looked_at >= LOOK_S:
                looked_at = self._clock()
                self.look()
            self._stop.wait(PROBE_S)

    def probe(self) -> bool:
        """Try to write to each disk; True where that has changed."""
        before = self._unwritable
        self._unwritable = {name: problem for name, folder in self._folders.items() if (problem := _write_problem(folder))}
        return self._unwritable.keys() != before.keys()


def _write_problem(folder: Path) -> str:
    """Why nothing can be written to a folder; empty where it can, or where the folder is still to be made."""
    if not folder.is_dir():
        return ""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"?")
            file.flush()
    except OSError as error:
        return _("Nothing can be written to this disk (%(error)s): mend it, or move the folder", error=error.strerror)
    return ""
