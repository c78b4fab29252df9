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


HOLES = """
import sys, time
from basics.heap import HeapTrim, settle_heap
settle_heap()
if sys.platform != "linux":
    sys.exit()
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])
before = resident()
pieces = [bytearray(b"x" * 100_000) for _ in range(2000)]
full = resident() - before
pieces = pieces[::10]
trim = HeapTrim(0.05)
trim.start()
for _ in range(200):
    if resident() - before < full / 2:
        break
    time.sleep(0.05)
trim.stop()
print(full, resident() - before)
"""


def test_what_is_free_between_what_is_not_goes_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", HOLES], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    if not done.stdout:
        pytest.skip("reads Linux' own figures")
    full, left = map(int, done.stdout.split())
    assert left < full / 2


PICTURES = """
import sys
from basics.heap import settle_heap
if sys.platform != "linux" or not settle_heap():
    sys.exit()
import resource
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def read():
    picture = bytearray(640 * 480 * 3)
    given = bytearray(320 * 256 * 3 * 4)
read()
before = faults()
for _ in range(100):
    read()
print(faults() - before)
"""


def test_pictures_that_come_and_go_are_not_taken_from_the_system_each_time() -> None:
    done = subprocess.run([sys.executable, "-c", PICTURES], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    if not done.stdout:
        pytest.skip("another C library than glibc")
    assert int(done.stdout) < 100 * 20  # pages; the two have 465


CIRCLES = """
import gc, threading, weakref
from basics.heap import HeapTrim
class Part:
    pass
def circle():
    part, gone = Part(), threading.Event()
    part.whole = part
    weakref.finalize(part, gone.set)
    return gone
there = circle()
trim = HeapTrim(0.05)
trim.start()
ended = circle()
print(ended.wait(30), there.is_set())
trim.stop()
gc.collect()
print(there.is_set())
"""


def test_what_has_ended_and_knows_itself_is_let_go_without_a_look_at_what_was_there_from_the_start() -> None:
    done = subprocess.run([sys.executable, "-c", CIRCLES], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["True", "False", "True"]
