"""What fails of the reading, how often and since when: an exam goes on without it, and whoever runs the server is told."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from basics.texts import _, joined, ngettext
from basics.times import iso_time, utc_now

log = logging.getLogger(__name__)

Part = Literal["pictures", "gaze", "persons", "sound", "scoring"]
NAMES: dict[str, str] = {
    "pictures": _("Decoding pictures"),
    "gaze": _("Reading where students look"),
    "persons": _("Looking for people"),
    "sound": _("Reading sound"),
    "scoring": _("Scoring what was read"),
}
OVER_S = 60.0  # without a failure for so long a part is well again
LOG_AGAIN_S = 60.0  # a cause that is known is logged this often: a part may fail at every picture
CAUSE_MAX = 200  # characters


@dataclass(slots=True)
class _Spell:
    """A part that fails: since when, how often, and why the last time."""

    since: datetime
    last: datetime
    last_at: float
    count: int = 0
    cause: str = ""


class Failures:
    """The failures of all sessions. Safe between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._spells: dict[str, _Spell] = {}
        self._logged: dict[str, tuple[str, float]] = {}  # by part and session: the cause, and when it was logged
        self._lock = threading.Lock()

    def note(self, part: Part, error: Exception, session_id: str) -> None:
        """Count a failure, and log it where its cause is news."""
        now, wall = self._clock(), utc_now()
        cause = f"{type(error).__name__}: {error}"[:CAUSE_MAX]
        with self._lock:
            spell = self._spells.get(part)
            if spell is None or now - spell.last_at > OVER_S:
                spell = self._spells[part] = _Spell(wall, wall, now)
            spell.last, spell.last_at, spell.cause = wall, now, cause
            spell.count += 1
            key = f"{part} {session_id}"
            before, logged_at = self._logged.get(key, ("", now))
            known = before == cause and now - logged_at < LOG_AGAIN_S
            if not known:
                self._logged[key] = cause, now
        if not known:
            log.error("detector failed, its readings are unknown: %s: %s", part, cause, exc_info=error, extra={"session_id": session_id})

    def forget(self, session_id: str) -> None:
        """The session is over."""
        with self._lock:
            self._logged = {key: value for key, value in self._logged.items() if not key.endswith(f" {session_id}")}

    def health(self) -> dict[str, Any]:
        """For `/api/health`: which parts fail now, how often, since when and why."""
        now = self._clock()
        with self._lock:
            failing = {part: spell for part, spell in self._spells.items() if now - spell.last_at <= OVER_S}
            told = {
                part: {"count": spell.count, "since": iso_time(spell.since), "last": iso_time(spell.last), "cause": spell.cause}
                for part, spell in failing.items()
            }
            words = [_words(NAMES[part], spell) for part, spell in failing.items()]
        return {"state": "degraded" if told else "ok", "reason": joined(" ", words), "failing": told}


def _words(work: str, spell: _Spell) -> str:
    since = f"{spell.since:%H:%M:%S}"
    return ngettext(
        "%(work)s failed %(count)s times since %(since)s UTC (%(cause)s).",
        "%(work)s failed %(count)s times since %(since)s UTC (%(cause)s).",
        spell.count,
        work=work,
        since=since,
        cause=spell.cause,
    )
