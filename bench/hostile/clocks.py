"""A student who outwits the clock or the camera: it costs nobody else anything, and it must be seen at that session."""

from __future__ import annotations

import math
import threading
import time

from bench.harness.drawn import drawn_footage
from bench.harness.page import HandPage
from bench.harness.student import page_ms
from bench.hostile.arena import Arena, Case

FPS = 5
HOUR_MS = 3_600_000.0
ACT_S = 15.0  # the farthest that an act of now may lie from now on the session's clock


class Moved:
    """A page's clock that can be stopped, slowed and moved."""

    def __init__(self, rate: float = 1.0) -> None:
        self.rate = rate
        self.ahead_ms = 0.0
        self._begun = page_ms()

    def __call__(self) -> float:
        return self._begun + (page_ms() - self._begun) * self.rate + self.ahead_ms


def _play(page: HandPage, stop: threading.Event, seconds: float, laps: int = 0, *, sound: bool = True) -> None:
    """Send drawn pictures and a quiet room for so long; `laps`: that many pictures only, again and again."""
    footage = drawn_footage(5)
    frames, sounds = footage.frames[: laps or None], footage.sounds
    until, number = time.monotonic() + seconds, 0
    while time.monotonic() < until and not stop.wait(1 / FPS):
        page.picture(frames[number % len(frames)].data)
        if sound:
            page.sound(sounds[number % len(sounds)].samples)
        number += 1


def a_millisecond_apart(arena: Arena, stop: threading.Event) -> None:
    """Live pictures whose times hardly advance: none is ever due to be read."""
    clock = Moved()
    with HandPage(arena.links[0], clock) as page:
        _play(page, stop, 2)
        clock.rate, clock._begun = 0.005, clock()
        _play(page, stop, arena.case.seconds)


def not_a_number(arena: Arena, stop: threading.Event) -> None:
    """A clock that answers NaN once the page is in."""
    page = HandPage(arena.links[0])
    with page:
        page.clock = lambda: math.nan
        _play(page, stop, arena.case.seconds)


def _stepped(arena: Arena, stop: threading.Event, step_ms: float) -> None:
    clock = Moved()
    with HandPage(arena.links[0], clock) as page:
        _play(page, stop, 3)
        clock.ahead_ms = step_ms
        began = float(arena.status(arena.session_ids[0])["elapsed_s"])
        acts = []
        for _ in range(4):
            acts.append(page.act())
            _play(page, stop, 2)
        if not all(page.acknowledged(act) for act in acts):
            arena.faults.append("acts after the step were not acknowledged")
        details = arena.timed(f"/api/session/{arena.session_ids[0]}/details") or {"intervals": []}
        found = [one for interval in details["intervals"] for one in interval["violations"] if one["kind"] == "copy_paste"]
        count, far = sum(one["occurrences"] for one in found), [one["start"] for one in found if abs(one["start"] - began) > ACT_S]
        if count != len(acts) or far:
            arena.faults.append(f"of {len(acts)} acts {count} are counted, at {[one['start'] for one in found]} s; they were done at {began:.0f} s")
        _play(page, stop, arena.case.seconds)


def hour_on(arena: Arena, stop: threading.Event) -> None:
    """The page's clock steps an hour on, as after NTP."""
    _stepped(arena, stop, HOUR_MS)


def hour_back(arena: Arena, stop: threading.Event) -> None:
    """The page's clock steps an hour back."""
    _stepped(arena, stop, -HOUR_MS)


def loop(arena: Arena, stop: threading.Event) -> None:
    """The same three seconds of pictures, again and again."""
    with HandPage(arena.links[0]) as page:
        _play(page, stop, arena.case.seconds, laps=12)


def no_still(arena: Arena, stop: threading.Event) -> None:
    """Says that the screen is shared, and sends none of it."""
    with HandPage(arena.links[0]) as page:
        page.say({"type": "device", "device": "screen", "state": "ok", "reason": ""})
        _play(page, stop, arena.case.seconds)


def no_sound(arena: Arena, stop: threading.Event) -> None:
    """Says that the microphone is well, and sends no sound."""
    with HandPage(arena.links[0]) as page:
        page.say({"type": "device", "device": "microphone", "state": "ok", "reason": ""})
        _play(page, stop, arena.case.seconds, sound=False)


def two_clients(arena: Arena, stop: threading.Event) -> None:
    """Two clients with one token, which put each other out again and again."""
    pages = [HandPage(arena.links[0]), HandPage(arena.links[0])]
    while not stop.is_set():
        for page in pages:
            page.connect()
            _play(page, stop, 1.5)
    for page in pages:
        page.close()


CASES = [
    Case("1 ms apart", "live pictures whose times hardly advance", a_millisecond_apart, shown=True, seconds=15),
    Case("no number", "a clock that answers NaN", not_a_number, shown=True, seconds=15),
    Case("an hour on", "the page's clock steps +1 h", hour_on, seconds=20),
    Case("an hour back", "the page's clock steps -1 h", hour_back, seconds=20),
    Case("loop", "the same 3 s of pictures again and again", loop, shown=True, seconds=30),
    Case("no still", "the screen is said to be shared", no_still, shown=True, seconds=70, settings={"SCREEN_CAPTURE": "required"}),
    Case("no sound", "the microphone is said to be well", no_sound, shown=True, seconds=15),
    Case("two clients", "one token, two clients", two_clients, shown=True, seconds=15),
]
