"""Does one camera's picture stand still, and is that a stuck camera, or a room in which nothing moves, seen without noise?

A camera that denoises, or draws its own background, shows an empty chair as the very same picture for ever. Of a stuck one nothing is known.
What tells them apart: whether the camera gives new pictures all the while, which only who asks it can say (the student's page, or the reader of a
local camera), and whether this is the room in which somebody was seen before, which is seen here: a lens cap's drawing, or what a camera program
shows when its camera is taken away, comes as new pictures, too, and is no empty room.

The page is the student's, and may say what it likes. That its camera is stuck keeps its pictures from being read, as sending none would, and the
proctor is shown a frozen camera; but not while they are seen to move. That it gives new pictures can only let nobody be found where nobody is seen.
And who is seen to move by nothing for half a minute is a picture of somebody, whatever the page says or leaves out, and however it is encoded.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from basics.readings import Box
from sessions.grid import LEAST_CELLS, Cells, Levels, brightening, free_of, levels, sharpness

Image = npt.NDArray[np.uint8]

SAMPLE = 8  # every 8th pixel in each direction tells most pictures apart, before all of them are compared
MOVES = (
    6.0  # grey levels of a cell's mean: H.264 of a still picture changes it by 3 at most (80 kbit/s), whoever sits quietly for 1.5 s by 16 and more
)
LIFELESS_S = (
    30.0  # without such a change there is a picture of somebody and nobody: people in the recorded exams sit so still for 2 s, in dim light for 9
)
BRIGHT = 100.0  # of a tenth of the cells; in less light so little changes that nobody can tell
WATCH_EVERY_S = 1.0
DENIED_S = 60.0  # after which a page that told what was not so is believed again
SAME = 3.0  # grey levels, in the middle and at three quarters of the background's cells: a shadow goes with whoever cast it
SAME_MOST = 8.0
CONTRAST = 100.0  # grey levels that nine tenths of a room's cells have from which these hold as they are: in dim light all changes are smaller,
CONTRAST_LEAST = 1 / 3  # down to such a share, for an encoder's do not become so
AS_SHARP = 0.7  # of then: blurred pictures have up to .64 of the edges of the softest rooms (ROOM_BLUR_EDGE)
LEFT_SHARE = 0.5  # of the cells in which somebody was


class StillView:
    """Of one session. One thread at a time takes pictures; what is told may come from any."""

    def __init__(self, *, gives_new: bool = False) -> None:
        """`gives_new`: of a local camera every picture is a new one, for its driver waits for it."""
        self.told_frozen = False  # the page sees its camera stand still: pictures of H.264 change all the same
        self.gives_new = gives_new
        self.denied = False  # the page says that nothing moves, and something does
        self.since: float | None = None  # from when on it stands still
        self._newest: Image | None = None
        self._changed_at = 0.0
        self._cells: npt.NDArray[np.float32] | None = None
        self._moved_at = -np.inf
        self._watched_at = -np.inf
        self._was_told = False
        self._denied_at = -np.inf
        self._still_from: float | None = None
        self._room: tuple[Levels, Cells, float] | None = None  # what it looked like, in which cells it was seen, and how sharp

    def tell(self, frozen: bool, gives_new: bool | None) -> None:
        """The page says whether its camera stands still, and whether new pictures come from it (None: it doesn't say)."""
        self.told_frozen = frozen
        self.gives_new = self.gives_new if gives_new is None else gives_new

    def take(self, image: Image, at: float, least: float) -> float:
        """Take a picture, uint8 [h, w, 3] BGR. Return for how many seconds it has been the same; `since` is set once that is `least`, or told."""
        if self._newest is None or not _are_same(image, self._newest):
            self._changed_at = at
        self._newest = image
        same = at - self._changed_at
        if self.told_frozen != self._was_told:
            self._was_told = self.told_frozen
            if at - self._denied_at > DENIED_S:  # what moved before it was told denies nothing, but of who told what was not so
                self._cells, self._moved_at = None, -np.inf
        if self.told_frozen or at - self._watched_at >= WATCH_EVERY_S:
            self._watch(image, at)
        # Somebody moved a moment ago: what is told can't be true, and what is seen is read.
        self.denied = self.told_frozen and at - self._moved_at < least
        self._denied_at = at if self.denied else self._denied_at
        if same >= least or (self.told_frozen and not self.denied):
            self.since = at if self.since is None else self.since
        else:
            self.since = None
        return same

    def _watch(self, image: Image, at: float) -> None:
        self._watched_at, cells = at, levels(image)
        bright = float(np.percentile(cells, 90)) >= BRIGHT
        moves = self._cells is not None and float(np.abs(cells - self._cells).max()) >= MOVES
        if moves:
            self._moved_at = at
        if moves or self._cells is None:
            self._cells = cells
        if moves or not bright or self._still_from is None:
            self._still_from = at

    def is_lifeless(self, at: float) -> bool:
        """Has nothing moved for so long that whoever is seen is a picture?"""
        return self._still_from is not None and at - self._still_from >= LIFELESS_S

    def learn_room(self, image: Image, persons: tuple[Box, ...]) -> None:
        """Somebody is seen in this picture, at `persons`: what is around them is the room."""
        if persons:
            free = free_of(image, persons)
            self._room = levels(image), free, sharpness(image, free)

    def forget_room(self) -> None:
        """Another camera's pictures come: it sees the room from elsewhere."""
        self._room = None

    def is_known_room(self, image: Image) -> bool:
        """Is this the room in which somebody was seen before, by what was around them?"""
        found = self._since_then(image)
        if found is None or self._room is None:
            return False
        before, free, _ = self._room
        middle, most = np.percentile(found[free], (50, 75)) / _contrast(before)
        return bool(middle <= SAME and most <= SAME_MOST)

    def is_left(self, image: Image) -> bool:
        """Is it that room, seen as sharply as then, and where somebody was is something else now?

        So a poor picture tells that somebody left: of who has the background blurred, all of it is once nobody is before it, and in whatever light
        somebody was seen somebody would be seen. A camera that is out of focus, or a light that goes out, shows a room less sharply than before.
        """
        if self._room is None or not self.is_known_room(image):
            return False
        before, free, sharp = self._room
        found = self._since_then(image)
        if found is None or sharpness(image, free) < AS_SHARP * sharp:
            return False
        return float((found[~free] >= MOVES * _contrast(before)).mean()) >= LEFT_SHARE

    def _since_then(self, image: Image) -> Levels | None:
        """By how much each cell has changed since somebody was seen, in the light of then; None where too little of the room was seen."""
        if self._room is None:
            return None
        before, free, _ = self._room
        if int(free.sum()) < LEAST_CELLS or free.all():
            return None
        now = levels(image)
        gain, offset = brightening(before[free], now[free])
        return np.asarray(np.abs(now - np.clip(gain * before + offset, 0, 255)), np.float32)

    def close(self) -> None:
        """Let go of what was kept of pictures."""
        self._newest = self._cells = self._room = None


def _contrast(room: Levels) -> float:
    """What changes in it are to be measured by: 1 in good light, less in dim."""
    dark, bright = np.percentile(room, (5, 95))
    return float(np.clip((bright - dark) / CONTRAST, CONTRAST_LEAST, 1.0))


def _are_same(one: Image, other: Image) -> bool:
    """Are two pictures the same, to the last pixel?"""
    if one.shape != other.shape or not np.array_equal(one[::SAMPLE, ::SAMPLE], other[::SAMPLE, ::SAMPLE]):
        return False
    return np.array_equal(one, other)
