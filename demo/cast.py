"""The demo's six students: how they look, and what happens in their exams, over and over. Their names are ids; nobody is meant."""

from __future__ import annotations

import math
from dataclasses import dataclass

from basics.readings import ActKind
from demo.camera import Scene
from demo.drawings import Look

EXAM_ID = "demo-exam"

READ_ALOUD = (
    "Question seven. A train leaves the station at nine o'clock, and a second one follows half an hour later. When does the second train arrive?"
)


@dataclass(frozen=True, slots=True)
class Script:
    """One student's exam, in seconds since its begin; it begins anew each `period`, until the student ends it after `sits`."""

    user_id: str
    look: Look
    period: float = 120.0
    scenes: tuple[tuple[float, float, Scene], ...] = ()
    acts: tuple[tuple[float, ActKind], ...] = ()
    lost: tuple[tuple[float, float], ...] = ()  # when the line is down
    says: str = ""
    says_at: float = 0.0
    visitor: Look | None = None
    sits: float = math.inf

    def scene(self, at: float) -> Scene:
        """What the camera sees."""
        now = at % self.period
        return next((scene for begin, end, scene in self.scenes if begin <= now < end), "working")

    def acts_between(self, after: float, until: float) -> list[ActKind]:
        """What the student does on screen after one moment, up to another at most a period later."""
        lap = math.floor(after / self.period) * self.period
        return [kind for start in (lap, lap + self.period) for at, kind in self.acts if after < start + at <= until]

    def lost_until(self, at: float) -> float | None:
        """When the line comes back that is down at `at`; None where it isn't down."""
        lap = math.floor(at / self.period) * self.period
        return next((lap + end for begin, end in self.lost if begin <= at - lap < end), None)

    def spoken_from(self, at: float) -> float | None:
        """When the speech nearest before `at` began; None for who says nothing."""
        if not self.says or at < self.says_at:
            return None
        return math.floor((at - self.says_at) / self.period) * self.period + self.says_at


_ADA = Look(skin=(150, 180, 222), hair=(30, 40, 58), clothes=(140, 90, 60), wall=(196, 206, 214), seed=1)
_GRACE = Look(skin=(160, 188, 226), hair=(96, 150, 190), clothes=(150, 110, 140), wall=(206, 200, 206), seed=5, long_hair=True)
_ALAN = Look(skin=(170, 196, 232), hair=(60, 96, 150), clothes=(90, 80, 150), wall=(210, 205, 190), seed=3, glasses=True)
_KATHERINE = Look(skin=(96, 130, 178), hair=(22, 24, 30), clothes=(70, 120, 90), wall=(190, 200, 190), seed=2, long_hair=True)
_EMMY = Look(skin=(72, 96, 138), hair=(20, 22, 26), clothes=(60, 150, 200), wall=(188, 196, 206), seed=4)
_LISE = Look(skin=(124, 156, 202), hair=(40, 42, 46), clothes=(80, 80, 90), wall=(180, 196, 196), seed=6, long_hair=True, glasses=True)

CAST = (
    # Works quietly, and hands in after four minutes.
    Script("ada", _ADA, scenes=((50, 51.5, "aside"), (95, 96, "aside")), sits=240),
    # Reads aloud and looks aside: points, but no flag.
    Script("grace", _GRACE, says=READ_ALOUD, says_at=8, scenes=((20, 24, "aside"), (80, 84, "aside"))),
    # Leaves the exam's tab and pastes: 4 + 5 + 4 + 5 points.
    Script("alan", _ALAN, period=180, acts=((6, "tab_switch"), (9, "copy"), (12, "tab_switch"), (16, "paste"), (100, "copy"))),
    # Goes away, and has left the tab before: 9 + 4 points.
    Script("katherine", _KATHERINE, period=210, scenes=((8, 18, "away"),), acts=((6, "tab_switch"),)),
    # Is visited: two people in view, 10 points.
    Script("emmy", _EMMY, period=240, scenes=((38, 48, "visited"),), visitor=_ADA),
    # Has a hand before the camera, then a poor line: nobody can tell, which costs no points.
    Script("lise", _LISE, period=90, scenes=((12, 28, "covered"),), lost=((40, 58),)),
)
