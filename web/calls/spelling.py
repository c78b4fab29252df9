"""The IDs of a call's body or query as they are known here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel

from records.spellings import known_spelling, sought_spelling
from web.parts import parts

Body = TypeVar("Body", bound=BaseModel)

IDS = ("user_id", "exam_id")


def as_known(wanted: Body) -> Body:
    """`wanted`, which has a `user_id` or an `exam_id`, with both spelled as they are known. Raise `Conflict` for a mere look-alike."""
    running = parts().monitor.active()
    return _spelled(wanted, lambda name, given: known_spelling(parts().database, name, given, [getattr(session, name) for session in running]))


def as_sought(query: Body) -> Body:
    """The same of a query that lists what is there. A mere look-alike stays, and finds nothing."""
    return _spelled(query, lambda name, given: sought_spelling(parts().database, name, given))


def _spelled(content: Body, spell: Callable[[str, str], str]) -> Body:
    given = {name: value for name in IDS if (value := getattr(content, name, None)) is not None}
    return content.model_copy(update={name: spell(name, value) for name, value in given.items()})
