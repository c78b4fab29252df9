"""The IDs of a call's body as they are known here."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel

from records.spellings import known_spelling
from web.parts import parts

Body = TypeVar("Body", bound=BaseModel)


def as_known(wanted: Body) -> Body:
    """`wanted`, which has a `user_id` and perhaps an `exam_id`, with both spelled as they are known. Raise `Conflict` for a mere look-alike."""
    given = wanted.model_dump(include={"user_id", "exam_id"})
    user_id, exam_id = known_spelling(parts().database, given["user_id"], given.get("exam_id"))
    return wanted.model_copy(update={"user_id": user_id, "exam_id": exam_id})
