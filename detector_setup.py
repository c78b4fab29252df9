"""Makes the detectors with the limits that the settings say. Their defaults are the detectors' own (thresholds.py)."""

from __future__ import annotations

from pathlib import Path

from audiodetector import AudioDetector, AudioModels
from config import Settings
from face_detector import PersonsModel
from face_finder import FaceFinder
from gaze_direction import GazeDetector
from person_finders import Backend
from voices import VoiceTracker


def gaze_detector(settings: Settings, finder: FaceFinder, *, still: bool = False) -> GazeDetector:
    """The gaze detector of one session; `still=True` is for single pictures of anybody."""
    return GazeDetector(
        still=still,
        finder=finder,
        side_deg=settings.gaze_side_deg,
        down_deg=settings.gaze_down_deg,
        turned_deg=settings.gaze_turned_deg,
        shut=settings.eyes_shut,
        min_eye_px=settings.eye_min_px,
        dark_level=settings.face_dark_level,
        sharp_share=settings.face_sharpness,
        min_confidence=settings.face_confidence,
        rest_side_deg=settings.gaze_rest_side_deg,
        rest_down_deg=settings.gaze_rest_down_deg,
        rest_up_deg=settings.gaze_rest_up_deg,
    )


def persons_model(settings: Settings, path: Path | None, backend: Backend) -> PersonsModel:
    """The persons model of all sessions. Raise `DetectorError` when it is missing or unusable."""
    return PersonsModel(
        path,
        backend,
        person_least=settings.person_confidence,
        more_least=settings.persons_confidence,
        phone_least=settings.phone_confidence,
        screen_least=settings.screen_confidence,
        dark_level=settings.room_dark_level,
    )


def audio_detector(settings: Settings, models: AudioModels) -> AudioDetector:
    """The sound detector of one session, the voices it knows in it."""
    return AudioDetector(
        models,
        speech_on=settings.speech_threshold,
        speech_off=settings.speech_end_threshold,
        pause_s=settings.speech_pause_s,
        confirm=settings.speech_confirm,
        silent_s=settings.sound_silent_s,
        faint_dbfs=settings.sound_faint_dbfs,
        clipped_share=settings.sound_clipped_share,
        tracker=VoiceTracker(
            models.speaker,
            models.overlap,
            apart=settings.voices_threshold,
            change=settings.voice_change_threshold,
            stranger=settings.stranger_threshold,
            own=settings.own_voice_threshold,
            baseline_s=settings.own_voice_s,
            together_s=settings.together_s,
        ),
    )
