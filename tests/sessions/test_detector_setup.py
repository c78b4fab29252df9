"""The detectors' limits come from the settings, and their defaults are the detectors' own."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from audiodetector import AudioDetector, AudioModels
from basics.errors import ConfigError
from detectors.faces import FaceFinder
from detectors.voices import VoiceTracker
from face_detector import PersonsModel
from gaze_direction import GazeDetector
from sessions import detector_setup
from settings import thresholds
from settings.settings import Settings, load_settings

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


def changed(name: str) -> Settings:
    """The settings with another value of this one, a little more or, where that would contradict another, a little less."""
    value = LIMITS[name]
    more, less = (value + 1, value - 1) if isinstance(value, int) else (value * 1.01, value * 0.99)
    try:
        return load_settings(_env_file=None, **{name.lower(): more})
    except ConfigError:
        return load_settings(_env_file=None, **{name.lower(): less})


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
    other = made(monkeypatch, changed(name))
    differing = [
        (detector, key) for detector, limits in usual.items() for key, value in limits.items() if key != "tracker" and other[detector][key] != value
    ]
    assert len(differing) == 1


@pytest.mark.parametrize("detector", [GazeDetector, PersonsModel, AudioDetector, VoiceTracker])
def test_a_detector_uses_every_limit_it_is_given(detector: type) -> None:
    """What it keeps of a limit is read somewhere else in it: a limit that is kept and never asked is without effect."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(detector)))
    methods = {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    begun = methods.pop("__init__")
    asked = {node.attr for method in methods.values() for node in ast.walk(method) if isinstance(node, ast.Attribute)}
    used = set()
    for line in begun.body:
        if isinstance(line, (ast.Assign, ast.AnnAssign)):
            kept = {node.attr for node in ast.walk(line) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
            if kept & asked:
                used |= {node.id for node in ast.walk(line) if isinstance(node, ast.Name)}
    limits = {one.arg for one in begun.args.kwonlyargs}
    assert limits - used == set()


def test_every_limit_of_a_detector_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for sizes of models' inputs, how the source's clock is followed, and what is no limit."""
    fixed = {
        "GazeDetector": {"still", "finder", "max_side"},
        "PersonsModel": {"side", "close_side", "far_side"},
        "AudioDetector": {"drift"},
        "VoiceTracker": set(),
    }
    own = {"GazeDetector": GazeDetector, "PersonsModel": PersonsModel, "AudioDetector": AudioDetector, "VoiceTracker": VoiceTracker}
    given = made(monkeypatch, load_settings(_env_file=None))
    for name, detector in own.items():
        takes = {key for key, one in inspect.signature(detector).parameters.items() if one.kind is one.KEYWORD_ONLY}
        assert takes - fixed[name] == set(given[name]) - fixed[name], name


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
