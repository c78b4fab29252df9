"""What of a session's pictures is the camera's, and which way up: they are read without their border and upright, and told of as they came."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from basics.readings import Box, GazeReading, PersonsReading
from detectors.borders import Area, Border
from detectors.faces import FaceFinder
from detectors.turned import Turned

Image = npt.NDArray[np.uint8]


class CameraView:
    """Of one camera. One thread at a time."""

    def __init__(self) -> None:
        self._border = Border()
        self._turned = Turned()
        self._area: Area | None = None
        self._size = (0, 0)

    def of(self, image: Image, at: float) -> Image:
        """The camera's own picture in one that came, uint8 [h, w, 3] BGR, upright."""
        self._size = (image.shape[1], image.shape[0])
        self._area = self._border.take(image, at)
        return self._turned.upright(image if self._area is None else self._area.cut(image))

    @property
    def doubtful(self) -> bool:
        """Is there a sign that the picture is turned?"""
        return self._turned.doubtful

    def look(self, view: Image, gaze: GazeReading, persons: PersonsReading, finder: FaceFinder) -> PersonsReading:
        """Take what a look found in a view, to know which way up it is. Return what of it can be told."""
        over = self._turned.over
        self._turned.look(view, gaze, persons, finder)
        if over != self._turned.over:  # what was read was upside down
            return replace(persons, count=None, phone=None, reason="turned")
        return self._turned.told_of_persons(persons)

    def told(self, gaze: GazeReading, persons: PersonsReading | None) -> tuple[GazeReading, PersonsReading | None]:
        """What was read in the view, as it is told of the picture that came."""
        width, height = self._size
        gaze = self._turned.told(gaze)
        gaze = replace(gaze, box=gaze.box and self._back(gaze.box, gaze.width, gaze.height), width=width, height=height)
        if persons is not None:
            size = persons.width, persons.height
            found, phones = (tuple(self._back(box, *size) for box in boxes) for boxes in (persons.persons, persons.phones))
            persons = replace(persons, persons=found, phones=phones, width=width, height=height)
        return gaze, persons

    def _back(self, box: Box, width: int, height: int) -> Box:
        box = self._turned.back(box, width, height)
        if self._area is None:
            return box
        x, y = self._area.x1, self._area.y1
        return Box(box.x1 + x, box.y1 + y, box.x2 + x, box.y2 + y, box.confidence)
