"""Is it a phone? Several looks at one picture vote for a place. Pure: detections in, the likeliest phone out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from basics.readings import Box
from detectors.boxes import covered, of_kind, overlap
from detectors.networks import BOOK, BOTTLE, CELL_PHONE, CUP, WINE_GLASS, Detection
from settings.persons import PersonsLimits

VESSELS = (BOTTLE, WINE_GLASS, CUP)
PLACES = 4  # at which a phone is thought of in one picture
VOTES_TO_TRIM = 5  # from so many votes on the surest and the least sure one don't count
BESIDE_FACE = 0.15  # of a face's width, to each side: ears, and hands at the glasses
ZOOMS = (2.2, 3.5)  # times the longer side of what may be a phone: parts of the picture that are looked at near by, cheaply
ZOOM_LEAST_PX = 96  # a smaller part has nothing more to show
INSTEAD_LITTLE = 0.05  # of a vessel or book seen from afar
ZOOM_FROM = 0.28  # of what a phone needs: less than that no part makes up for


@dataclass(frozen=True, slots=True)
class Phone:
    """The likeliest phone: its `box` has what the votes come to as confidence, `least` is what it needs.

    `votes` are the looks' confidences of a phone, in their order; `instead` the mean of those of a vessel or book in the same place.
    """

    box: Box
    least: float
    votes: tuple[float, ...]
    instead: float
    at_face: bool

    @property
    def is_one(self) -> bool:
        """Whether it is sure enough to be said."""
        return self.box.confidence >= self.least


def likeliest_phone(looks: Sequence[list[Detection]], face: Box | None, limits: PersonsLimits) -> Phone | None:
    """What the looks make of it, None where none of them sees any.

    In each look whatever else is seen in the same place counts against it: a glass is a phone to YOLO, but it is a glass, too. One look that
    is very sure by itself decides nothing. What touches a face is drunk from, eaten or scratched far more often than it is a phone.
    """
    boxes = sorted((box for look in looks for box in of_kind(look, CELL_PHONE)), key=lambda box: -box.confidence)
    places: list[Box] = []
    for box in boxes:
        if len(places) < PLACES and all(overlap(box, place) <= limits.phone_overlap for place in places):
            places.append(box)
    judged = [phone_at(place, looks, face, limits) for place in places]
    return max(judged, key=lambda phone: phone.box.confidence / phone.least, default=None)


def phone_at(place: Box, looks: Sequence[list[Detection]], face: Box | None, limits: PersonsLimits) -> Phone:
    """What the looks make of this place."""
    votes = [_surest(of_kind(look, CELL_PHONE), place, limits.phone_overlap) for look in looks]
    against = [
        _surest(of_kind(look, *VESSELS), place, limits.phone_instead_overlap) + _surest(of_kind(look, BOOK), place, limits.phone_instead_overlap)
        for look in looks
    ]
    net = sorted(vote - other for vote, other in zip(votes, against, strict=True))
    if len(net) >= VOTES_TO_TRIM:
        net = net[1:-1]
    at_face = face is not None and covered(place, _with_ears(face)) > limits.phone_face_touch
    least = limits.phone_confidence * (limits.phone_face_factor if at_face else 1.0)
    return Phone(replace(place, confidence=max(0.0, sum(net) / len(net))), least, tuple(votes), sum(against) / len(against), at_face)


def zooms(box: Box, width: int, height: int) -> list[tuple[int, int, int, int]]:
    """The parts of a picture around what may be a phone: left, top, right and lower edge in pixels."""
    x, y = (box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2
    reaches = [max(zoom * max(box.width, box.height), ZOOM_LEAST_PX) / 2 for zoom in ZOOMS]
    return [(int(max(0, x - reach)), int(max(0, y - reach)), int(min(width, x + reach)), int(min(height, y + reach))) for reach in reaches]


def without_books(look: list[Detection]) -> list[Detection]:
    """So near by a phone's screen is a page to YOLO: a book counts only where it was one from afar."""
    return [one for one in look if one.kind != BOOK]


def _with_ears(face: Box) -> Box:
    return replace(face, x1=face.x1 - BESIDE_FACE * face.width, x2=face.x2 + BESIDE_FACE * face.width)


def _surest(boxes: list[Box], place: Box, least: float) -> float:
    """The highest confidence of a box that shares more than `least` with `place`."""
    return max((box.confidence for box in boxes if overlap(box, place) > least), default=0.0)
