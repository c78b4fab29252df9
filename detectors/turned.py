"""Is a camera's picture turned: upside down, or by a quarter? The landmarks of a face are drawn upright on one that stands on its head, too, with
left and right exchanged: so nothing is told of a side before a face was seen upright once.

Two signs say which way is up: how surely the face finder finds a face in the picture and in the same picture turned over, and where in a body its
head is. Of 219 upright pictures of 55 people none was taken for a turned one, and 206 were sure; of the same turned over 207 were found, and one was
taken for upright (bench/NOTES.md).
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from basics.readings import Box, GazeReading, PersonsReading
from detectors.faces import FaceFinder

Image = npt.NDArray[np.uint8]
Way = Literal["upright", "over", "aside", ""]

SURER = 0.05  # by which the finder's confidence in the one way is more than in the other
HEAD_LOW = 0.44  # of the body's height from above, where a head is that may be below it
HEAD_HIGH = 0.6  # and where one is that may be above
HEAD_ALONE = 1.2  # of a face's height: of a body that has no more of it only the head was found
ROLLED_DEG = 60.0  # of a head: people lean by 47 at most
LOOKS = 3
AGREE = 2
SELDOM = 5  # looks from one to the next once it is known


class Turned:
    """Of one camera. Pictures that come `over` are turned before they are read; of those that come by a quarter nothing is told."""

    def __init__(self) -> None:
        self.over = False
        self.known = False  # a face was seen upright
        self._looked = False
        self._signs: deque[Way] = deque(maxlen=LOOKS)
        self._skip = 0

    def upright(self, image: Image) -> Image:
        """The picture as it is to be read."""
        return np.asarray(cv2.rotate(image, cv2.ROTATE_180), np.uint8) if self.over else image

    @property
    def doubtful(self) -> bool:
        """Did the newest signs say that it is turned?"""
        return any(sign in ("over", "aside") for sign in self._signs)

    def look(self, image: Image, gaze: GazeReading, persons: PersonsReading, finder: FaceFinder) -> None:
        """Take a look: `image` as `upright` gave it, and what was read of it."""
        self._looked = True
        rolled = abs(gaze.numbers.get("roll_deg", 0.0)) >= ROLLED_DEG
        seen = gaze.box is not None or bool(persons.persons)
        if not rolled and seen and self.known and not self.doubtful and self._skip > 0:
            self._skip -= 1
            return
        self._skip = SELDOM - 1
        way: Way = "aside" if rolled else self._way(image, gaze, persons, finder)
        if way == "upright":
            self.known = True
        self._signs.append(way)  # a look that says nothing, too: one sign by itself is forgotten
        if self._signs.count("over") >= AGREE:
            self.over, self.known = not self.over, False  # until a face is seen upright the new way, too
            self._signs.clear()
        elif way == "upright" and list(self._signs)[-AGREE:].count("upright") == AGREE:
            self._signs.clear()

    def _way(self, image: Image, gaze: GazeReading, persons: PersonsReading, finder: FaceFinder) -> Way:
        head = _head(gaze.box, persons.persons)
        if not self.known and gaze.box is None and not persons.persons and self._lies(image, finder):
            return "aside"
        settled = self.known and not self.doubtful  # then upright and nothing are the same, and only `over` is to be told from them
        if settled and head is not None and head < HEAD_LOW:
            return "upright"
        over = finder.confidence(np.ascontiguousarray(image[::-1, ::-1]))
        if settled and over < SURER:
            return "upright"
        surer = over - finder.confidence(image)
        if surer >= SURER and (head is None or head >= HEAD_LOW):
            return "over"
        if (surer <= -SURER and (head is None or head <= HEAD_HIGH)) or (head is not None and head <= HEAD_LOW and surer <= 0):
            return "upright"
        return ""

    def _lies(self, image: Image, finder: FaceFinder) -> bool:
        """Is there a face in a picture that seems to show nobody, once it is turned by a quarter either way?"""
        ways = (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_90_COUNTERCLOCKWISE)
        return any(finder.confidence(np.asarray(cv2.rotate(image, way), np.uint8)) > 0 for way in ways)

    def told(self, gaze: GazeReading) -> GazeReading:
        """The reading where it can be told: not of a head that lies on its side, nor of a side before anybody was seen upright."""
        rolled = abs(gaze.numbers.get("roll_deg", 0.0)) >= ROLLED_DEG
        sided = gaze.direction in ("left", "right", "down") and self._looked and not self.known
        if rolled or self.doubtful or sided:
            return replace(gaze, direction="unknown", reason="turned")
        return gaze

    def told_of_persons(self, persons: PersonsReading) -> PersonsReading:
        """Nobody is said to be there only where that can be told: whoever lies on the side, or stands on the head, isn't found by all networks."""
        return replace(persons, count=None, phone=None, reason="turned") if self.doubtful and persons.count == 0 else persons

    def back(self, box: Box, width: int, height: int) -> Box:
        """A box in the picture as it came."""
        return Box(width - box.x2, height - box.y2, width - box.x1, height - box.y1, box.confidence) if self.over else box


def _head(face: Box | None, persons: tuple[Box, ...]) -> float | None:
    """Where a face is in its body: 0 above, 1 below."""
    if face is None or not persons:
        return None
    body = persons[0]
    if body.height < HEAD_ALONE * face.height:
        return None
    return ((face.y1 + face.y2) / 2 - body.y1) / max(1.0, body.height)
