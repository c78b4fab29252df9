"""What a student's page says of itself: is the exam before the student, and does it go on saying so?

The page tells when it is left (screen acts), and every few seconds how it is: where the two differ, or nothing is said, a person should look.
"""

from __future__ import annotations

from collections.abc import Iterable

from basics.doubts import DoubtCode
from basics.readings import ScreenAct

UNHEARD_S = 30.0  # the page says how it is every 10 s
UNTOLD_S = 15.0  # hidden in two sayings running, and no act of it
HIDDEN_S = 60.0
UNFOCUSED_S = 15.0  # the focus need not have gone to another window; longer than a search in the page or a look at a button takes
AWAY = frozenset({"tab_hidden"})
BACK = frozenset({"tab_visible"})
LEFT = frozenset({"window_away"})  # told, and counted


CODES: tuple[DoubtCode, ...] = ("focus_unheard", "away_untold", "out_of_sight", "unfocused")
AWAY_DOUBTS: frozenset[DoubtCode] = frozenset({"away_untold", "out_of_sight"})


class FocusWatch:
    """Times in seconds on the session's clock. Not thread-safe: its owner guards it."""

    def __init__(self) -> None:
        self._heard_at: float | None = None  # None: the page isn't connected, or nothing is asked of it
        self._hidden_from: float | None = None  # as the page's sayings have it
        self._unfocused_from: float | None = None  # in sight and without the focus, as the page's sayings have it
        self._acted: tuple[float, bool] = (-1.0, False)  # the newest act of leaving or coming back: when, and whether away
        self._left_at = -1.0  # the newest act of going to another window

    def begin(self, now: float) -> None:
        """The page is connected, or a break is over: from now on it is to say how it is."""
        self._heard_at = now
        self._hidden_from = None
        self._unfocused_from = None

    def stop(self) -> None:
        """The page isn't connected, or a break is on."""
        self._heard_at = None

    def say(self, hidden: bool, now: float, focused: bool | None = None) -> None:
        """The page says how it is. `focused` is None where it doesn't say that."""
        if self._heard_at is not None:
            self._heard_at = now
        if hidden or focused is not False:
            self._unfocused_from = None
        elif self._unfocused_from is None:
            self._unfocused_from = now
        if not hidden:
            self._hidden_from = None
            if self._acted[1]:  # another tab took over, or the page was loaded anew: nothing tells that the exam is before the student again
                self._acted = now, False
        elif self._hidden_from is None:
            self._hidden_from = now

    def take_acts(self, acts: Iterable[ScreenAct]) -> None:
        """Screen acts, in any order."""
        for act in acts:
            if act.kind in AWAY | BACK and act.at >= self._acted[0]:
                self._acted = act.at, act.kind in AWAY
            elif act.kind in LEFT:
                self._left_at = max(self._left_at, act.at)

    def doubts(self, now: float) -> dict[DoubtCode, str | None]:
        """Which doubts hold now, each with its detail; None where it doesn't."""
        heard_at, (away_at, away) = self._heard_at, self._acted
        if heard_at is None:
            return dict.fromkeys(CODES)
        untold = self._hidden_from is not None and not away and now - self._hidden_from > UNTOLD_S
        hidden = away and now - away_at > HIDDEN_S
        since = self._unfocused_from
        unfocused = since is not None and now - since > UNFOCUSED_S and self._left_at < since
        return {
            "focus_unheard": "" if now - heard_at > UNHEARD_S else None,
            "away_untold": f"since {_minutes(self._hidden_from or 0.0)}" if untold else None,
            "out_of_sight": f"since {_minutes(away_at)}" if hidden else None,
            "unfocused": f"since {_minutes(since or 0.0)}" if unfocused else None,
        }


def _minutes(at: float) -> str:
    return f"{int(at) // 60}:{int(at) % 60:02}"
