"""Persons and phones: how many persons one picture shows, and whether it shows a phone. One instance serves all sessions.

A cheap look at a small size answers for most pictures. Where it hints at something (nobody, a second person, a phone), further looks at
other sizes decide by the mean confidence: what YOLOv8n sees wrongly at one size it seldom sees at another.
Nothing is remembered from picture to picture; two looks running before something counts is the scorer's rule.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from basics.errors import DetectorError
from basics.readings import Box, GazeReading, PersonsReading
from detectors.networks import CELL_PHONE, LAPTOP, PERSON, TV, Backend, Detection, Image, make_finder
from detectors.quality import is_framed, too_poor
from settings import thresholds


class PersonsModel:
    """Counts persons and finds phones; safe to call from several threads at once.

    Sizes are pixels along the network input's longer side, confidences 0..1. Defaults are measured on the labelled development data:

    - `side`, `close_side`, `far_side`: the ordinary look, the one that checks hints, and the one that finds persons too large or too
      coarse for the ordinary look (a face filling the picture, a picture sent at 160 x 120).
    - `person_least`: least confidence of the only person; empty rooms reach .17.
    - `far_least`: least confidence of the only person at `far_side`; faces filling the picture have from .84, empty rooms up to .08.
    - `more_least`: least mean confidence of each further person; real ones from .57, arms and chairs up to .45.
    - `more_hint`: confidence from which a further box is checked at all.
    - `same_overlap`: intersection over union from which boxes of two looks are one person.
    - `phone_least`: least mean confidence of a phone over three further looks; mugs, bottles and hands reach .19.
    - `phone_hint`: confidence of the first look from which a phone is checked, as it is when the student looks down; a phone is
      hinted at in 36 of 38 pictures with one, and in 7 % of those with none.
    - `votes_least`: sum of the first two of the three further looks below which the third isn't asked.
    - `phone_overlap`: overlap (intersection over union) from which two of them mean the same thing.
    - `poor_factor`: `phone_least` is so many times as high in a picture that is too poor to show anybody; jars and mugs reach .36 there.
    - `coarse_px`, `coarse_factor`: a picture's width below which `phone_least` is so many times as high; printed mugs reach .23 there.
    - `screen_least`: confidence of a television or laptop that makes a person inside its box a picture.
    - `screen_share`: share of a person's box that must lie in such a box.
    - `hands_person`: least confidence of a person under whom hands are looked for; else under a face, else everywhere. Hands are `hands_below`
      of the person's height down and to `hands_beside` of the picture's width beside, or `hands_face_below` and `hands_face_beside` of a face.
    - `pictured_face`: share of a face in a pictured person from which it is that person's.
    - `face_share`: share of the picture's height from which a face whose gaze can't be told is a person all the same.
    - `box_least`: confidence from which the network's boxes are heard at all. `box_overlap`: the overlap from which two of them are one.
    - `dark_level`: grey 0..255 of the brightest twentieth below which nobody could be seen; `flat`, `sharp`, `sharp_share` and
      `burnt_share` are the other limits of `picture_checks.too_poor`, `poster_fill` and `poster_straight` those of `is_framed`;
      within `poster_edge` of the picture's edge (a share of its longer side) nothing is framed.

    Raises `DetectorError` when the model is missing or unusable.
    """

    def __init__(
        self,
        model_path: Path | None,
        backend: Backend = "onnx",
        *,
        side: int = 320,
        close_side: int = 640,
        far_side: int = 192,
        person_least: float = thresholds.PERSON_CONFIDENCE,
        far_least: float = thresholds.PERSON_FAR_CONFIDENCE,
        more_least: float = thresholds.PERSONS_CONFIDENCE,
        more_hint: float = thresholds.PERSONS_HINT,
        same_overlap: float = thresholds.PERSONS_SAME_OVERLAP,
        phone_least: float = thresholds.PHONE_CONFIDENCE,
        phone_hint: float = thresholds.PHONE_HINT,
        votes_least: float = thresholds.PHONE_VOTES_LEAST,
        phone_overlap: float = thresholds.PHONE_OVERLAP,
        poor_factor: float = thresholds.PHONE_POOR_FACTOR,
        coarse_px: int = thresholds.PHONE_COARSE_PX,
        coarse_factor: float = thresholds.PHONE_COARSE_FACTOR,
        screen_least: float = thresholds.SCREEN_CONFIDENCE,
        screen_share: float = thresholds.SCREEN_SHARE,
        hands_person: float = thresholds.HANDS_PERSON_CONFIDENCE,
        hands_below: float = thresholds.HANDS_BELOW,
        hands_beside: float = thresholds.HANDS_BESIDE,
        hands_face_below: float = thresholds.HANDS_FACE_BELOW,
        hands_face_beside: float = thresholds.HANDS_FACE_BESIDE,
        pictured_face: float = thresholds.FACE_PICTURED_SHARE,
        face_share: float = thresholds.FACE_LARGE_SHARE,
        box_least: float = thresholds.BOX_CONFIDENCE,
        box_overlap: float = thresholds.BOX_OVERLAP,
        dark_level: float = thresholds.ROOM_DARK_LEVEL,
        flat: float = thresholds.ROOM_FLAT_SLOPE,
        sharp: float = thresholds.ROOM_BLUR_EDGE,
        sharp_share: float = thresholds.ROOM_BLUR_SHARE,
        burnt_share: float = thresholds.ROOM_BURNT_SHARE,
        poster_fill: float = thresholds.POSTER_FILL,
        poster_straight: float = thresholds.POSTER_STRAIGHT,
        poster_edge: float = thresholds.POSTER_EDGE_SHARE,
    ) -> None:
        self.backend: Backend = backend
        self._side = side
        self._close_side = close_side
        self._far_side = far_side
        self._person_least = person_least
        self._far_least = far_least
        self._more_least = more_least
        self._more_hint = more_hint
        self._same_overlap = same_overlap
        self._phone_least = phone_least
        self._phone_hint = phone_hint
        self._votes_least = votes_least
        self._phone_overlap = phone_overlap
        self._poor_factor = poor_factor
        self._coarse_px = coarse_px
        self._coarse_factor = coarse_factor
        self._screen_least = screen_least
        self._screen_share = screen_share
        self._pictured_face = pictured_face
        self._face_share = face_share
        self._box_least = box_least
        self._hands_zone = partial(
            _hands_zone, sure=hands_person, below=hands_below, beside=hands_beside, face_below=hands_face_below, face_beside=hands_face_beside
        )
        self._why_poor = partial(too_poor, dark=dark_level, flat=flat, sharp=sharp, sharp_share=sharp_share, burnt_share=burnt_share)
        self._poster_edge = poster_edge
        self._is_framed = partial(is_framed, fill=poster_fill, straight=poster_straight)
        self._finder = make_finder(model_path, backend, box_overlap)

    def look(self, image: Image, at: float, gaze: GazeReading | None = None) -> PersonsReading:
        """Read one picture: uint8 of shape [height, width, 3], BGR, at least 16 x 16. `gaze` is the gaze reading of the same picture.

        `count` is None (with the reason `dark`, `blurred` or `covered`) where nobody is found in a picture too poor to show anybody, and
        `phone` is None where no phone could be told in such a picture.
        Raises `DetectorError` when `image` isn't such a picture or the network fails.
        """
        _check(image)
        face = gaze.box if gaze is not None else None
        looks = [self._finder.find(image, self._side, self._box_least)]
        phones = self._phones(image, looks, face, looking_down=gaze is not None and gaze.direction == "down")
        persons = self._persons(image, looks, face if gaze is not None and self._is_sure(gaze) else None)
        poor = "" if persons and not phones else self._why_poor(image)
        reason = "" if persons else poor
        if poor:  # a mug in the dark is a phone to the network, and a phone is one more surely
            phones = [box for box in phones if box.confidence >= self._phone_least * self._poor_factor]
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

    @property
    def sees_objects(self) -> bool:
        """Whether the network knows phones and screens, not only persons."""
        return self._finder.sees_objects

    def close(self) -> None:
        """Free the network."""
        self._finder.close()

    def _persons(self, image: Image, looks: list[list[Detection]], face: Box | None) -> list[Box]:
        if not self._finder.sees_objects:
            return [box for box in _of(looks[0], PERSON) if box.confidence >= self._more_least]
        boxes = _of(looks[0], PERSON)
        further = len(boxes) > 1 and boxes[1].confidence >= self._more_hint
        doubtful = bool(boxes) and self._more_hint <= boxes[0].confidence < self._person_least
        if further or doubtful:
            boxes = _mean([boxes, _of(self._close_look(image, looks), PERSON)], self._same_overlap)
        if not boxes or boxes[0].confidence < self._person_least:
            boxes = _of(self._finder.find(image, self._far_side, self._far_least), PERSON)[:1]
        persons = [box for rank, box in enumerate(boxes) if box.confidence >= (self._more_least if rank else self._person_least)]
        screens = [s for look in looks for kind in (TV, LAPTOP) for s in _of(look, kind) if s.confidence >= self._screen_least]
        pictured = [box for box in persons if self._is_picture(image, box, screens)]
        persons = [box for box in persons if box not in pictured]
        # A face found is a person, also where YOLO knows none: a masked face that fills the picture.
        if face is not None and not persons and not any(_held(face, box) > self._pictured_face for box in pictured):
            persons = [] if self._is_picture(image, face, screens) else [face]
        return persons

    def _phones(self, image: Image, looks: list[list[Detection]], face: Box | None, looking_down: bool) -> list[Box]:
        if not self._finder.sees_objects:
            return []
        first = _of(looks[0], CELL_PHONE)
        if not looking_down and not (first and first[0].confidence >= self._phone_hint):
            return []
        # The first look raised the hint, so it has no vote: it is high wherever it errs. The dearest look comes last and only if it matters.
        zone, left, top = self._hands_zone(image, _of(looks[0], PERSON), face)
        mirror = np.ascontiguousarray(image[:, ::-1])
        votes = [
            [_moved(box, left, top) for box in _of(self._finder.find(zone, self._side, self._box_least), CELL_PHONE)],
            [_mirrored(box, image.shape[1]) for box in _of(self._finder.find(mirror, self._side, self._box_least), CELL_PHONE)],
        ]
        if sum(boxes[0].confidence for boxes in votes if boxes) < self._votes_least:
            return []
        votes.append(_of(self._close_look(image, looks), CELL_PHONE))
        best = max((box for boxes in votes for box in boxes[:1]), key=lambda box: box.confidence, default=None)
        if best is None:
            return []
        # A vote is for a place: three weak things that lie apart are no phone.
        mean = sum(max((box.confidence for box in boxes if _overlap(box, best) > self._phone_overlap), default=0.0) for boxes in votes) / len(votes)
        least = self._phone_least * (self._coarse_factor if image.shape[1] < self._coarse_px else 1.0)
        return [replace(best, confidence=mean)] if mean >= least else []

    def _close_look(self, image: Image, looks: list[list[Detection]]) -> list[Detection]:
        if len(looks) == 1:
            looks.append(self._finder.find(image, self._close_side, self._box_least))
        return looks[1]

    def _is_picture(self, image: Image, box: Box, screens: list[Box]) -> bool:
        if any(_held(box, screen) > self._screen_share for screen in screens):
            return True
        height, width = image.shape[:2]
        edge = self._poster_edge * max(width, height)
        # Whoever sits at the camera reaches the picture's lower edge; spares most looks the search for a frame.
        if box.x1 < edge or box.y1 < edge or box.x2 > width - edge or box.y2 > height - edge:
            return False
        return self._is_framed(image, box)

    def _is_sure(self, gaze: GazeReading) -> bool:
        """Whether a face is good evidence by itself: its gaze could be told, or it fills the picture. Small doubtful ones are bottles, too."""
        return gaze.direction not in ("unknown", "none") or (gaze.box is not None and gaze.box.height >= self._face_share * gaze.height > 0)


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


def _hands_zone(
    image: Image, persons: list[Box], face: Box | None, *, sure: float, below: float, beside: float, face_below: float, face_beside: float
) -> tuple[Image, int, int]:
    """The part of the picture where the person's hands may be, and its left and top in pixels: below the face to the lower edge."""
    height, width = image.shape[:2]
    if persons and persons[0].confidence >= sure:
        box = persons[0]
        x1, x2, y1 = box.x1 - beside * width, box.x2 + beside * width, box.y1 + below * box.height
    elif face is not None:
        x1, x2, y1 = face.x1 - face_beside * face.width, face.x2 + face_beside * face.width, face.y1 + face_below * face.height
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
