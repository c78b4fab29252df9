"""What a student may need that others need, too: accommodations by name, for a column of a list of students. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from basics.looks import folded
from basics.signals import ViolationKind

PresetName = Literal["reads_aloud", "eye_movement", "low_vision", "breaks", "another_person"]


@dataclass(frozen=True, slots=True)
class AccommodationPreset:
    """What one of them changes; `words` are what it is called in lists, in any case."""

    words: tuple[str, ...]
    points: Mapping[ViolationKind, int] = field(default_factory=dict)
    reading_aloud: bool = False
    breaks_allowed: int = 0

    def fields(self) -> dict[str, Any]:
        """The fields of an accommodation that it sets."""
        return {"points": dict(self.points), "reading_aloud": self.reading_aloud, "breaks_allowed": self.breaks_allowed}


ACCOMMODATION_PRESETS: Mapping[PresetName, AccommodationPreset] = MappingProxyType(
    {
        "reads_aloud": AccommodationPreset(
            ("reads aloud", "reading aloud", "liest laut", "lit à voix haute", "lee en voz alta", "lê em voz alta", "يقرأ بصوت عال"),
            reading_aloud=True,
        ),
        "eye_movement": AccommodationPreset(
            (
                *("eye movement", "involuntary eye movement", "tics", "nystagmus", "Augenbewegungen", "Tics oder Augenbewegungen"),
                *("mouvements des yeux", "movimientos oculares", "movimentos oculares", "حركات العين"),
            ),
            points={"gaze_distracted": 0},
        ),
        # A screen reader speaks, and who can't see the screen looks anywhere.
        "low_vision": AccommodationPreset(
            (
                *("low vision", "screen reader", "low vision and screen reader", "Sehbehinderung", "Screenreader", "Bildschirmleser"),
                *("basse vision", "lecteur d’écran", "baja visión", "lector de pantalla", "baixa visão", "leitor de tela", "leitor de ecrã"),
                *("ضعف البصر", "قارئ الشاشة"),
            ),
            points={"gaze_distracted": 0, "multiple_voices": 0},
            reading_aloud=True,
        ),
        "breaks": AccommodationPreset(("breaks", "Pausen", "pauses", "descansos", "pausas", "استراحات"), breaks_allowed=3),
        "another_person": AccommodationPreset(
            (
                *("another person", "another person present", "assistant", "Assistenz", "Begleitperson", "weitere Person"),
                *("autre personne", "accompagnant", "otra persona", "outra pessoa", "شخص آخر"),
            ),
            points={"multiple_faces": 0, "multiple_voices": 0},
            reading_aloud=True,
        ),
    }
)


def preset_called(words: str) -> PresetName | None:
    """The preset of this name, as a list of students writes it; None where there is none."""
    wanted = folded(" ".join(words.split()).replace("_", " "))
    for name, preset in ACCOMMODATION_PRESETS.items():
        if wanted in {folded(one) for one in (name.replace("_", " "), *preset.words)}:
            return name
    return None
