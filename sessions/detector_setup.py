"""Makes the detectors with the limits that the settings say. Their defaults are the detectors' own (thresholds.py)."""

from __future__ import annotations

from pathlib import Path

from audiodetector import AudioDetector, AudioModels
from detectors.faces import FaceFinder
from detectors.networks import Backend
from detectors.voices import VoiceTracker
from face_detector import PersonsModel
from gaze_direction import GazeDetector
from settings.settings import Settings


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
        eye_contrast=settings.eye_contrast,
        min_confidence=settings.face_confidence,
        rest_side_deg=settings.gaze_rest_side_deg,
        rest_down_deg=settings.gaze_rest_down_deg,
        rest_up_deg=settings.gaze_rest_up_deg,
        rest_window=settings.gaze_rest_window,
        rest_prior=settings.gaze_rest_prior,
        rest_step=settings.gaze_rest_step_s,
        rest_open=settings.gaze_rest_open,
        rest_lids=(settings.eyes_rest_least, settings.eyes_rest_most),
        aside_s=settings.gaze_aside_s,
        iris_side_deg=settings.gaze_iris_side_deg,
        iris_down_deg=settings.gaze_iris_down_deg,
        lid_deg=settings.gaze_lid_deg,
        shut_per_deg=settings.eyes_shut_per_deg,
        shut_from_deg=settings.eyes_shut_from_deg,
        up_s=settings.gaze_up_s,
        up_aside=settings.gaze_up_aside,
        stretch_below=settings.face_stretch_level,
        look_every=settings.face_second_look_s,
        outline_sure=settings.face_outline_confidence,
        outline_turn=settings.face_outline_turn,
        dark_picture=settings.picture_dark_level,
        flat_picture=settings.picture_flat_range,
        soft_edges=settings.picture_sharpness,
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
        far_least=settings.person_far_confidence,
        more_hint=settings.persons_hint,
        same_overlap=settings.persons_same_overlap,
        box_least=settings.box_confidence,
        box_overlap=settings.box_overlap,
        screen_share=settings.screen_share,
        hands_person=settings.hands_person_confidence,
        hands_below=settings.hands_below,
        hands_beside=settings.hands_beside,
        hands_face_below=settings.hands_face_below,
        hands_face_beside=settings.hands_face_beside,
        pictured_face=settings.face_pictured_share,
        face_share=settings.face_large_share,
        phone_hint=settings.phone_hint,
        votes_least=settings.phone_votes_least,
        phone_overlap=settings.phone_overlap,
        poor_factor=settings.phone_poor_factor,
        coarse_px=settings.phone_coarse_px,
        coarse_factor=settings.phone_coarse_factor,
        flat=settings.room_flat_slope,
        sharp=settings.room_blur_edge,
        sharp_share=settings.room_blur_share,
        burnt_share=settings.room_burnt_share,
        poster_fill=settings.poster_fill,
        poster_straight=settings.poster_straight,
        poster_edge=settings.poster_edge_share,
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
        faint_s=settings.sound_faint_s,
        gap_s=settings.sound_gap_s,
        pad_s=settings.speech_pad_s,
        least_speech_s=settings.speech_click_s,
        sure_s=settings.speech_sure_s,
        look_speech_s=settings.voices_look_speech_s,
        look_pause_s=settings.voices_look_pause_s,
        look_apart_s=settings.voices_look_apart_s,
        follow_s=settings.voices_follow_s,
        tracker=VoiceTracker(
            models.speaker,
            models.overlap,
            apart=settings.voices_threshold,
            change=settings.voice_change_threshold,
            stranger=settings.stranger_threshold,
            own=settings.own_voice_threshold,
            baseline_s=settings.own_voice_s,
            together_s=settings.together_s,
            edge_s=settings.together_edge_s,
            apart_s=(settings.voices_short_s, settings.voices_sure_s),
            apart_less=settings.voices_short_less,
            change_s=(settings.voice_change_short_s, settings.voice_change_sure_s),
            change_less=settings.voice_change_less,
            contrast=settings.voice_change_contrast,
            stranger_s=settings.stranger_s,
            own_apart_s=settings.own_voice_apart_s,
            baseline_most_s=settings.own_voice_most_s,
            turn_s=settings.voice_turn_s,
            unit_s=settings.voice_unit_s,
            least_unit_s=settings.voice_unit_least_s,
            sound_unit_s=settings.voice_unit_sound_s,
            unit_share=settings.voice_unit_share,
        ),
    )
