"""What a server that was killed may leave behind: its worker, which still holds the port and the folders. The next start ends it.

gunicorn's worker is a process of its own. It ends by itself when its master is gone, but a start at once afterwards need not wait for that.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from pathlib import Path

import psutil

log = logging.getLogger(__name__)

NAME = "server.json"  # in DATA_DIR
END_S = 6.0  # for a clean end; what is acknowledged is safe without one


def note_worker(data_dir: Path) -> None:
    """Write down which processes serve: this one, and its master."""
    worker = psutil.Process()
    entries = {"worker": _sign(worker), "master": _sign(psutil.Process(worker.ppid()))}
    with contextlib.suppress(OSError):  # a full disk: the folder's lock and the port are still looked at
        data_dir.mkdir(parents=True, exist_ok=True)
        partial = data_dir / f"{NAME}.part"
        partial.write_text(json.dumps(entries))
        partial.replace(data_dir / NAME)


def end_leftovers(data_dir: Path) -> None:
    """End the worker of a server of this folder whose master is gone. One whose master lives is another's business, and is left alone."""
    try:
        entries = json.loads((data_dir / NAME).read_text())
        worker, master = _found(entries["worker"]), _found(entries["master"])
    except (OSError, ValueError, KeyError, TypeError):
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


def _sign(process: psutil.Process) -> dict[str, float]:
    """What tells a process from a later one with the same pid."""
    return {"pid": process.pid, "begun": process.create_time()}


def _found(entry: dict[str, float]) -> psutil.Process | None:
    """The process itself, if it still runs."""
    try:
        process = psutil.Process(int(entry["pid"]))
        same = abs(process.create_time() - float(entry["begun"])) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OverflowError):
        return None
    return process if same else None
