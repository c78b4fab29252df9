"""The shapes of what is stored of sessions and exams, by which a damaged record is read as far as it goes. Who checks seals reads what is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from basics.shapes import Rows, Shape
from basics.stored_fields import is_moment, is_switch, is_text, is_word, number, one_of, whole
from records.flag_counts import FLAG_STATES

FAR = 1e9  # seconds; no exam is so long, and a time of day can be counted with it
MANY = 1_000_000_000
SECONDS, COUNT, POINTS = number(-FAR, FAR), whole(0, MANY), whole(-MANY, MANY)
STATES = ("running", "ended", "interrupted")


def is_part(value: Any) -> bool:
    """A document in the document."""
    return isinstance(value, Mapping)


def are_marks(value: Any) -> bool:
    """Where violations lie in a clip: kind, from and to of each."""
    return isinstance(value, list | tuple) and all(
        isinstance(one, list | tuple) and len(one) == 3 and is_text(one[0]) and SECONDS(one[1]) and SECONDS(one[2]) for one in value
    )


def are_texts(value: Any) -> bool:
    """A list of texts."""
    return isinstance(value, list | tuple) and all(map(is_text, value))


WHOSE: Mapping[str, Any] = dict.fromkeys(("session_id", "user_id", "exam_id"), is_text)

SESSION = Shape(
    {
        **WHOSE,
        "state": one_of(STATES),
        **dict.fromkeys(("started_at", "ended_at"), is_moment),
        "begun": is_switch,
        "total_score": POINTS,
        "flagged_intervals": COUNT,
        "exam": is_part,
    },
    needs=("user_id", "state", "started_at"),
)
"""What lists show of a session."""

_UNREAD = Shape({"of_s": number(0, FAR), "unread_s": number(0, FAR), "reasons": lambda value: is_part(value) and all(map(SECONDS, value.values()))})
UNREAD = Shape(dict.fromkeys(("gaze", "people", "sound"), Shape(_UNREAD.fields, needs=tuple(_UNREAD.fields))), needs=("gaze", "people", "sound"))

VIOLATION = Shape(
    {"kind": is_word, "start": SECONDS, "end": SECONDS, "points": POINTS, "occurrences": COUNT, "evidence": is_part}, needs=("kind", "start", "end")
)
CLIP = Shape(
    {
        "state": one_of(("none", "pending", "ready", "failed", "deleted")),
        **dict.fromkeys(("path", "sha256", "reason", "on"), is_text),
        **dict.fromkeys(("start", "duration"), SECONDS),
        "size_bytes": whole(0),
        "marks": are_marks,
    }
)
OPINION = Shape({"decision": one_of(("confirmed", "dismissed")), **dict.fromkeys(("reason", "note", "by"), is_text), "at": is_moment})
REVIEW = Shape({**OPINION.fields, "second": OPINION, "third": OPINION, "state": one_of(FLAG_STATES), "answered_since": is_switch})
DECISION = Shape({**OPINION.fields, "video_id": is_text}, needs=("by", "at"))
"""One of a flag; without a `decision` its person took the last one back, so that one of which that was damaged says nothing at all."""

INTERVAL = Shape(
    {
        **WHOSE,
        "index": COUNT,
        **dict.fromkeys(("start", "end"), SECONDS),
        **dict.fromkeys(("started_at", "ended_at", "flagged_at"), is_moment),
        "score": POINTS,
        **dict.fromkeys(("flagged", "marked"), is_switch),
        "violations": Rows(VIOLATION),
        "clip": CLIP,
        "review": REVIEW,
    },
    needs=("index", "start", "end"),
)

FINDINGS = ("no_finding", "finding", "passed_on", "retake")
_SECOND = Shape({**dict.fromkeys(("by", "reason", "account_id"), is_text), "at": is_moment, "agrees": is_switch}, needs=("by", "at", "agrees"))
_ACT = Shape(
    {
        "act": one_of(("concluded", "agreed", "disagreed", "settled", "withdrawn")),
        "conclusion": one_of(FINDINGS),
        **dict.fromkeys(("reason", "by", "account_id"), is_text),
        "at": is_moment,
    },
    needs=("act", "by", "at"),
)
CONCLUSION = Shape(
    {
        **WHOSE,
        "conclusion": one_of(FINDINGS),
        **dict.fromkeys(("reason", "by", "account_id"), is_text),
        "at": is_moment,
        "state": one_of(("proposed", "concluded", "contested", "withdrawn")),
        "revision": COUNT,
        "four_eyes": is_switch,
        "second": _SECOND,
        "history": Rows(_ACT),
    },
    needs=("conclusion", "by", "at", "state", "revision"),
)
IN_FORCE = Shape(CONCLUSION.fields, needs=("conclusion", "by", "state"))
"""The same, of which lists read these alone."""
TOLD = Shape(CONCLUSION.fields, needs=("conclusion", "by", "at", "state"))
"""The same, as its student is told it."""

ANSWER = Shape({"text": is_text, "at": is_moment, "nothing": is_switch, "of": are_texts})
SAID = Shape(ANSWER.fields, needs=("text", "at"))
NEW_LOOK = Shape(
    {
        **WHOSE,
        "reason": is_text,
        "at": is_moment,
        "state": one_of(("open", "done")),
        "done": Shape({"text": is_text, "by": is_text, "at": is_moment}),
    },
    needs=("reason", "at", "state"),
)
LINK = Shape({"session_id": is_word, **dict.fromkeys(("made_at", "until", "opened_at", "ended_at"), is_moment)}, needs=("made_at", "until"))

_SAYS = frozenset({"decision", "by", "at"})


def read_decisions(rows: Iterable[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """The decisions that can be read, and the ids of those of which something can't."""
    read = [(str(row.get("_id")), *DECISION.fit(row)) for row in rows]
    return [kept for _id, kept, wrong in read if _SAYS.isdisjoint(wrong)], [one for one, _kept, wrong in read if wrong]
