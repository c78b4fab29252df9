"""Persons and phones: how many persons one picture shows, and whether it shows a phone. One instance serves all sessions.

A cheap look at a small size answers for most pictures. Where it hints at something (nobody, a second person, a phone), further looks decide:
at other sizes, at a part, at the mirror image, by a second network, by the finder of faces. What one look sees wrongly another seldom does.
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
from detectors.boxes import covered, held, of_kind, overlap
from detectors.face_backends import open_face_models
from detectors.face_models import FaceModels, Faces
from detectors.looks import ZOOM_SIDE, Looks, Networks
from detectors.networks import BOOK, CELL_PHONE, LAPTOP, PERSON, TV, Backend, Detection, Finder, Image, make_finder, make_second
from detectors.phones import INSTEAD_LITTLE, ZOOM_FROM, Phone, likeliest_phone, phone_at, without_books, zooms
from detectors.posters import is_framed
from detectors.quality import PictureQuality
from settings.models import DetectorDevice
from settings.persons import PersonsLimits

PICTURE_HOLDERS = (TV, LAPTOP)  # who is inside one is no person in the room
FACE_HOLDERS = (TV, LAPTOP, CELL_PHONE, BOOK)  # and a face may be printed, too
# From a face to the head and shoulders that a portrait shows, in sizes of the face
PORTRAIT_BESIDE, PORTRAIT_ABOVE, PORTRAIT_BELOW = 0.5, 0.4, 0.8
HEAD_WIDE, HEAD_HIGH = 0.4, 0.4  # of the body that is seen at a desk
WITHIN = 0.8  # share of a face from which it lies in a body
IN_HANDS = 0.5  # share of each hint from which it lies where the hands of somebody who is seen may be:
IN_HANDS_LEAST = 0.05  # there the look at that part must see a phone at all
HINTS_MOST = 3  # that are looked at near by; of more the looks that vote cost no more


class PersonsModel:
    """Counts persons and finds phones; safe to call from several threads at once. Raises `DetectorError` when the model is missing or unusable.

    `second` is the file of another network that is asked where the first one is in doubt, `faces` what finds faces (opened where it isn't
    given; without either the rest goes on), `device` what runs the networks in ONNX Runtime.
    """

    def __init__(
        self,
        model_path: Path | None,
        backend: Backend = "onnx",
        limits: PersonsLimits | None = None,
        faces: FaceModels | None = None,
        second: Path | None = None,
        device: DetectorDevice = "cpu",
    ) -> None:
        self.backend: Backend = backend
        self._limits = limits or PersonsLimits()
        self._finder = make_finder(model_path, backend, self._limits, faces, device)
        objects = self._finder.sees_objects
        self._second = make_second(second, self._limits, device) if second is not None and objects else None
        self._faces = _faces(faces) if objects else None
        self._networks = Networks(self._finder, self._second, self._faces)

    def look(self, image: Image, at: float, gaze: GazeReading | None = None) -> PersonsReading:
        """Read one picture: uint8 of shape [height, width, 3], BGR, at least 16 x 16. `gaze` is the gaze reading of the same picture.

        `count` is None (with the reason `dark`, `blurred` or `covered`) where nobody is found in a picture too poor to show anybody, and
        `phone` is None where no phone could be told in such a picture. `numbers` says what both rest on.
        Raises `DetectorError` when `image` isn't such a picture or the network fails.
        """
        _check(image)
        looks = Looks(image, self._networks, self._limits)
        face = gaze.box if gaze is not None else None
        seen = self._phone(looks, face, looking_down=gaze is not None and gaze.direction == "down")
        persons, numbers = self._persons(looks, gaze)
        phone = seen if seen is not None and seen.is_one else None
        poor = "" if persons and seen is None else PictureQuality(image).why_nobody(self._limits)
        reason = "" if persons else poor
        if poor and phone is not None:  # a mug in the dark is a phone to the network, and a phone is one more surely
            phone = phone if phone.box.confidence >= phone.least * self._limits.phone_poor_factor else None
        return PersonsReading(
            at=at,
            count=None if reason else len(persons),
            phone=phone is not None if self._finder.sees_objects and (phone is not None or not poor) else None,
            reason=reason,
            persons=tuple(persons),
            phones=(phone.box,) if phone is not None else (),
            width=image.shape[1],
            height=image.shape[0],
            backend=self.backend,
            numbers=numbers | _phone_numbers(seen),
        )

    def under(self, limits: PersonsLimits, through: Callable[[Finder], Finder] | None = None) -> PersonsModel:
        """The same networks judged by other `limits`, for measuring what each limit does; `through` may stand before each network."""
        other = copy.copy(self)
        other._limits = limits
        if through is not None:
            second = through(self._second) if self._second is not None else None
            other._networks = Networks(through(self._finder), second, self._faces)
        return other

    @property
    def sees_objects(self) -> bool:
        """Whether the network knows phones and screens, not only persons."""
        return self._finder.sees_objects

    @property
    def note(self) -> str:
        """What people should know of what runs the network; empty where it is as asked."""
        return getattr(self._finder, "note", "")

    def close(self) -> None:
        """Free the networks."""
        for one in (self._finder, self._second, self._faces):
            if one is not None:
                one.close()

    def _persons(self, looks: Looks, gaze: GazeReading | None) -> tuple[list[Box], dict[str, float]]:
        limits, gazing = self._limits, gaze.box if gaze is not None else None
        first = boxes = of_kind(looks.first, PERSON)
        if not self._finder.sees_objects:
            return [box for box in boxes if box.confidence >= limits.persons_confidence], {}
        further = len(boxes) > 1 and boxes[1].confidence >= limits.persons_hint
        doubtful = bool(boxes) and limits.persons_hint <= boxes[0].confidence < limits.person_confidence
        if further or doubtful:
            boxes = _mean([first, of_kind(looks.close, PERSON)], limits.persons_same_overlap)
            second = boxes[1].confidence if len(boxes) > 1 else 0.0
            if limits.persons_third_from <= second < limits.persons_confidence and looks.other is not None:
                boxes = _mean([first, of_kind(looks.close, PERSON), of_kind(looks.other, PERSON)], limits.persons_same_overlap)
        if not boxes or boxes[0].confidence < limits.person_confidence:
            boxes = looks.far[:1]
        persons = [box for rank, box in enumerate(boxes) if box.confidence >= (limits.persons_confidence if rank else limits.person_confidence)]
        pictured = [box for box in persons if self._is_picture(looks, box)]
        persons = [box for box in persons if box not in pictured]
        numbers = {"bodies": float(len(persons))}
        if len(first) > 1 and first[1].confidence >= limits.faces_hint and len(persons) < 2:
            faces = self._living_faces(looks)
            faces = [face for face in faces if not self._is_worn(face, faces, persons, boxes)]
            numbers["faces"] = float(len(faces))
            if len(faces) > 1:  # one alone says nothing that bodies don't
                persons += _without_body(faces, persons)
        if gazing is not None and not persons:
            if any(held(gazing, box) > limits.face_pictured_share for box in pictured) or self._is_picture(looks, gazing):
                numbers["face_pictured"] = 1.0
            elif gaze is not None and self._is_sure(
                gaze
            ):  # a face found is a person, also where YOLO knows none: a masked face that fills the picture
                persons = [gazing]
        return persons, numbers

    def _is_worn(self, face: Box, faces: list[Box], bodies: list[Box], hints: list[Box]) -> bool:
        """Is it under somebody's chin, within that one's body, and hardly anything hints at a body of its own: on a shirt, or a cushion held?"""
        middle = (face.x1 + face.x2) / 2
        for other in faces:
            if face.y1 < other.y2 or not other.x1 - other.width / 2 <= middle <= other.x2 + other.width / 2:
                continue
            body = max(bodies, key=lambda one: held(other, one), default=None)
            if body is not None and held(other, body) > WITHIN and held(face, body) > WITHIN:
                own = (box for box in hints if box is not body and held(face, box) > WITHIN)
                return not any(box.confidence >= self._limits.persons_third_from for box in own)
        return False

    def _living_faces(self, looks: Looks) -> list[Box]:
        """Faces that lie apart and are in no picture, the surest first."""
        limits = self._limits
        apart = self._apart([], looks.faces)
        if len(apart) == 1:
            apart = self._apart(apart, looks.faces_beside(apart[0]))
        largest = max((face.height for face in apart), default=0.0)
        apart = [face for face in apart if face.height >= limits.faces_size_share * largest]
        return apart if len(apart) < 2 else [face for face in apart if not self._is_pictured_face(looks, face)]

    def _apart(self, known: list[Box], faces: list[Box]) -> list[Box]:
        """The known faces, and sure further ones that are none of them."""
        apart = list(known)
        for face in faces:
            if face.confidence >= self._limits.faces_confidence and all(covered(face, other) <= self._limits.faces_same_share for other in apart):
                apart.append(face)
        return apart

    def _is_pictured_face(self, looks: Looks, face: Box) -> bool:
        height, width = looks.image.shape[:2]
        holders = _sure(looks.so_far, FACE_HOLDERS, self._limits.screen_confidence)
        if any(held(face, holder) > self._limits.screen_share for holder in holders):
            return True
        portrait = Box(
            max(0.0, face.x1 - PORTRAIT_BESIDE * face.width),
            max(0.0, face.y1 - PORTRAIT_ABOVE * face.height),
            min(float(width), face.x2 + PORTRAIT_BESIDE * face.width),
            min(float(height), face.y2 + PORTRAIT_BELOW * face.height),
            face.confidence,
        )
        return is_framed(looks.image, face, self._limits) or is_framed(looks.image, portrait, self._limits)

    def _phone(self, looks: Looks, face: Box | None, looking_down: bool) -> Phone | None:
        """The likeliest phone; None where nothing hints at one."""
        if not self._finder.sees_objects:
            return None
        hints = self._hints(looks)
        if looking_down:
            zone = _hands_zone(looks.image, of_kind(looks.first, PERSON), face, self._limits)
            hints += [box for box in of_kind(looks.part(*zone), CELL_PHONE) if box.confidence >= IN_HANDS_LEAST]
        elif not hints:
            return None
        if self._is_none_near(looks, hints):
            return None
        # The first look raised the hint, so it has no vote: it is high wherever it errs.
        votes = self._votes(looks, face)
        if votes is None:
            return None
        near = max(looks.faces, key=lambda one: one.width, default=face) or _head(of_kind(looks.first, PERSON), self._limits)
        found = likeliest_phone(votes, near, self._limits)
        if found is not None and found.box.confidence >= ZOOM_FROM * self._limits.phone_confidence:
            height, width = looks.image.shape[:2]
            near_by = [looks.part(*zoom, side=ZOOM_SIDE) for zoom in zooms(found.box, width, height)]
            votes += [without_books(look) for look in near_by] if found.instead < INSTEAD_LITTLE else near_by
            found = phone_at(found.box, votes, near, self._limits)
        if found is not None and max(looks.image.shape[:2]) < self._limits.phone_coarse_px:
            found = replace(found, least=found.least * self._limits.phone_coarse_factor)
        return found

    def _hints(self, looks: Looks) -> list[Box]:
        return [box for box in of_kind(looks.first, CELL_PHONE) if box.confidence >= self._limits.phone_hint]

    def _is_none_near(self, looks: Looks, hints: list[Box]) -> bool:
        """Is each hint no phone to the small looks near by? They cost a third of the cheapest that votes, and a phone is plain to one of them."""
        least, (height, width) = self._limits.phone_near_least, looks.image.shape[:2]
        apart: list[Box] = []
        for hint in hints:
            if all(overlap(hint, other) <= self._limits.box_overlap for other in apart):
                apart.append(hint)
        if not least or not 0 < len(apart) <= HINTS_MOST:
            return False
        near = (looks.part(*zoom, side=ZOOM_SIDE) for hint in apart for zoom in zooms(hint, width, height))
        return all(box.confidence < least for look in near for box in of_kind(look, CELL_PHONE))

    def _votes(self, looks: Looks, face: Box | None) -> list[list[Detection]] | None:
        """The looks that check a hint, the cheap ones first; None as soon as those before make the rest idle."""
        persons = of_kind(looks.first, PERSON)
        zone = _hands_zone(looks.image, persons, face, self._limits)
        in_hands = _is_sure_body(persons, self._limits) and all(held(hint, Box(*zone, 1.0)) > IN_HANDS for hint in self._hints(looks))
        votes: list[list[Detection]] = []
        total = 0.0
        takes: tuple[Callable[[], list[Detection] | None], ...] = (
            lambda: looks.part(*zone),
            lambda: looks.other,
            looks.in_mirror,
            lambda: looks.close,
            looks.other_in_mirror,
        )
        for take in takes:
            if in_hands and len(votes) == 1 and total < IN_HANDS_LEAST:
                return None
            if total < self._limits.phone_votes_least * (len(votes) - 1):  # one sure look alone decides nothing
                return None
            vote = take()
            if vote is not None:
                votes.append(vote)
                total += max((box.confidence for box in of_kind(vote, CELL_PHONE)), default=0.0)
        return votes

    def _is_picture(self, looks: Looks, box: Box) -> bool:
        screens = _sure(looks.so_far, PICTURE_HOLDERS, self._limits.screen_confidence)
        if any(held(box, screen) > self._limits.screen_share for screen in screens):
            return True
        height, width = looks.image.shape[:2]
        edge = self._limits.poster_edge_share * max(width, height)
        # Whoever sits at the camera reaches the picture's lower edge; spares most looks the search for a frame.
        if box.x1 < edge or box.y1 < edge or box.x2 > width - edge or box.y2 > height - edge:
            return False
        return is_framed(looks.image, box, self._limits)

    def _is_sure(self, gaze: GazeReading) -> bool:
        """Whether a face is good evidence by itself: its gaze could be told, or it fills the picture. Small doubtful ones are bottles, too."""
        return gaze.direction not in ("unknown", "none") or (
            gaze.box is not None and gaze.box.height >= self._limits.face_large_share * gaze.height > 0
        )


def _check(image: Any) -> None:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < 16:
        given = f"{image.dtype} {list(image.shape)}" if isinstance(image, np.ndarray) else type(image).__name__
        raise DetectorError(f"a picture must be uint8 [height, width, 3] of at least 16 x 16 pixels, got {given}", field="image")


def _faces(models: FaceModels | None) -> Faces | None:
    """What finds all faces of a picture; None on a machine that can't run it, where bodies alone are counted."""
    try:
        return (models or open_face_models()).faces()
    except DetectorError:
        return None


def _head(persons: list[Box], limits: PersonsLimits) -> Box | None:
    """Where the face must be of a person whose face nothing finds, as behind a glass or two hands: in the middle at the top."""
    if not _is_sure_body(persons, limits):
        return None
    body = persons[0]
    beside = (1 - HEAD_WIDE) / 2 * body.width
    return Box(body.x1 + beside, body.y1, body.x2 - beside, body.y1 + HEAD_HIGH * body.height, body.confidence)


def _is_sure_body(persons: list[Box], limits: PersonsLimits) -> bool:
    """Is somebody's body seen, by which it is known where the hands may be?"""
    return bool(persons) and persons[0].confidence >= limits.hands_person_confidence


def _sure(looks: list[list[Detection]], kinds: tuple[int, ...], least: float) -> list[Box]:
    return [box for look in looks for box in of_kind(look, *kinds) if box.confidence >= least]


def _without_body(faces: list[Box], bodies: list[Box]) -> list[Box]:
    """As many faces as there are more of them than bodies: those that no body is left for, each body taking the surest face in it."""
    free, left = list(bodies), []
    for face in faces:
        body = max(free, key=lambda one: held(face, one), default=None)
        if body is not None and held(face, body) > 0:
            free.remove(body)
        else:
            left.append(face)
    return left[: max(0, len(faces) - len(bodies))]


def _mean(looks: list[list[Box]], same: float) -> list[Box]:
    """Boxes of several looks matched by overlap (intersection over union `same`), with the mean confidence; a look that lacks one gives 0."""
    merged: list[tuple[Box, float]] = []
    for look in looks:
        left = list(look)
        for number, (place, total) in enumerate(merged):
            other = max(left, key=lambda candidate: overlap(place, candidate), default=None)
            if other is not None and overlap(place, other) >= same:
                left.remove(other)
                merged[number] = other, total + other.confidence
        merged += [(box, box.confidence) for box in left]
    return sorted((replace(box, confidence=total / len(looks)) for box, total in merged), key=lambda box: -box.confidence)


def _phone_numbers(phone: Phone | None) -> dict[str, float]:
    """What was made of the likeliest phone, whether or not it is one."""
    if phone is None:
        return {}
    votes = {f"phone_vote_{number}": round(vote, 3) for number, vote in enumerate(phone.votes, 1)}
    rest = {"phone_least": round(phone.least, 3), "vessel_or_book": round(phone.instead, 3), "at_face": float(phone.at_face)}
    return votes | rest


def _hands_zone(image: Image, persons: list[Box], face: Box | None, limits: PersonsLimits) -> tuple[int, int, int, int]:
    """The part of the picture where the person's hands may be, left, top, right and lower edge in pixels: below the face."""
    height, width = image.shape[:2]
    if _is_sure_body(persons, limits):
        box = persons[0]
        beside = limits.hands_beside * width
        x1, x2, y1 = box.x1 - beside, box.x2 + beside, box.y1 + limits.hands_below * box.height
    elif face is not None:
        beside = limits.hands_face_beside * face.width
        x1, x2, y1 = face.x1 - beside, face.x2 + beside, face.y1 + limits.hands_face_below * face.height
    else:
        return 0, 0, width, height
    left, right, top = int(max(0, x1)), int(min(width, x2)), int(min(max(0, y1), height - 16))
    if right - left < 16:
        return 0, 0, width, height
    return left, top, right, height
