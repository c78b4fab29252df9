"""What is different for a student, in words for proctors: now, and from when on where it changed while the exam ran."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from basics.signals import SIGNALS
from basics.texts import _, joined, ngettext
from scoring.accommodations import Accommodation
from scoring.held import history_of


def words_of(accommodation: Accommodation) -> list[str]:
    """A text for each thing that is different."""
    off = [SIGNALS[kind].name for kind, points in accommodation.points.items() if not points and kind in SIGNALS]
    weighed = [(SIGNALS[kind].name, points) for kind, points in accommodation.points.items() if points and kind in SIGNALS]
    words: list[str] = [_("Not counted: %(signals)s", signals=joined(", ", off))] if off else []
    words += [_("%(name)s: %(what)s", name=name, what=ngettext("%(count)s point", "%(count)s points", points)) for name, points in weighed]
    if accommodation.reading_aloud:
        words.append(_("Reading aloud or a screen reader’s voice allowed"))
    if accommodation.extra_percent:
        words.append(_("%(share)s%% extra time", share=f"{accommodation.extra_percent:g}"))
    if accommodation.extra_min:
        words.append(ngettext("%(count)s minute of extra time", "%(count)s minutes of extra time", round(accommodation.extra_min)))
    if accommodation.breaks_allowed:
        minutes = f"{accommodation.break_minutes:g}"
        words.append(
            ngettext("%(count)s break of %(minutes)s min", "%(count)s breaks of %(minutes)s min", accommodation.breaks_allowed, minutes=minutes)
        )
    return words


def accommodation_lines(session: Mapping[str, Any]) -> list[str]:
    """What is different for the student of a stored session, a line each; where it changed in the exam, a line for each time. No note."""
    if not (history := history_of(session)):
        try:
            shown = Accommodation.from_record(session["accommodation"])
        except (KeyError, TypeError):  # none, or one that was damaged
            return []
        return [*words_of(shown), *([_("Set by %(name)s", name=shown.set_by)] if _is_name(shown.set_by) else [])]
    lines: list[str] = []
    for held in history:
        words = joined(", ", words_of(held.accommodation)) if held.accommodation else _("nothing different")
        line = _("From %(time)s: %(what)s", time=_spelt(held.at), what=words or _("nothing different"))
        lines.append(_("%(what)s (set by %(name)s)", what=line, name=held.by) if _is_name(held.by) else line)
    return lines


def _is_name(by: str | None) -> bool:
    return bool(by) and by != "proctor"  # as calls have it where nobody gave a name; no person may be called so


def _spelt(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def shown_accommodations(session: Mapping[str, Any]) -> dict[str, Any]:
    """A session's accommodations as they are answered: never with the note, which an older version kept there, too."""
    stored = session.get("accommodations")
    held = [
        {**one, "accommodation": _noteless(one.get("accommodation"))}
        for one in (stored if isinstance(stored, list) else ())
        if isinstance(one, Mapping)
    ]
    return {"accommodation": _noteless(session.get("accommodation")), "accommodations": held}


def has_note(session: Mapping[str, Any]) -> bool:
    """Has the stored session a note of an accommodation, as an older version kept it?"""
    applied = session.get("accommodation")
    return isinstance(applied, Mapping) and bool(applied.get("note"))


def _noteless(applied: Any) -> dict[str, Any] | None:
    return {name: value for name, value in applied.items() if name != "note"} if isinstance(applied, Mapping) else None
