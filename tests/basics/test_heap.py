"""Free memory goes back to the system where there is much of it, and only then. What many threads left behind is real, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from basics.heap import GROWN_BYTES, Heap, glibc_trim
from basics.paths import ROOT

LEFT_BEHIND = """
import threading
from basics.heap import Heap, glibc_trim, used_bytes
rows = []
def session():
    rows.append([bytearray(b"x" * 9000) for _ in range(1500)])
threads = [threading.Thread(target=session) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
rows[:] = [row[::50] for row in rows]
before = used_bytes()
Heap().look(glibc_trim(), used_bytes)
print((before - used_bytes()) >> 20)
"""


@pytest.mark.skipif(glibc_trim() is None, reason="another C library than glibc")
def test_what_threads_have_left_behind_goes_back() -> None:
    done = subprocess.run([sys.executable, "-c", LEFT_BEHIND], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert int(done.stdout) > 50  # of the 103 MB that were freed


def test_only_a_process_that_has_grown_is_trimmed() -> None:
    heap, trimmed = Heap(), list[int]()
    used = [GROWN_BYTES * 4]

    def trim(pad: int) -> int:
        trimmed.append(pad)
        used[0] -= GROWN_BYTES // 2
        return 1

    for more in (0, GROWN_BYTES - 1, 1, GROWN_BYTES // 2):
        used[0] += more
        heap.look(trim, lambda: used[0])
    assert len(trimmed) == 2
