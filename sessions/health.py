"""How the reading of all sessions goes, for whoever runs the server: never well while less than half of what is wanted is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from basics.figures import Figure
from basics.texts import decimal, ngettext
from sessions.models import Models
from sessions.session import ExamSession


def models_health(models: Models) -> dict[str, Any]:
    """Which models there are."""
    loaded = models.loaded.is_set()
    state = "failed" if models.failed else "loading" if not loaded else "limited" if models.notes else "ok"
    return {
        "state": state,
        "notes": list(models.notes),
        "persons": models.persons.backend if models.persons else None,
        "sound": models.audio is not None,
    }


def reading_figures(sessions: Sequence[ExamSession], wanted: float) -> list[Figure]:
    """How often the pictures of these sessions are read, and for how long the longest waiting one has."""
    standings = [standing for session in sessions if (standing := session.watch_over.reading_rate()) is not None]
    waits = max((session.picture_waits() or 0.0 for session in sessions), default=0.0)
    return [
        Figure("readings_wanted_per_second", "Readings a second that are wanted, of all sessions whose pictures come.", wanted * len(standings)),
        Figure("readings_reached_per_second", "Readings a second that are reached, of all sessions.", sum(rate for rate, _behind in standings)),
        Figure("sessions_behind", "Sessions that are read less than half as often as wanted.", sum(behind for _rate, behind in standings)),
        Figure("picture_wait_seconds", "For how long the picture that waits longest to be read has been due.", waits),
    ]


def analysis_health(sessions: Sequence[ExamSession], wanted: float, workers: int, pictures_a_second: float | None = None) -> dict[str, Any]:
    """How often the pictures of these sessions are read; `behind` counts those that are read too seldom, or not at all, though pictures come.

    `in_full` is how many exams could be read as often as wanted by what a reading takes of late: None while that is not known.
    """
    read: list[float] = []  # a second
    behind: list[float] = []
    for session in sessions:
        standing = session.watch_over.reading_rate()
        if standing is None:
            continue
        rate, is_behind = standing
        read.append(rate)
        if is_behind:
            behind.append(rate)
    reason = ""
    if behind:
        least, fps = decimal(min(behind), 1), decimal(wanted)
        reason = ngettext(
            "%(count)s of %(all)s exams is read less than half as often as wanted: %(least)s of %(wanted)s times a second at the least.",
            "%(count)s of %(all)s exams are read less than half as often as wanted: %(least)s of %(wanted)s times a second at the least.",
            len(behind),
            all=len(sessions),
            least=least,
            wanted=fps,
        )
    return {
        "state": "degraded" if behind else "ok",
        "reason": reason,
        "workers": workers,
        "gaze_fps_wanted": wanted,
        "gaze_fps_least": min(read, default=None),
        "behind": len(behind),
        "in_full": None if pictures_a_second is None else int(pictures_a_second / wanted),
    }
