"""What a server that was killed may leave behind: its worker, which still holds the port and the folders. The next start ends it.

gunicorn's worker is a process of its own. It ends by itself when its master is gone, but a start at once afterwards need not wait for that.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from pathlib import Path
from typing import Any

import psutil

log = logging.getLogger(__name__)

NAME = "server.json"  # in DATA_DIR
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
END_S = 6.0  # for a clean end; what is acknowledged is safe without one


def note_worker(data_dir: Path) -> None:
    """Write down which processes serve: this one, and its master."""
    # A full disk, or a system that tells nothing of processes: the folder's lock and the port are still looked at.
    with contextlib.suppress(psutil.Error, OSError, RuntimeError, ValueError):
        worker = psutil.Process()
        entries = {"worker": _sign(worker), "master": _sign(psutil.Process(worker.ppid()))}
        data_dir.mkdir(parents=True, exist_ok=True)
        partial = data_dir / f"{NAME}.part"
        partial.write_text(json.dumps(entries))
        partial.replace(data_dir / NAME)


def end_leftovers(data_dir: Path) -> None:
    """End the worker of a server of this folder whose master is gone. One whose master lives is another's business, and is left alone."""
    try:
        entries = json.loads((data_dir / NAME).read_text())
        worker, master = _found(entries["worker"]), _found(entries["master"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return
    if worker is None or master is not None or worker.pid == os.getpid():
        return
    print(f"Ending process {worker.pid}, left by a server that was killed.", flush=True)
    with contextlib.suppress(psutil.Error):  # gone, or another account's: then the port or the folder's lock says so
        worker.terminate()
        try:
            worker.wait(END_S)
        except psutil.TimeoutExpired:
            worker.kill()
            worker.wait(END_S)


def _sign(process: psutil.Process) -> dict[str, float | str]:
    """What tells a process from a later one with the same pid, whatever happens to the wall clock, with which psutil's time moves."""
    boot = _boot()
    begun = _ticks(process.pid) if boot else process.create_time()
    return {"pid": process.pid, "begun": begun, "boot": boot}


def _found(entry: dict[str, Any]) -> psutil.Process | None:
    """The process itself, if it still runs."""
    try:
        process = psutil.Process(int(entry["pid"]))
        if entry.get("boot"):
            same = entry["boot"] == _boot() and _ticks(process.pid) == entry["begun"]
        else:
            same = abs(process.create_time() - float(entry["begun"])) < 1
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (psutil.Error, OSError, RuntimeError, OverflowError):
        return None


def _boot() -> str:
    """Which start of the machine this is; empty where the system does not tell (other than Linux)."""
    try:
        return BOOT_ID.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""


def _ticks(pid: int) -> int:
    """When a process began, in clock ticks since the machine's start. Raise `OSError` where there is none."""
    told = Path(f"/proc/{pid}/stat").read_bytes()
    return int(told.rpartition(b")")[2].split()[19])  # the name before it may hold anything
