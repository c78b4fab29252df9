"""How often one session's pictures are read: often while anything happens, seldom while a student sits still and looks at the screen.

A reading that finds nothing speaks for the pictures since the one before it, which found nothing either and shows the same. Where it finds
something they are read after all, so that nothing is missed and nothing begins later than it did.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import cv2
import numpy as np
import numpy.typing as npt

from basics.readings import Box, GazeReading, PersonsReading
from settings.settings import Settings

CELLS = (64, 48)  # of a picture's small grey copy: a cell's mean lets a camera's noise no further than a grey level
CELL_MOVED = 0.1  # of the range of grey levels that nine tenths of the picture have: in dim light all changes are smaller
CELL_MOVED_LEAST, CELL_MOVED_MOST = 4.0, 20.0  # grey levels of 255; noise alone is less
BLOCK = np.ones((3, 3), np.uint8)  # cells that all changed: a head in the doorway, a phone on the desk
CALM = 0.85  # of the limits of looking away: nearer to them every picture is read
FACE_MOVED = 0.5  # of its own width
KEY_SLACK_S = 0.05  # by which a key may come before its time: half of what lies between two pictures
AROUND = 0.1  # of a person's width, by which they may sway and nobody came
WAKE_S = 1.0  # for how long a thing that happened keeps the full rate

Small = npt.NDArray[np.float32]
Cells = npt.NDArray[np.bool_]


class Pace:
    """Of one session. `wake` may be called from any thread, everything else by whoever reads its pictures. Times on the session's clock."""

    def __init__(self, settings: Settings) -> None:
        self.step = 1 / settings.gaze_fps
        self._calm_step = max(self.step, 1 / settings.gaze_calm_fps)
        self._look_step = settings.face_interval_s
        self._calm_look_step = max(self._look_step, settings.face_calm_interval_s)
        self._moved_share = settings.moved_share
        self._awake_until = WAKE_S
        self.next_at = 0.0
        self._next_look_at = 0.0
        self._limits = {"gaze_x_deg": settings.gaze_side_deg, "gaze_y_deg": settings.gaze_down_deg, "yaw_deg": settings.gaze_turned_deg}
        self._face: Box | None = None  # in the picture read last
        self._looked: tuple[Small, float] | None = None  # of the one looked at last, and when

    @property
    def adapts(self) -> bool:
        """Are pictures left out while nothing happens?"""
        return self._calm_step > self.step

    @property
    def span(self) -> float:
        """Seconds before the newest picture for which those that weren't read are kept."""
        return self._calm_step if self.adapts else 0.0

    def wake(self, at: float) -> None:
        """Something happened at `at`: a sound, an act. From now on every picture that is due is read."""
        if self.adapts:
            self._awake_until = max(self._awake_until, at + WAKE_S)
            self.next_at = min(self.next_at, at)

    def beat(self, at: float) -> None:
        """A picture of `at` is being read: the next one is due by the beat, which starts anew when the machine doesn't keep up."""
        self.next_at = max(self.next_at + self.step, at + self.step / 2)

    def is_calm(self, gaze: GazeReading) -> bool:
        """Does the student sit as in the picture before, and look at the screen, well inside the limits?"""
        face, self._face = self._face, gaze.box
        near = any((value if name == "gaze_y_deg" else abs(value)) > CALM * limit for name, limit, value in self._told(gaze))
        if gaze.direction != "focused" or near or face is None or gaze.box is None or _moved(face, gaze.box):
            self._awake_until = max(self._awake_until, gaze.at + WAKE_S)
            return False
        return True

    def _told(self, gaze: GazeReading) -> Iterator[tuple[str, float, float]]:
        return ((name, limit, gaze.numbers.get(name, 0.0)) for name, limit in self._limits.items())

    def rest(self, at: float, late: float, key_at: float | None = None) -> None:
        """Nothing happens: let the next picture come later, by what this one came too late, so that no session falls behind the others.

        Of H.264 with a key picture at `key_at` let it be the next key, which rests on nothing that would have to be decoded for it.
        """
        if self.adapts and at >= self._awake_until:
            early = max(0.0, late)
            if key_at is not None:
                early = max(early, (at - key_at + KEY_SLACK_S) % self._calm_step)
            self.next_at = at + max(self.step, self._calm_step - early)

    def look_is_due(self, at: float) -> bool:
        """Is a look for persons due? The next one is an interval later, whoever looks."""
        due = at >= self._next_look_at
        if due:
            self._next_look_at = max(self._next_look_at + self._look_step, at + self._look_step * 0.75)
        return due

    def looks_the_same(self, image: npt.NDArray[np.uint8], at: float, look: PersonsReading | None) -> bool:
        """Would a look show what the last one, `look`, did: one person and no phone, and nothing that moved since?"""
        if self._looked is None or look is None or look.count != 1 or look.phone or look.reason:
            return False
        small, looked_at = self._looked
        if at - looked_at >= self._calm_look_step - 1e-3:
            return False
        moved = _moved_cells(_small(image), small)
        return float(moved.mean()) <= self._moved_share and not _is_block(moved & _beside(look.persons, image.shape))

    def looked(self, image: npt.NDArray[np.uint8], at: float) -> None:
        """Persons were looked for in this picture."""
        self._looked = _small(image), at


def _moved(old: Box, new: Box) -> bool:
    shift = max(abs(old.x1 + old.x2 - new.x1 - new.x2), abs(old.y1 + old.y2 - new.y1 - new.y2)) / 2
    return shift > FACE_MOVED * old.width


def _small(image: npt.NDArray[np.uint8]) -> Small:
    # green is close to luminance
    return np.asarray(cv2.resize(np.ascontiguousarray(image[:, :, 1]), CELLS, interpolation=cv2.INTER_AREA), np.float32)


def _moved_cells(new: Small, old: Small) -> Cells:
    """The cells that changed, apart from the picture's light as a whole: a camera follows the light."""
    change = new - old
    dark, bright = np.percentile(old, (5, 95))
    return np.asarray(np.abs(change - np.median(change)) > np.clip(CELL_MOVED * (bright - dark), CELL_MOVED_LEAST, CELL_MOVED_MOST), np.bool_)


def _beside(persons: Iterable[Box], shape: tuple[int, ...]) -> Cells:
    """The cells in which nobody sits who was seen: whoever does moves a little all the time."""
    columns, rows = CELLS
    x, y = columns / shape[1], rows / shape[0]
    beside = np.ones((rows, columns), np.bool_)
    for box in persons:
        more = AROUND * box.width
        left, right = max(0, int((box.x1 - more) * x)), max(0, math.ceil((box.x2 + more) * x))
        beside[max(0, int((box.y1 - more) * y)) : max(0, math.ceil(box.y2 * y)), left:right] = False
    return beside


def _is_block(moved: Cells) -> bool:
    return bool(cv2.erode(moved.astype(np.uint8), BLOCK, borderType=cv2.BORDER_CONSTANT, borderValue=0).any())
