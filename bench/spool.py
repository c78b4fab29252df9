"""What an append to the spool costs, beside the same append to SQLite: `python -m bench.spool [FOLDER]`.

Both promise the same, that records are on the disk when the call returns: ours by one write and one fsync, SQLite by its write-ahead log with
`synchronous=FULL`. They take turns on the same disk in the same minute, in the batches that the write queue makes. What plays back is read
and dropped in the queue's own steps.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from storage.spool import Spool
from storage.write_queue import BATCH_MAX

MAX_BYTES = 4 << 30
SHAPES = ((1, 300, 400), (10, 300, 300), (100, 300, 150), (1000, 300, 60), (20, 20_000, 60))  # records of so many bytes, so many times


class Store(Protocol):
    """What is compared."""

    def append(self, records: Sequence[bytes]) -> None: ...
    def peek(self, max_records: int) -> list[bytes]: ...
    def drop(self, count: int) -> None: ...
    def close(self) -> None: ...


class SqliteSpool:
    """The least that keeps the spool's promises in SQLite. Pages have no checksum there, so each record brings its own."""

    def __init__(self, folder: Path, page_bytes: int) -> None:
        folder.mkdir(parents=True)
        self._connection = sqlite3.connect(folder / "spool.sqlite3", isolation_level=None)
        for pragma in (f"page_size={page_bytes}", "journal_mode=WAL", "synchronous=FULL", "locking_mode=EXCLUSIVE"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("CREATE TABLE records (number INTEGER PRIMARY KEY, checksum INTEGER NOT NULL, data BLOB NOT NULL)")
        self._next = 0
        self._peeked: list[int] = []

    def append(self, records: Sequence[bytes]) -> None:
        rows = [(self._next + place, zlib.crc32(record), record) for place, record in enumerate(records)]
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO records VALUES (?, ?, ?)", rows)
        self._connection.execute("COMMIT")
        self._next += len(records)

    def peek(self, max_records: int) -> list[bytes]:
        rows = self._connection.execute("SELECT number, checksum, data FROM records ORDER BY number LIMIT ?", (max_records,)).fetchall()
        self._peeked = [number for number, _, _ in rows]
        return [data for _, checksum, data in rows if zlib.crc32(data) == checksum]

    def drop(self, count: int) -> None:
        self._connection.execute("DELETE FROM records WHERE number <= ?", (self._peeked[count - 1],))

    def close(self) -> None:
        self._connection.close()


KINDS: dict[str, Callable[[Path], Store]] = {
    "spool": lambda folder: Spool(folder, MAX_BYTES),
    "sqlite, pages of 4 KB": lambda folder: SqliteSpool(folder, 4096),
    "sqlite, pages of 16 KB": lambda folder: SqliteSpool(folder, 16_384),
}


@dataclass(slots=True)
class Costs:
    """Seconds of each append, of a processor in all of them, and of playing all of it back."""

    appends: list[float] = field(default_factory=list)
    processor: float = 0.0
    playback: float = 0.0


def measure(folder: Path, count: int, size: int, times: int) -> dict[str, Costs]:
    """`times` appends of `count` records to each kind, by turns; then all is played back."""
    records = [os.urandom(size) for _ in range(count)]
    stores = {name: make(folder / str(place)) for place, (name, make) in enumerate(KINDS.items())}
    costs = {name: Costs() for name in KINDS}
    for store in stores.values():
        store.append(records)  # the first one makes files
    names = list(KINDS)
    for turn in range(times):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            processor, begun = time.thread_time(), time.perf_counter()
            stores[name].append(records)
            costs[name].appends.append(time.perf_counter() - begun)
            costs[name].processor += time.thread_time() - processor
    for name, store in stores.items():
        begun = time.perf_counter()
        while found := store.peek(BATCH_MAX):
            store.drop(len(found))
        costs[name].playback = time.perf_counter() - begun
        store.close()
    return costs


def report(count: int, size: int, costs: dict[str, Costs]) -> list[str]:
    """A line for each kind: milliseconds, and the median and the mean as shares of the spool's."""
    spool = costs["spool"].appends
    lines = []
    for name, cost in costs.items():
        median, mean = statistics.median(cost.appends), statistics.fmean(cost.appends)
        ratios = f"×{median / statistics.median(spool):.2f} ×{mean / statistics.fmean(spool):.2f}"
        worst = statistics.quantiles(cost.appends, n=20)[-1]
        times = f"median {median * 1e3:7.2f} mean {mean * 1e3:7.2f} p95 {worst * 1e3:7.2f} ms  {ratios}"
        processor = cost.processor / len(cost.appends) * 1e3
        lines.append(f"{count:5d} × {size:6d} bytes  {name:23s} {times}  processor {processor:5.2f} ms  playback {cost.playback * 1e3:7.1f} ms")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description="What an append to the spool costs, beside the same append to SQLite.")
    parser.add_argument("folder", nargs="?", type=Path, help="a folder on the disk to measure; else the one for temporary files")
    folder = parser.parse_args().folder
    for count, size, times in SHAPES:
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            print("\n".join(report(count, size, measure(Path(temporary), count, size, times))), flush=True)


if __name__ == "__main__":
    main()
