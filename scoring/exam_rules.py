"""The rules of an exam's sessions: the server's own, changed by the exam's preset, by its numbers, and by what it allows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from basics.signals import ViolationKind
from scoring.exam import Allowed, ExamDefinition, Limit, Preset
from scoring.rules import Rules


@dataclass(frozen=True, slots=True)
class PresetRules:
    """What a preset changes of the server's own rules, and what it allows at first."""

    allowed: Allowed = field(default_factory=Allowed)
    points: Mapping[ViolationKind, int] = field(default_factory=dict)
    limits: Mapping[Limit, float] = field(default_factory=dict)


PRESETS: Mapping[Preset, PresetRules] = MappingProxyType(
    {
        "standard": PresetRules(),
        # Books and pages lie anywhere: eyes that go to them, and the student who does, are as they should be.
        "open_book": PresetRules(Allowed(notes_on_paper=True, other_tabs=True), points={"gaze_distracted": 0, "copy_paste": 2}),
        # A head bent over paper is out of view for longer than one that bends for a pen.
        "on_paper": PresetRules(Allowed(notes_on_paper=True), limits={"absent_min_s": 6, "gaze_min_s": 4}),
        "spoken": PresetRules(Allowed(speaking_aloud=True), points={"gaze_distracted": 1}),
        # Two signs of any kind make a flag, and leaving the page twice does.
        "strict": PresetRules(points={"gaze_distracted": 5, "speech": 5, "tab_switch": 5}, limits={"absent_min_s": 2}),
    }
)


def rules_for(exam: ExamDefinition, defaults: Rules) -> Rules:
    """The rules of the exam's sessions. What the exam allows counts nothing, whatever its numbers say."""
    preset = PRESETS[exam.preset]
    points = {**defaults.points, **preset.points, **exam.points, **dict.fromkeys(uncounted(exam), 0)}
    limits: dict[str, Any] = {str(name): value for name, value in {**preset.limits, **exam.limits}.items()}
    if "flag_threshold" in limits:
        limits["flag_threshold"] = int(limits["flag_threshold"])
    return replace(defaults, points=points, looking_down_counts=not exam.allowed.notes_on_paper, **limits)


def uncounted(exam: ExamDefinition) -> list[ViolationKind]:
    """The kinds that count nothing because of what the exam allows, or of where it is taken."""
    allowed = exam.allowed
    without: dict[ViolationKind, bool] = {
        "speech": allowed.speaking_aloud,
        "prohibited_object": allowed.phone,
        "tab_switch": allowed.other_tabs or (exam.place in {"tab", "program"} and not exam.snippet_origins),
    }
    return [kind for kind, nothing in without.items() if nothing]
