"""Times, numbers and text that no page would say."""

from __future__ import annotations

import json
import threading
from typing import Any

from bench.harness.page import CLOSED, HandPage
from bench.harness.waiting import comes
from bench.hostile.arena import Arena, Case

DAY_MS = 86_400_000.0
LOG_MB_A_MINUTE = 1.0  # of one student's making
ODD: list[Any] = [
    {"type": "clock", "id": [1], "page_ms": 1},
    {"type": "clock", "id": {"a": 1}, "page_ms": 1},
    {"type": "clock", "id": 10**400, "page_ms": 10**400},
    {"type": "clock", "id": 1, "page_ms": None},
    {"type": "device", "device": ["camera"], "state": {"ok": 1}},
    {"type": "device", "device": "camera", "state": "ok", "reason": {"a": ["b"] * 50}},
    {"type": "read", "id": {"a": "\x00"}},
    {"type": "break", "on": "yes"},
    {"type": "acts", "acts": {"a": 1}},
    {"type": "acts", "acts": [None, 1, "a", [], {"id": "abcdefgh", "kind": "copy", "page_ms": float("nan")}]},
    {"type": "acts", "acts": [{"id": "abcdefgh", "kind": "copy", "page_ms": float("inf")}]},
    {"type": "acts", "acts": [{"id": "abcdefgh", "kind": "copy", "page_ms": -(10**300)}]},
    {"type": ["clock"]},
    ["clock"],
    None,
]
TEXTS = ["\ud800", "a\x00b", "\u202egnp.exe", "\x1b[31mred\x1b[0m", "a\r\nWARNING somebody else's line", "\U000e0001", "x" * 100_000]


def future(arena: Arena, stop: threading.Event) -> None:
    """Acts of a day, a year and thirty years ahead; then the proctor looks."""
    with HandPage(arena.links[0]) as page:
        for days in (1, 365, 365 * 30):
            for number in range(2):
                page.act("paste", page.clock() + days * DAY_MS + number * 1000)
        stop.wait(1)
        _look(arena)
        for path in ("/api/review/queue", "/api/flagged/all", "/api/analytics"):
            arena.timed(path)
        queue = arena.timed("/api/review/queue?state=all&limit=1") or {}
        while queue.get("next_after"):
            queue = arena.timed(f"/api/review/queue?state=all&limit=1&after={queue['next_after']}") or {}
        stop.wait()


def odd(arena: Arena, stop: threading.Event) -> None:
    """Messages of wrong types and numbers; the link must stay open or be closed with a reason."""
    with HandPage(arena.links[0]) as page:
        for message in ODD:
            told = len(page.told("error"))
            try:
                page.send(json.dumps(message))
                page.act()
            except CLOSED:
                page.closed = page.closed or "closed"
            if comes(lambda: page.closed, 0.3) and len(page.told("error")) == told:
                arena.faults.append(f"the link was closed without a word after {json.dumps(message)[:60]}")
            if page.closed:
                page.connect()
        stop.wait()
        if not page.acknowledged(page.act()):
            arena.faults.append("no act was acknowledged after odd messages")


def texts(arena: Arena, stop: threading.Event) -> None:
    """Surrogates, controls and overrides in every text; then each page's own call is made."""
    with HandPage(arena.links[0]) as page:
        for text in TEXTS:
            for message in (
                {"type": "device", "device": "camera", "state": "ok", "reason": text},
                {"type": "device", "device": text, "state": text, "reason": text},
                {"type": "read", "id": text},
                {"type": text},
            ):
                try:
                    page.say(message)
                except CLOSED:
                    page.connect()
            page.act("copy", detail=text)
        stop.wait(3)
        _look(arena)
        arena.timed("/api/health")
        stop.wait()
        details = arena.timed(f"/api/session/{arena.session_ids[0]}/details") or {"checks": []}
        checks, elapsed = details["checks"], arena.status(arena.session_ids[0]).get("elapsed_s", 0.0)
        if not checks or checks[-1]["end"] < elapsed - 5:
            arena.faults.append(f"its check records end at {checks[-1]['end'] if checks else 0:.0f} s of {elapsed:.0f}")
    written = "".join(path.read_text(errors="replace") for path in (arena.server.folder / "logs").glob("*.log"))
    if "\x1b" in written or "\u202e" in written or "\nWARNING somebody" in written:
        arena.faults.append("what a student sent reached the log unescaped")


def logs(arena: Arena, stop: threading.Event) -> None:
    """Ever new errors, from ever new connections: one student must not roll the log away."""
    before, connections = _log_bytes(arena), 0
    while not stop.is_set():
        page = HandPage(arena.links[0])
        try:
            page.connect()
            for number in range(40):
                page.say({"type": "device", "device": f"{connections} {number} {'x' * 30}", "state": "ok"})
        except CLOSED:
            stop.wait(0.2)
        connections += 1
        page.close()
    grown = (_log_bytes(arena) - before) / 2**20
    arena.notes.append(f"{connections} connections, logs grew by {grown:.2f} MB")
    if grown > LOG_MB_A_MINUTE * arena.case.seconds / 60:
        arena.faults.append(f"one student made {grown:.1f} MB of logs in {arena.case.seconds:g} s")


def _log_bytes(arena: Arena) -> int:
    return sum(path.stat().st_size for path in (arena.server.folder / "logs").iterdir())


def _look(arena: Arena) -> None:
    """What a proctor's pages ask for."""
    arena.timed("/api/sessions/active")
    arena.timed(f"/api/session/{arena.session_ids[0]}/details?limit=50")


CASES = [
    Case("act from the future", "acts a day, a year, thirty years ahead", future),
    Case("odd messages", "wrong types, NaN, infinities, huge integers", odd),
    Case("odd texts", "surrogates, controls, overrides in every text", texts),
    Case("logs", "ever new errors", logs),
]
