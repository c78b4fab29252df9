"""The fence: what the owner of a session writes of it carries an epoch, and what an earlier owner left never overwrites what a later one wrote.

Each document keeps the epoch of whoever wrote it last as its owner. A write with an older one finds no such document, would insert it, and meets its
id: that refusal is no error. A document that is not there yet is inserted whatever its epoch: what only the dead had is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from basics.errors import Conflict
from basics.texts import _
from storage.writes import Write

DUPLICATE_KEY = 11000
_READ_AT_ONCE = 1000  # ids


class Fenced(Conflict):
    """Another server has taken the session since: this write is not wanted any more."""


def may_be_fenced(write: Write, error: BulkWriteError) -> bool:
    """Did a write with an epoch meet its own document's id? Else a unique index refused it, for another document's values."""
    problem = error.details["writeErrors"][0]
    if write.epoch is None or int(problem["code"]) != DUPLICATE_KEY:
        return False
    pattern = problem.get("keyPattern")
    return set(pattern) == {"_id"} if isinstance(pattern, Mapping) else "index: _id_" in str(problem.get("errmsg"))


def mark_fenced(collection: Collection[dict[str, Any]], writes: Sequence[Write], session: ClientSession) -> None:
    """Mark all of these whose documents have a later epoch. One question for all: an old spool may hold thousands.

    To send them unordered instead would not do: two writes to one document must not change places. Raise `PyMongoError`.
    """
    found: dict[str, int] = {}
    collection = collection.with_options(read_concern=ReadConcern("majority"))  # a take-over that is rolled back fences nothing
    ids = list(dict.fromkeys(write.document_id for write in writes if write.epoch is not None))
    for first in range(0, len(ids), _READ_AT_ONCE):
        query = {"_id": {"$in": ids[first : first + _READ_AT_ONCE]}, "epoch": {"$gt": 0}}
        found |= {row["_id"]: row["epoch"] for row in collection.find(query, {"epoch": 1}, session=session)}
    for write in writes:
        if write.epoch is not None and found.get(write.document_id, 0) > write.epoch:
            write.error = Fenced(_("Another server has taken over the session since."), reason="moved")
