"""Pictures, sounds and acts that a test of the rules makes up, and the rules they are scored by."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from basics.readings import AudioReading, Box, Direction, GazeReading, PersonsReading, ScreenAct
from score import Scorer
from scoring.rules import Rules

RULES = Rules(
    points={
        "gaze_distracted": 2,
        "no_face": 9,
        "multiple_faces": 10,
        "speech": 3,
        "multiple_voices": 10,
        "tab_switch": 4,
        "copy_paste": 5,
        "prohibited_object": 10,
    }
)
Picture = tuple[GazeReading, PersonsReading | None]


def pictures(
    directions: Callable[[float], Direction], counts: Callable[[float], int | None], start: float, end: float, *, phone: bool = False
) -> list[Picture]:
    """Four pictures a second, a look for persons every two seconds."""
    made = []
    for step in range(round(start * 4), round(end * 4)):
        at = step / 4
        look = PersonsReading(at, counts(at), phone, persons=(Box(0, 0, 9, 9, 0.9),)) if step % 8 == 0 else None
        made.append((GazeReading(at, directions(at)), look))
    return made


def scored(made: Sequence[Picture], rules: Rules = RULES) -> Scorer:
    scorer = Scorer(rules)
    for gaze, persons in made:
        scorer.take_picture(gaze, persons)
    return scorer


def kinds(scorer: Scorer, index: int = 0) -> list[str]:
    return [violation.kind for violation in scorer.interval(index).violations]


def between(start: float, end: float, inside: Direction, outside: Direction = "focused") -> Callable[[float], Direction]:
    return lambda at: inside if start <= at < end else outside


def one(at: float) -> int:
    return 1


directions: st.SearchStrategy[Direction] = st.sampled_from(["focused", "left", "right", "down", "closed", "none", "unknown"])
looks = st.sampled_from([None, 0, 1, 2])


@st.composite
def footage(draw: st.DrawFn) -> list[Picture]:
    """Pictures four times a second, in runs so that stretches come about."""
    made: list[Picture] = []
    at = 0.0
    for direction, count, length in draw(st.lists(st.tuples(directions, looks, st.integers(1, 24)), max_size=20)):
        for _ in range(length):
            look = PersonsReading(at, count, draw(st.booleans())) if len(made) % 8 == 0 else None
            made.append((GazeReading(at, direction), look))
            at += 0.25
    return made


@st.composite
def sounds(draw: st.DrawFn) -> list[AudioReading]:
    made = []
    for second in range(draw(st.integers(0, 80))):
        spoken = draw(st.booleans())
        several = spoken and draw(st.booleans())
        stretch = ((second + 0.1, second + 0.9),)
        made.append(AudioReading(second, 1.0, stretch if spoken else (), stretch if several else (), 2 if several else int(spoken)))
    return made


acts = st.lists(
    st.builds(
        ScreenAct,
        id=st.uuids().map(str),
        at=st.floats(0, 90).map(lambda at: round(at, 2)),
        kind=st.sampled_from(["copy", "paste", "tab_hidden", "tab_visible", "window_blur", "window_focus", "tab_switch"]),
    ),
    max_size=12,
)
