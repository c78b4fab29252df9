"""Handing out pictures: a viewer whose line takes less than it asked for sees all of its sessions, each less often."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from flask import Flask

from web.access import Access
from web.live import Live, _Watch
from web_helpers import settings_for

SESSIONS = [f"{number:032x}" for number in range(30)]
ROOM = 10  # pictures that the line takes in each round


class Narrow(Live):
    """A viewer's line that takes ten pictures in a round, and then no more: the round trip of a slow network can't be made here."""

    room = 0

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.sent: Counter[str] = Counter()

    def _send_session(self, session_id: str, watches: dict[str, _Watch], now: float) -> None:
        for watch in watches.values():
            if self.room:
                self.room -= 1
                watch.sent_at = now
                self.sent[session_id] += 1


def test_a_narrow_line_starves_no_session(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    live = Narrow(Flask("live"), Access(settings), async_mode="threading", fps=10)
    live._watchers = {session_id: {"viewer": _Watch("binary", 1.0)} for session_id in SESSIONS}
    for _ in range(30):
        live.room = ROOM
        live._dirty = set(SESSIONS)
        live._hand_out_pictures()
    assert [live.sent[session_id] for session_id in SESSIONS] == [10] * len(SESSIONS)
