"""Who of those that are seen is alive, and who a picture: a poster that the edge cuts or a head hides in part, a portrait, a coat on a hook.

A picture has no frame that is always found, but it never moves. Each look is compared with those before it: beside the student, where nothing
changed from one look to the next, nobody sits. And what was there already as it is now while the student sat elsewhere is of the room: the student
is not there when nothing else is seen, however much of a face it has. Where nobody can tell, as where the student is before it, or in the dark, all
stays as the looks say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from basics.readings import Box, GazeReading, PersonsReading
from detectors.boxes import held, overlap
from sessions.grid import Cells, Levels, brightening, cells_of, free_of, levels
from sessions.still_view import BRIGHT, MOVES

Image = npt.NDArray[np.uint8]

LEAST_CELLS = 4  # of somebody that are to be seen past all others; of less nobody can tell
SAME_PLACE = 0.3  # overlap from which boxes of two looks are one: a poster's differs by what is before it
KEPT = 5  # looks
LOOKS = 3  # of them in which a thing was as it is now, to be of the room: 4 s and more, and nobody sits still for more than 2
FREE_SHARE = 0.25  # of its cells that are to be seen then


@dataclass(frozen=True, slots=True)
class _Look:
    """What was seen: who `lives`, and in which cells nobody is who does."""

    levels: Levels
    free: Cells
    lives: tuple[Box, ...]


class Living:
    """Of one camera. Takes looks in the order of their times, from one thread at a time."""

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque(maxlen=KEPT)
        self._shape: tuple[int, ...] = ()
        self._framed: tuple[Box, Levels] | None = None  # a face in a picture's frame, whose gaze was read while nobody was seen

    def look(self, image: Image, gaze: GazeReading, persons: PersonsReading) -> PersonsReading:
        """Take a look at a picture, uint8 [h, w, 3] BGR. Return it without those of its persons who are pictures; `numbers` says how many."""
        if self._shape != image.shape:
            self._looks.clear()
            self._shape = image.shape
        now = levels(image)
        if gaze.box is not None and persons.numbers.get("face_pictured"):
            self._framed = gaze.box, now
        elif persons.persons:
            self._framed = None
        if float(np.percentile(now, 90)) < BRIGHT:
            self._looks.clear()
            return persons
        found = persons.persons
        lives = [box for box in found if not self._is_of_room(image, now, box, found)]
        if len(lives) > 1:
            moving = [box for box in lives if self._stirs(image, now, box, lives) is not False]
            lives = moving or [max(lives, key=lambda box: box.width * box.height)]
        if persons.count is not None and lives:
            self._looks.append(_Look(now, free_of(image, tuple(lives)), tuple(lives)))
        if len(lives) == len(found):
            return persons
        numbers = dict(persons.numbers) | {"pictures": float(len(found) - len(lives))}
        return replace(persons, count=len(lives), persons=tuple(lives), numbers=numbers)

    def is_of_room(self, image: Image, gaze: GazeReading) -> bool:
        """Is the face whose gaze was read a thing of the room, and not the one who sat before it?"""
        box = gaze.box
        if box is None or self._shape != image.shape:
            return False
        own = cells_of(image, box)
        if self._framed is not None and overlap(box, self._framed[0]) > SAME_PLACE:
            return bool(np.abs(levels(image) - self._framed[1])[own].max(initial=0) < MOVES)
        if not self._looks:
            return False
        if int((own & self._looks[-1].free).sum()) < _least(own):  # mostly where the student was just now, which spares the rest
            return False
        return self._is_of_room(image, levels(image), box, (box,))

    def _is_of_room(self, image: Image, now: Levels, box: Box, found: Sequence[Box]) -> bool:
        """Was it as it is now at looks that are kept, while somebody was elsewhere?"""
        looks = [look for look in self._looks if all(held(one, box) <= SAME_PLACE for one in look.lives)]
        if len(looks) < LOOKS:
            return False
        own, free = cells_of(image, box), _past(image, box, found)
        changes = (_change(look, now, own & free & look.free, free & look.free, _least(own)) for look in looks)
        return sum(change is not None and change < MOVES for change in changes) >= LOOKS

    def _stirs(self, image: Image, now: Levels, box: Box, found: Sequence[Box]) -> bool | None:
        """Has anything of this one changed since the look before? None where nobody can tell."""
        if not self._looks:
            return None
        before = self._looks[-1]
        others = tuple(one for one in before.lives if overlap(one, box) < SAME_PLACE)
        free = _past(image, box, found)
        change = _change(before, now, cells_of(image, box) & free & free_of(image, others), free & before.free, LEAST_CELLS)
        return None if change is None else change >= MOVES


def holds(body: Box, face: Box) -> bool:
    """Is the middle of a face in a body?"""
    x, y = (face.x1 + face.x2) / 2, (face.y1 + face.y2) / 2
    return body.x1 <= x <= body.x2 and body.y1 <= y <= body.y2


def _least(cells: Cells) -> float:
    """How many of a thing's cells must be seen to say that it is as it was."""
    return max(LEAST_CELLS, FREE_SHARE * int(cells.sum()))


def _past(image: Image, box: Box, found: Sequence[Box]) -> Cells:
    """The cells in which none of the others is."""
    return free_of(image, tuple(one for one in found if one is not box))


def _change(before: _Look, now: Levels, cells: Cells, room: Cells, least: float) -> float | None:
    """The largest change of `cells` since a look, as they are or in the light that changed the rest of the `room`. None of fewer than `least`."""
    if int(cells.sum()) < least:
        return None
    was, gain, offset = before.levels[cells], *brightening(before.levels[room], now[room])
    return min(float(np.abs(now[cells] - one).max()) for one in (was, np.clip(gain * was + offset, 0, 255)))
