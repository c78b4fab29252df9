"""Persons and phones: how many persons one picture shows, and whether it shows a phone. One instance serves all sessions.

A cheap look at a small size answers for most pictures. Where it hints at something (nobody, a second person, a phone), further looks at
other sizes decide by the mean confidence: what YOLOv8n sees wrongly at one size it seldom sees at another.
Nothing is remembered from picture to picture; two looks running before something counts is the scorer's rule.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from basics.errors import DetectorError
from basics.readings import Box, GazeReading, PersonsReading
from detectors.networks import CELL_PHONE, LAPTOP, PERSON, TV, Backend, Detection, Image, make_finder
from detectors.posters import is_framed
from detectors.quality import PictureQuality
from settings.persons import PersonsLimits

# Pixels along the network input's longer side:
SIDE = 320  # of the ordinary look,
CLOSE_SIDE = 640  # of the one that checks hints,
FAR_SIDE = 192  # and of the one that finds persons too large or too coarse for it (a face filling the picture, a picture sent at 160 x 120)


class PersonsModel:
    """Counts persons and finds phones; safe to call from several threads at once. Raises `DetectorError` when the model is missing or unusable."""

    def __init__(self, model_path: Path | None, backend: Backend = "onnx", limits: PersonsLimits | None = None) -> None:
        self.backend: Backend = backend
        self._limits = limits or PersonsLimits()
        self._finder = make_finder(model_path, backend, self._limits)

    def look(self, image: Image, at: float, gaze: GazeReading | None = None) -> PersonsReading:
        """Read one picture: uint8 of shape [height, width, 3], BGR, at least 16 x 16. `gaze` is the gaze reading of the same picture.

        `count` is None (with the reason `dark`, `blurred` or `covered`) where nobody is found in a picture too poor to show anybody, and
        `phone` is None where no phone could be told in such a picture.
        Raises `DetectorError` when `image` isn't such a picture or the network fails.
        """
        _check(image)
        face = gaze.box if gaze is not None else None
        looks = [self._finder.find(image, SIDE, self._limits.box_confidence)]
        phones = self._phones(image, looks, face, looking_down=gaze is not None and gaze.direction == "down")
        persons = self._persons(image, looks, face if gaze is not None and self._is_sure(gaze) else None)
        poor = "" if persons and not phones else PictureQuality(image).why_nobody(self._limits)
        reason = "" if persons else poor
        if poor:  # a mug in the dark is a phone to the network, and a phone is one more surely
            phones = [box for box in phones if box.confidence >= self._limits.phone_confidence * self._limits.phone_poor_factor]
        return PersonsReading(
            at=at,
            count=None if reason else len(persons),
            phone=bool(phones) if self._finder.sees_objects and (phones or not poor) else None,
            reason=reason,
            persons=tuple(persons),
            phones=tuple(phones),
            width=image.shape[1],
            height=image.shape[0],
            backend=self.backend,
        )

    def under(self, limits: PersonsLimits, through: Callable[[Any], Any] | None = None) -> PersonsModel:
        """The same network judged by other `limits`, for measuring what each limit does; `through` makes what stands between the two."""
        other = copy.copy(self)
        other._limits = limits
        if through is not None:
            other._finder = through(self._finder)
        return other

    @property
    def sees_objects(self) -> bool:
        """Whether the network knows phones and screens, not only persons."""
        return self._finder.sees_objects

    def close(self) -> None:
        """Free the network."""
        self._finder.close()

    def _persons(self, image: Image, looks: list[list[Detection]], face: Box | None) -> list[Box]:
        if not self._finder.sees_objects:
            return [box for box in _of(looks[0], PERSON) if box.confidence >= self._limits.persons_confidence]
        boxes = _of(looks[0], PERSON)
        further = len(boxes) > 1 and boxes[1].confidence >= self._limits.persons_hint
        doubtful = bool(boxes) and self._limits.persons_hint <= boxes[0].confidence < self._limits.person_confidence
        if further or doubtful:
            boxes = _mean([boxes, _of(self._close_look(image, looks), PERSON)], self._limits.persons_same_overlap)
        if not boxes or boxes[0].confidence < self._limits.person_confidence:
            boxes = _of(self._finder.find(image, FAR_SIDE, self._limits.person_far_confidence), PERSON)[:1]
        persons = [
            box for rank, box in enumerate(boxes) if box.confidence >= (self._limits.persons_confidence if rank else self._limits.person_confidence)
        ]
        screens = [s for look in looks for kind in (TV, LAPTOP) for s in _of(look, kind) if s.confidence >= self._limits.screen_confidence]
        pictured = [box for box in persons if self._is_picture(image, box, screens)]
        persons = [box for box in persons if box not in pictured]
        # A face found is a person, also where YOLO knows none: a masked face that fills the picture.
        if face is not None and not persons and not any(_held(face, box) > self._limits.face_pictured_share for box in pictured):
            persons = [] if self._is_picture(image, face, screens) else [face]
        return persons

    def _phones(self, image: Image, looks: list[list[Detection]], face: Box | None, looking_down: bool) -> list[Box]:
        if not self._finder.sees_objects:
            return []
        first = _of(looks[0], CELL_PHONE)
        if not looking_down and not (first and first[0].confidence >= self._limits.phone_hint):
            return []
        # The first look raised the hint, so it has no vote: it is high wherever it errs. The dearest look comes last and only if it matters.
        zone, left, top = _hands_zone(image, _of(looks[0], PERSON), face, self._limits)
        mirror = np.ascontiguousarray(image[:, ::-1])
        votes = [
            [_moved(box, left, top) for box in _of(self._finder.find(zone, SIDE, self._limits.box_confidence), CELL_PHONE)],
            [_mirrored(box, image.shape[1]) for box in _of(self._finder.find(mirror, SIDE, self._limits.box_confidence), CELL_PHONE)],
        ]
        if sum(boxes[0].confidence for boxes in votes if boxes) < self._limits.phone_votes_least:
            return []
        votes.append(_of(self._close_look(image, looks), CELL_PHONE))
        best = max((box for boxes in votes for box in boxes[:1]), key=lambda box: box.confidence, default=None)
        if best is None:
            return []
        # A vote is for a place: three weak things that lie apart are no phone.
        mean = sum(max((box.confidence for box in boxes if _overlap(box, best) > self._limits.phone_overlap), default=0.0) for boxes in votes) / len(
            votes
        )
        least = self._limits.phone_confidence * (self._limits.phone_coarse_factor if image.shape[1] < self._limits.phone_coarse_px else 1.0)
        return [replace(best, confidence=mean)] if mean >= least else []

    def _close_look(self, image: Image, looks: list[list[Detection]]) -> list[Detection]:
        if len(looks) == 1:
            looks.append(self._finder.find(image, CLOSE_SIDE, self._limits.box_confidence))
        return looks[1]

    def _is_picture(self, image: Image, box: Box, screens: list[Box]) -> bool:
        if any(_held(box, screen) > self._limits.screen_share for screen in screens):
            return True
        height, width = image.shape[:2]
        edge = self._limits.poster_edge_share * max(width, height)
        # Whoever sits at the camera reaches the picture's lower edge; spares most looks the search for a frame.
        if box.x1 < edge or box.y1 < edge or box.x2 > width - edge or box.y2 > height - edge:
            return False
        return is_framed(image, box, self._limits)

    def _is_sure(self, gaze: GazeReading) -> bool:
        """Whether a face is good evidence by itself: its gaze could be told, or it fills the picture. Small doubtful ones are bottles, too."""
        return gaze.direction not in ("unknown", "none") or (
            gaze.box is not None and gaze.box.height >= self._limits.face_large_share * gaze.height > 0
        )


def _check(image: Any) -> None:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < 16:
        given = f"{image.dtype} {list(image.shape)}" if isinstance(image, np.ndarray) else type(image).__name__
        raise DetectorError(f"a picture must be uint8 [height, width, 3] of at least 16 x 16 pixels, got {given}", field="image")


def _of(found: list[Detection], kind: int) -> list[Box]:
    return [detection.box for detection in found if detection.kind == kind]


def _mean(looks: list[list[Box]], same: float) -> list[Box]:
    """Boxes of two looks matched by overlap (intersection over union `same`), with the mean confidence; unmatched ones get half."""
    first, second = looks[0], list(looks[1])
    merged = []
    for box in first:
        other = max(second, key=lambda candidate: _overlap(box, candidate), default=None)
        if other is not None and _overlap(box, other) >= same:
            second.remove(other)
            merged.append(replace(other, confidence=(box.confidence + other.confidence) / 2))
        else:
            merged.append(replace(box, confidence=box.confidence / 2))
    merged += [replace(box, confidence=box.confidence / 2) for box in second]
    return sorted(merged, key=lambda box: -box.confidence)


def _hands_zone(image: Image, persons: list[Box], face: Box | None, limits: PersonsLimits) -> tuple[Image, int, int]:
    """The part of the picture where the person's hands may be, and its left and top in pixels: below the face to the lower edge."""
    height, width = image.shape[:2]
    if persons and persons[0].confidence >= limits.hands_person_confidence:
        box = persons[0]
        beside = limits.hands_beside * width
        x1, x2, y1 = box.x1 - beside, box.x2 + beside, box.y1 + limits.hands_below * box.height
    elif face is not None:
        beside = limits.hands_face_beside * face.width
        x1, x2, y1 = face.x1 - beside, face.x2 + beside, face.y1 + limits.hands_face_below * face.height
    else:
        return image, 0, 0
    left, right, top = int(max(0, x1)), int(min(width, x2)), int(min(max(0, y1), height - 16))
    if right - left < 16:
        return image, 0, 0
    return image[top:, left:right], left, top


def _moved(box: Box, left: int, top: int) -> Box:
    return Box(box.x1 + left, box.y1 + top, box.x2 + left, box.y2 + top, box.confidence)


def _mirrored(box: Box, width: int) -> Box:
    return Box(width - box.x2, box.y1, width - box.x1, box.y2, box.confidence)


def _intersection(a: Box, b: Box) -> float:
    return max(0.0, min(a.x2, b.x2) - max(a.x1, b.x1)) * max(0.0, min(a.y2, b.y2) - max(a.y1, b.y1))


def _overlap(a: Box, b: Box) -> float:
    shared = _intersection(a, b)
    return shared / max(1e-6, a.width * a.height + b.width * b.height - shared)


def _held(box: Box, holder: Box) -> float:
    """Share of `box` that lies in `holder`."""
    return _intersection(box, holder) / max(1e-6, box.width * box.height)
