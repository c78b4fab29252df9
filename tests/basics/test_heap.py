"""The heap that threads share. It is the C library's own, in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from basics.heap import ARENAS
from basics.paths import ROOT

SHARE = """
import ctypes, threading
from basics.heap import settle_heap
settled = settle_heap()
libc = ctypes.CDLL(None)
gate = threading.Barrier(12)
def session():
    mine = []
    gate.wait()
    for _ in range(300):
        mine.append(bytearray(b"x" * 20_000))
    gate.wait()
threads = [threading.Thread(target=session) for _ in range(12)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
if settled:
    out = ctypes.c_void_p.in_dll(libc, "stdout")
    libc.malloc_info(0, out)
    libc.fflush(out)
"""


def test_many_threads_share_few_arenas() -> None:
    done = subprocess.run([sys.executable, "-c", SHARE], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    if not done.stdout:
        pytest.skip("another C library than glibc")
    assert len(re.findall("<heap nr=", done.stdout)) <= ARENAS
