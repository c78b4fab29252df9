"""Which kinds of sound a second holds, told from YAMNet's scores: what is no speech though Silero hears some, and what a proctor is told of.

The numbers are places in YAMNet's output, by its class map (tensorflow/models, research/audioset/yamnet/yamnet_class_map.csv); the model file
that we use carries no names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from basics.readings import SOUND_KINDS, SoundKind
from detectors.sound_models import Floats
from settings.sound import SoundLimits

_Places = tuple[int, ...]

SPEECH: _Places = (0, 1, 2, 3, 4, 5, 12)  # speech, a child's, conversation, narration, babbling, a synthesizer's, whispering
LOUDSPEAKER: _Places = (518, 519)  # television, radio
KINDS: Mapping[SoundKind, _Places] = {
    "cough": (42, 43),  # cough, throat clearing
    "sneeze": (44,),
    "laughter": tuple(range(13, 19)),
    "crying": tuple(range(19, 23)),  # babies too
    "music": (*range(24, 33), *range(132, 277)),  # singing and humming, instruments, styles
    "animal": tuple(range(67, 132)),
    "typing": (378, 379, 380),
    "telephone": (383, 384, 385, 386),  # telephone, its bell, a ringtone, dialling
    "whisper": (12,),
    "loudspeaker": LOUDSPEAKER,
}


@dataclass(frozen=True, slots=True)
class Heard:
    """What one cell of sound is. `speech`: nothing says that it is none."""

    kinds: tuple[SoundKind, ...] = ()
    speech: bool = True
    loudspeaker: float = 0.0  # 0..1


NOTHING_KNOWN = Heard()


def heard(scores: Floats, limits: SoundLimits) -> Heard:
    """Judge YAMNet's 521 `scores` of about a second. Speech is believed unless something else is plain in its place, or nothing is like it."""
    best = {kind: float(scores[list(places)].max()) for kind, places in KINDS.items()}
    speech = float(scores[list(SPEECH)].max())
    other = max(best[kind] for kind in SOUND_KINDS if kind not in ("whisper", "loudspeaker"))
    is_speech = speech >= limits.sound_speech_least and (speech >= limits.sound_speech_beside or other < limits.sound_kind_threshold)
    best["loudspeaker"] = min(1.0, float(np.sum(scores[list(LOUDSPEAKER)])))
    least: dict[SoundKind, float] = {"whisper": limits.sound_whisper_threshold, "loudspeaker": limits.loudspeaker_threshold}
    named = tuple(kind for kind in SOUND_KINDS if best[kind] >= least.get(kind, limits.sound_kind_threshold))
    return Heard(named, is_speech, best["loudspeaker"])


def kinds_in(cells: list[Heard]) -> tuple[SoundKind, ...]:
    """The kinds in any of `cells`, in their order."""
    return tuple(kind for kind in SOUND_KINDS if any(kind in cell.kinds for cell in cells))
