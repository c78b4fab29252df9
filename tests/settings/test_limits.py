"""Every limit is one name from `.env` to the line where it is used, and limits that contradict one another are refused by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from pydantic import BaseModel

from audiodetector import AudioDetector
from basics.errors import ConfigError
from basics.paths import ROOT
from detectors.faces import FaceFinder
from detectors.sound_models import AudioModels
from face_detector import PersonsModel
from gaze_direction import GazeDetector
from scoring.rules import Rules
from settings.gaze import GazeLimits
from settings.persons import PersonsLimits
from settings.rules import RuleSettings
from settings.settings import Settings, load_settings
from settings.sound import SoundLimits

USERS = ("gaze_direction.py", "face_detector.py", "audiodetector.py", "detectors", "sessions/analysis.py")


def names_read() -> Iterator[str]:
    """Every attribute that the detectors' code and their callers read."""
    for user in USERS:
        path = ROOT / user
        for file in path.glob("*.py") if path.is_dir() else (path,):
            yield from (node.attr for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.Attribute))


@pytest.mark.parametrize("limits", [GazeLimits, PersonsLimits, SoundLimits])
def test_every_limit_is_used_under_its_own_name(limits: type[BaseModel]) -> None:
    assert set(limits.model_fields) - set(names_read()) == set()


def test_the_settings_are_the_limits_that_each_part_is_handed(models_dir: Path) -> None:
    """Nothing stands between the settings and the detectors: what the settings say is what they hold."""
    settings = load_settings(_env_file=None, gaze_side_deg=20, person_confidence=0.5, speech_threshold=0.6, looks_min=3)
    gaze = GazeDetector(settings, finder=cast(FaceFinder, None))
    gaze.close()
    assert gaze._limits is settings
    assert PersonsModel(models_dir / "yolov8n.onnx", limits=settings)._limits is settings
    audio = AudioDetector(AudioModels(models_dir), settings)
    assert audio._limits is settings
    assert audio._tracker._limits is settings
    assert Rules.from_settings(settings).looks_min == 3


@pytest.mark.parametrize("subject", [GazeLimits, PersonsLimits, SoundLimits, RuleSettings])
def test_a_subject_alone_has_the_defaults_of_the_settings(subject: type[BaseModel]) -> None:
    settings = load_settings(_env_file=None)
    assert subject().model_dump() == {name: getattr(settings, name) for name in subject.model_fields}


def test_no_two_subjects_hold_the_same_setting() -> None:
    held = [name for model in Settings.__mro__[1:] if issubclass(model, BaseModel) for name in model.__annotations__ if name in Settings.model_fields]
    assert len(held) == len(set(held))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"gaze_rest_side_deg": 20}, "GAZE_SIDE_DEG"),
        ({"speech_end_threshold": 0.8}, "SPEECH_THRESHOLD"),
        ({"stranger_threshold": 0.6}, "OWN_VOICE_THRESHOLD"),
        ({"phone_confidence": 1.5}, "PHONE_CONFIDENCE"),
        ({"box_confidence": 0.2}, "PERSONS_HINT"),
        ({"persons_hint": 0.6}, "PERSONS_CONFIDENCE"),
        ({"voices_short_s": 2}, "VOICES_SURE_S"),
        ({"own_voice_s": 90}, "OWN_VOICE_MOST_S"),
    ],
)
def test_limits_that_contradict_are_refused_by_name(given: dict[str, float], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        load_settings(_env_file=None, **given)


def test_a_limit_that_contradicts_another_is_refused_without_the_settings_too() -> None:
    with pytest.raises(ValueError, match="GAZE_REST_SIDE_DEG=20 must not be greater than GAZE_SIDE_DEG"):
        GazeLimits(gaze_rest_side_deg=20)
