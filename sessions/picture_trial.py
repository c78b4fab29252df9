"""Judges one picture for the check before an exam, with the detectors that will read the exam's own pictures. Keeps nothing."""

from __future__ import annotations

from dataclasses import dataclass

from media.pictures import Picture, decode_jpeg
from sessions.analysis import PictureAnalyst
from sessions.models import Models
from settings.settings import Settings


@dataclass(frozen=True, slots=True)
class PictureTrial:
    """`persons` in view, None where that can't be told; `reason` why the face can't be read (`dark`, `hidden`, …), empty where it can."""

    persons: int | None
    face: bool
    reason: str


def try_picture(models: Models, settings: Settings, jpeg: bytes) -> PictureTrial:
    """Read one JPEG as the exam's would be. Raise `InvalidInput` or `TooLarge` for what isn't a usable picture."""
    image = decode_jpeg(jpeg, settings.max_picture_pixels)
    analyst = PictureAnalyst(models, settings)
    try:
        found = analyst.read(Picture(0.0, image), "check before the exam")
    finally:
        analyst.close()
    persons = found.persons.count if found.persons is not None else None
    reason = found.gaze.reason if found.gaze.direction == "unknown" else ""
    return PictureTrial(persons, found.gaze.box is not None, reason)
