"""How the reading of all sessions goes, for whoever runs the server: never well while less than half of what is wanted is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
