"""The settings that proctors are shown, by subject, each with a name in words and its unit; a new one is one line here."""

from __future__ import annotations

from collections.abc import Mapping

from basics.signals import SIGNALS
from basics.texts import _, decimal
from settings.settings import Settings
from web.languages import said

_POINTS = {f"points_{kind}": (signal.name, "") for kind, signal in SIGNALS.items()}

SHOWN_SETTINGS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    _("Points"): _POINTS,
    _("When something counts"): {
        "flag_threshold": (_("Points that make a flag"), ""),
        "interval_duration": (_("Length of an interval"), _("s")),
        "gaze_min_s": (_("Looking away counts from"), _("s")),
        "absent_min_s": (_("Nobody in view counts from"), _("s")),
        "persons_min_s": (_("Several people count from"), _("s")),
        "speech_min_s": (_("Speech counts from"), _("s")),
        "voices_min_s": (_("Several voices count from"), _("s")),
        "blink_max_s": (_("Longest blink"), _("s")),
        "eyes_closed_s": (_("Eyes that look shut are no blink from"), _("s")),
        "blur_min_s": (_("Another window beside the exam counts from"), _("s")),
        "high_risk_flags": (_("Flags that make a session high risk"), ""),
        "check_interval": (_("A record of what was read is kept every"), _("s")),
    },
    _("Pictures and clips"): {
        "video_fps": (_("Pictures taken a second"), ""),
        "gaze_fps": (_("Pictures read a second for where the student looks"), ""),
        "gaze_calm_fps": (_("Pictures read a second while nothing happens"), ""),
        "face_interval_s": (_("A look for people and phones every"), _("s")),
        "face_calm_interval_s": (_("A look for people and phones while nothing moves every"), _("s")),
        "frozen_s": (_("A picture counts as frozen after"), _("s")),
        "clip_preroll_s": (_("A clip begins before its interval by"), _("s")),
        "clip_postroll_s": (_("A clip ends after its interval by"), _("s")),
    },
    _("Sessions"): {
        "max_sessions": (_("Most sessions at once"), ""),
        "default_source": (_("Where a session is watched unless it is said"), ""),
        "resume_s": (_("After a restart a student’s page may come back within"), _("s")),
        "abandoned_s": (_("A session ends when its page has been away for"), _("s")),
        "report_link_days": (_("A link to a student’s own report is good for"), _("days")),
        "answer_days": (_("A finding waits for a student’s answers for"), _("days")),
        "new_look_days": (_("A student may ask for a new look for"), _("days")),
        "portal_open": (_("Students may begin by their ID alone"), ""),
        "screen_capture": (_("The screen is shared"), ""),
        "exam_url": (_("Address of the exam itself"), ""),
        "exam_opens": (_("How the exam itself opens"), ""),
        "exam_place": (_("Where the exam is"), ""),
        "exam_without_link_min": (_("Minutes the exam stays in view without a connection (-1: always)"), ""),
    },
    _("How long things are kept"): {
        "keep_days": (_("A session is kept after its end for"), _("days")),
        "keep_clips_dismissed_days": (_("Clips of dismissed flags (0: as long as the session)"), _("days")),
        "keep_clips_confirmed_days": (_("Clips of confirmed flags (0: as long as the session)"), _("days")),
        "keep_clips_open_days": (_("Clips of flags without a decision (0: as long as the session)"), _("days")),
        "keep_readings_days": (_("Readings (0: as long as the session)"), _("days")),
        "keep_identity_days": (_("Pictures of identity (0: as long as the session)"), _("days")),
        "keep_absences_days": (_("Pictures of before and after an absence (0: as long as the session)"), _("days")),
        "keep_stills_days": (_("Pictures out of clips (0: as long as the session)"), _("days")),
        "keep_audit_days": (_("The audit (0: until somebody deletes it)"), _("days")),
    },
}


def settings_in_force(settings: Settings) -> list[tuple[str, list[tuple[str, str, str, str, str]]]]:
    """The settings that a proctor should know, by subject: in words, name, value, unit, what it means. No addresses, folders or secrets."""
    described = type(settings).model_fields
    in_force: dict[str, object] = {"portal_open": settings.is_portal_open, **{f"points_{kind}": points for kind, points in settings.points().items()}}
    return [
        (
            said(title),
            [
                (
                    said(words),
                    name.upper(),
                    _said(in_force.get(name, getattr(settings, name))),
                    said(unit),
                    said(_(str(described[name].description or ""))),
                )
                for name, (words, unit) in names.items()
                if name in described
            ],
        )
        for title, names in SHOWN_SETTINGS.items()
    ]


def _said(value: object) -> str:
    if isinstance(value, bool):
        return str(said(_("on") if value else _("off")))
    return str(said(decimal(value))) if isinstance(value, float) else str(value) or "–"
