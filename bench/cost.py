"""What each detector costs: CPU time of this process (all its threads added up), so that other programs on the machine don't count."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from audiodetector import AudioDetector
from basics.readings import SAMPLE_RATE
from bench.audio_task import feed
from bench.harness.footage import read_sound, scenarios
from bench.harness.pictures import labels
from gaze_direction import GazeDetector
from sessions.models import Models
from settings.settings import Settings

SOUND_CLIPS = 16  # with speech; more don't change the figure
LOOKS = 240  # for persons in the scenarios: one every 2 s of eight minutes


def costs(data: Path, settings: Settings, models: Models) -> dict[str, float | None]:
    """Median ms of a gaze reading and of a look for persons in the scenarios' videos at the server's rates, and the looks' mean (what is in doubt
    costs several looks), ms of sound for a second of it, and ms more for a second of speech where voices are told apart. None where the model is
    missing.
    """
    gaze, persons = _pictures(data, settings, models)
    audio, voices = _sound(data, settings, models)
    medians = [statistics.median(ms) if ms else None for ms in (gaze, persons)]
    mean = statistics.fmean(persons) if persons else None
    return {"gaze": medians[0], "persons": medians[1], "persons_mean": mean, "audio_per_s": audio, "voices_per_speech_s": voices}


def costs_table(figures: dict[str, float | None]) -> list[str]:
    """The figures in words."""
    names = {"gaze": "gaze, a picture", "persons": "persons and phones, a look", "persons_mean": "- on average"}
    names |= {"audio_per_s": "sound, a second", "voices_per_speech_s": "voices, a second of speech more"}
    lines = [f"  {names[name]:<36}{'not measured' if value is None else f'{value:.1f} ms'}" for name, value in figures.items()]
    return ["Cost, CPU time of one thread, median", *lines]


def _pictures(data: Path, settings: Settings, models: Models) -> tuple[list[float], list[float]]:
    gaze_ms: list[float] = []
    persons_ms: list[float] = []
    for scenario in scenarios(data):
        detector = GazeDetector(settings, finder=models.faces, models=models.face_models)
        next_gaze = next_look = 0.0
        for frame in scenario.frames():
            if frame.at < next_gaze or len(persons_ms) >= LOOKS:
                continue
            next_gaze = frame.at + 1 / settings.gaze_fps - 1e-6
            image = np.asarray(cv2.imdecode(np.frombuffer(frame.data, np.uint8), cv2.IMREAD_COLOR), np.uint8)
            spent, reading = _timed(lambda image=image, at=frame.at, detector=detector: detector.read(image, at))  # type: ignore[misc]
            gaze_ms.append(spent)
            if frame.at >= next_look and models.persons is not None:
                next_look = frame.at + settings.face_interval_s - 1e-6
                persons_ms.append(_timed(lambda image=image, at=frame.at, gaze=reading: models.persons.look(image, at, gaze))[0])  # type: ignore[misc]
        detector.close()
    return gaze_ms, persons_ms


def _sound(data: Path, settings: Settings, models: Models) -> tuple[float | None, float | None]:
    if models.audio is None:
        return None, None
    plain = copy.copy(models.audio)
    plain.speaker = plain.overlap = None
    clips = [row["file"] for row in labels(data, "audio") if int(row["voices"]) >= 1]
    alone = together = seconds = speech = 0.0
    for file in clips[:: max(1, len(clips) // SOUND_CLIPS)]:
        sound = read_sound(data / file)
        seconds += len(sound) / SAMPLE_RATE
        spent, _ = _hear(AudioDetector(plain, settings), sound)
        alone += spent
        spent, spoken = _hear(AudioDetector(models.audio, settings), sound)
        together += spent
        speech += spoken
    voices = (together - alone) / max(speech, 0.1) if models.audio.tells_voices else None
    return alone / max(seconds, 0.1), voices


def _hear(detector: AudioDetector, sound: Any) -> tuple[float, float]:
    spent, readings = _timed(lambda: feed(detector, sound, 0.0) + detector.finish())
    return spent, sum(end - start for reading in readings for start, end in reading.speech)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.process_time()
    result = work()
    return (time.process_time() - begun) * 1000, result
