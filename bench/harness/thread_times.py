"""Which threads of a server that a bench has started take the processor's time, by name. Linux only; the product itself has nothing for it.

Before Python 3.14 the system does not know the names of Python's threads: `environment` gives the server's process a `sitecustomize` that tells it.
The threads that a library starts have the name of the one that started them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

PR_SET_NAME = 15  # linux/prctl.h
NAME_BYTES = 15
EVERY_S = 2.0  # a thread that begins and ends between two looks is counted under `ended`
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def environment(folder: Path, root: Path) -> dict[str, str]:
    """What a server must be started with for its threads to be named."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text("import bench.harness.thread_times\n\nbench.harness.thread_times.install()\n")
    return {"PYTHONPATH": f"{folder}{os.pathsep}{root}"}


def install() -> None:
    """Name each of Python's threads as it begins. Called in the server's process, before it loads anything."""
    try:
        prctl: Callable[..., int] = ctypes.CDLL(None).prctl
    except (OSError, AttributeError):  # no Linux
        return
    begin: Callable[[Any], None] = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]

    def named(thread: threading.Thread) -> None:
        prctl(PR_SET_NAME, thread.name.encode()[:NAME_BYTES], 0, 0, 0)
        begin(thread)

    threading.Thread._bootstrap_inner = named  # type: ignore[attr-defined]


def kind(name: str) -> str:
    """What a thread is for: its name without its number."""
    return re.sub(r"[\s_./:-]*\d*$", "", name) or name


class ThreadTimes:
    """Looks at the threads of processes now and then, and adds up what each took between `start` and `stop`."""

    def __init__(self, processes: Callable[[], Iterable[int]]) -> None:
        self._processes = processes
        self._first: dict[tuple[int, int, int], float] = {}
        self._last: dict[tuple[int, int, int], tuple[str, float]] = {}
        self._begun: dict[int, float] = {}
        self._ended: dict[int, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="thread-times", daemon=True)

    def start(self) -> None:
        """Begin to count."""
        self._look()
        self._thread.start()

    def stop(self) -> dict[str, float]:
        """Seconds of processor time by what threads are for, the greatest first."""
        self._stopping.set()
        self._thread.join()
        self._look()
        times: Counter[str] = Counter()
        for key, (name, spent) in self._last.items():
            times[kind(name)] += spent - self._first.get(key, 0.0)  # type: ignore[assignment]
        whole = sum(self._ended[pid] - self._begun.get(pid, 0.0) for pid in self._ended)
        times["ended"] = max(0.0, whole - sum(times.values()))  # type: ignore[assignment]
        return {name: round(float(spent), 3) for name, spent in times.most_common() if spent > 0}

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            self._look()

    def _look(self) -> None:
        first = not self._begun
        for pid in self._processes():
            with contextlib.suppress(OSError, ValueError):  # it ended meanwhile
                _, spent, _ = _stat(Path(f"/proc/{pid}/stat"))
                if first:
                    self._begun[pid] = spent
                self._ended[pid] = spent
            for task in _tasks(pid):
                with contextlib.suppress(OSError, ValueError):
                    name, spent, began = _stat(task / "stat")
                    key = (pid, int(task.name), began)
                    if first:
                        self._first[key] = spent
                    self._last[key] = (name, spent)


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []


def _stat(path: Path) -> tuple[str, float, int]:
    """Name, seconds of processor time, and when it began in ticks, of a process or a thread (proc(5))."""
    text = path.read_text()
    name = text[text.index("(") + 1 : text.rindex(")")]
    fields = text[text.rindex(")") + 2 :].split()
    return name, (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND, int(fields[19])
