"""The looks that `PersonsModel` takes at one picture, each when it is first asked for: sizes, parts, the mirror image, a second network, faces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from basics.errors import DetectorError
from basics.readings import Box
from detectors.boxes import mirrored, moved, of_kind
from detectors.face_models import Faces
from detectors.networks import PERSON, Detection, Finder, Image
from settings.persons import PersonsLimits

# Pixels along the network input's longer side:
SIDE = 320  # of the ordinary look,
PART_SIDE = 416  # of those that check a phone,
ZOOM_SIDE = 256  # of those near by at what may be one,
CLOSE_SIDE = 640  # of the one that checks hints,
FAR_SIDE = 192  # and of the one that finds persons too large or too coarse for it (a face filling the picture, a picture sent at 160 x 120)
# Where faces beside a face are looked for, in sizes of that face: from so far inside its edge to so far out, and above and below
BESIDE_INTO, BESIDE_WIDE, BESIDE_HIGH = 0.25, 2.2, 1.2
LEAST_PX = 16  # of a part's side


@dataclass(frozen=True, slots=True)
class Networks:
    """What looks: `second` is another network than `first`, `faces` finds faces; both may be missing."""

    first: Finder
    second: Finder | None = None
    faces: Faces | None = None


class Looks:
    """One picture and what was seen in it so far. Boxes are in its pixels."""

    def __init__(self, image: Image, networks: Networks, limits: PersonsLimits) -> None:
        self.image = image
        self._networks = networks
        self._limits = limits
        self._taken: dict[str, list[Detection]] = {}
        self._parts: dict[tuple[int, ...], list[Detection]] = {}

    @cached_property
    def first(self) -> list[Detection]:
        """The ordinary look."""
        return self._find(self._networks.first, self.image, SIDE)

    @cached_property
    def far(self) -> list[Box]:
        """The one for persons who are too large."""
        return of_kind(self._networks.first.find(self.image, FAR_SIDE, self._limits.person_far_confidence), PERSON)

    @property
    def close(self) -> list[Detection]:
        """At twice the size."""
        if "close" not in self._taken:
            self._taken["close"] = self._find(self._networks.first, self.image, CLOSE_SIDE)
        return self._taken["close"]

    @property
    def other(self) -> list[Detection] | None:
        """By the second network; None where there is none."""
        if self._networks.second is None:
            return None
        if "other" not in self._taken:
            self._taken["other"] = self._find(self._networks.second, self.image, CLOSE_SIDE)
        return self._taken["other"]

    @property
    def so_far(self) -> list[list[Detection]]:
        """Those of the whole picture that were taken."""
        return [self.first, *self._taken.values()]

    def part(self, left: int, top: int, right: int, bottom: int, side: int = PART_SIDE) -> list[Detection]:
        """At a part of the picture."""
        key = left, top, right, bottom, side
        if key not in self._parts:
            self._parts[key] = moved(self._find(self._networks.first, self.image[top:bottom, left:right], side), left, top)
        return self._parts[key]

    def in_mirror(self) -> list[Detection]:
        """At the mirror image."""
        return mirrored(self._find(self._networks.first, self._mirror, PART_SIDE), self.image.shape[1])

    def other_in_mirror(self) -> list[Detection] | None:
        """By the second network at the mirror image; None where there is none."""
        if self._networks.second is None:
            return None
        return mirrored(self._find(self._networks.second, self._mirror, CLOSE_SIDE), self.image.shape[1])

    @cached_property
    def faces(self) -> list[Box]:
        """All faces, the surest first; none where nothing finds them."""
        return self._find_faces(self.image, 0, 0)

    def faces_beside(self, face: Box) -> list[Box]:
        """Faces left and right of this one, the surest first: who is cut by the edge or half behind somebody shows better in a part."""
        height, width = self.image.shape[:2]
        top, bottom = int(max(0, face.y1 - BESIDE_HIGH * face.height)), int(min(height, face.y2 + BESIDE_HIGH * face.height))
        found = []
        for x1, x2 in (
            (face.x1 - BESIDE_WIDE * face.width, face.x1 + BESIDE_INTO * face.width),
            (face.x2 - BESIDE_INTO * face.width, face.x2 + BESIDE_WIDE * face.width),
        ):
            left, right = int(max(0, x1)), int(min(width, x2))
            if right - left >= max(face.width / 2, LEAST_PX) and bottom - top >= LEAST_PX:
                found += self._find_faces(self.image[top:bottom, left:right], left, top)
        return sorted(found, key=lambda one: -one.confidence)

    def _find_faces(self, image: Image, left: int, top: int) -> list[Box]:
        if self._networks.faces is None:
            return []
        try:
            found = self._networks.faces.find(image)
        except (RuntimeError, ValueError) as error:
            raise DetectorError(f"the model of faces failed on a picture of {image.shape[1]} x {image.shape[0]}: {error}") from error
        return [
            Box(face.box[0] + left, face.box[1] + top, face.box[2] + left, face.box[3] + top, face.confidence)
            for face in sorted(found, key=lambda one: -one.confidence)
        ]

    @cached_property
    def _mirror(self) -> Image:
        return np.ascontiguousarray(self.image[:, ::-1])

    def _find(self, network: Finder, image: Image, side: int) -> list[Detection]:
        return network.find(image, side, self._limits.box_confidence)
