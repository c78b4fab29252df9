"""What a student's page shows of an exam: where it is, what is watched and kept; of the exam where one is defined, else as the settings say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from basics.signals import SIGNALS
from basics.times import iso_time
from scoring.exam import ExamDefinition
from scoring.session_exam import SessionExam
from settings.settings import Settings
from web.exam_page import ExamPage, Shown

AT_PLATFORM = "platform"  # as `at` in the query of a student's page: the exam is at a learning platform, which starts it once the check has passed


@dataclass(frozen=True, slots=True)
class Surface:
    """`address` is shown as `opens_in` says; empty: the exam has none. `place` is where it is, as EXAM_PLACE has it, or `site`: on a page that has
    the snippet, of one of `sites`.
    """

    address: str
    opens_in: Shown
    place: str
    screen_capture: str
    sites: Sequence[str] = ()

    @property
    def origin_of(self) -> str:
        """The address that the page may show in a frame."""
        return self.address if self.opens_in != "window" else ""

    @property
    def opens_window(self) -> bool:
        """Does the page open a window, from which it must not be cut?"""
        return bool(self.address) and self.opens_in != "frame"


def surface_of(definition: ExamDefinition | None, settings: Settings, pages: ExamPage, portal: str) -> Surface:
    """The surface of an exam, None: of one that nobody defined. `portal` is the site of the student's page."""
    if definition is None:
        return Surface(settings.exam_url, pages.shown_in(portal), settings.exam_place, settings.screen_capture)
    if definition.snippet_origins:  # students come from the exam, which isn't opened once more
        return Surface("", "window", "site", definition.screen_capture, definition.snippet_origins)
    address = definition.address
    shown: Shown = "window" if definition.place == "tab" else pages.shown_in(portal, address, definition.opens_in)
    if address:
        pages.look_at_new(address, definition.opens_in)
    return Surface(address, shown, definition.place, definition.screen_capture)


def watched_by(points: dict[Any, int], where: str) -> list[str]:
    """What a student is told of the signals that count, each sentence once."""
    return list(dict.fromkeys(signal.watched for kind, signal in SIGNALS.items() if signal.where == where and points.get(kind)))


def exam_for_student(exam: SessionExam, *, refusal: dict[str, Any] | None) -> dict[str, Any]:
    """What a student is told of the exam. `refusal`: why it can't be begun now, None: it can."""
    definition, times = exam.definition, exam.times
    shown = definition.model_dump(include={"title", "course", "time_zone", "instructions", "place", "sites", "allowed", "help_contact", "language"})
    return {
        **shown,
        "exam_key": exam.key,
        "opens": iso_time(times.opens) if times.opens else None,
        "closes": iso_time(times.last) if times.last else None,
        "length_s": times.own_s,
        "extra_s": times.extra_s,
        "identity_step": definition.identity_step,
        "room_view": definition.room_view,
        "seb": definition.seb,
        "may_begin": refusal is None,
        "refused": (refusal or {}).get("reason", ""),
    }
