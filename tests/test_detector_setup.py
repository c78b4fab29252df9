"""The detectors' limits come from the settings, and their defaults are the detectors' own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

import detector_setup
import thresholds
from audiodetector import AudioDetector, AudioModels
from config import Settings, load_settings
from errors import ConfigError
from face_detector import PersonsModel
from face_finder import FaceFinder
from gaze_direction import GazeDetector
from voices import VoiceTracker

LIMITS = {name: value for name, value in vars(thresholds).items() if name.isupper()}


class Kept:
    """Stands in a detector's place and keeps what it was made with."""

    def __init__(self, *given: Any, **limits: Any) -> None:
        self.limits = limits


def made(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> dict[str, dict[str, Any]]:
    names = ("GazeDetector", "PersonsModel", "AudioDetector", "VoiceTracker")
    for name in names:
        monkeypatch.setattr(detector_setup, name, Kept)
    gaze = cast(Kept, detector_setup.gaze_detector(settings, cast(FaceFinder, None)))
    persons = cast(Kept, detector_setup.persons_model(settings, Path("none"), "onnx"))
    models = cast(AudioModels, type("Models", (), {"speaker": None, "overlap": None}))
    audio = cast(Kept, detector_setup.audio_detector(settings, models))
    return dict(zip(names, (gaze.limits, persons.limits, audio.limits, audio.limits["tracker"].limits), strict=True))


def test_every_limit_is_a_setting_with_the_detectors_default() -> None:
    settings = load_settings(_env_file=None)
    assert {name: getattr(settings, name.lower()) for name in LIMITS} == LIMITS


def test_the_defaults_are_what_a_detector_made_without_settings_has(monkeypatch: pytest.MonkeyPatch) -> None:
    given = made(monkeypatch, load_settings(_env_file=None))
    own: dict[str, Callable[..., Any]] = {
        "GazeDetector": GazeDetector,
        "PersonsModel": PersonsModel,
        "AudioDetector": AudioDetector,
        "VoiceTracker": VoiceTracker,
    }
    for name, limits in given.items():
        defaults = {key: one.default for key, one in inspect.signature(own[name]).parameters.items()}
        assert {key: value for key, value in limits.items() if key not in ("finder", "still", "tracker")} == {
            key: defaults[key] for key in limits if key not in ("finder", "still", "tracker")
        }


@pytest.mark.parametrize("name", sorted(LIMITS))
def test_each_setting_reaches_one_detector(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    usual = made(monkeypatch, load_settings(_env_file=None))
    changed = made(monkeypatch, load_settings(_env_file=None, **{name.lower(): LIMITS[name] * 1.01}))
    differing = [
        (detector, key) for detector, limits in usual.items() for key, value in limits.items() if key != "tracker" and changed[detector][key] != value
    ]
    assert len(differing) == 1


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"gaze_rest_side_deg": 20}, "GAZE_SIDE_DEG"),
        ({"speech_end_threshold": 0.8}, "SPEECH_THRESHOLD"),
        ({"stranger_threshold": 0.6}, "OWN_VOICE_THRESHOLD"),
        ({"phone_confidence": 1.5}, "PHONE_CONFIDENCE"),
    ],
)
def test_limits_that_contradict_are_refused_by_name(given: dict[str, float], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        load_settings(_env_file=None, **given)
