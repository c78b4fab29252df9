"""The sessions that were deleted, by their ids alone, for all servers on the database: what waits of one in a server's spool is not stored any more.

A server that is away while a session is deleted has perhaps the last of it on its disk, and plays that back when it starts again: months later, or by
somebody who adopts its disk. An id says nothing of its student.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.read_concern import ReadConcern

from basics.gone import sessions_of
from basics.texts import _
from storage.fence import Fenced
from storage.writes import Write

COLLECTION = "deleted_sessions"
KEPT = timedelta(days=5 * 365)  # no server is away for longer
_ASKED = 1000  # ids at once


class Deleted(Fenced):
    """The session that the write is of was deleted: nobody wants it any more."""


def mark_deleted(database: Database[dict[str, Any]], writes: Sequence[Write], session: ClientSession) -> None:
    """Mark all of these that are of a session that was deleted. Raise `PyMongoError`.

    What the audit says of one outlives it, unless its student was erased.
    """
    of = [(write, sessions_of(write.collection, write.document_id, write.fields)) for write in writes if write.error is None]
    gone = _deleted(database, {one for _write, ids in of for one in ids}, session)
    for write, ids in of:
        if any(one in gone and (gone[one] or write.collection != "audit") for one in ids):
            write.error = Deleted(_("The session was deleted since."), reason="gone")


def _deleted(database: Database[dict[str, Any]], ids: Iterable[str], session: ClientSession) -> dict[str, bool]:
    """Those that were deleted, and whether with their student."""
    asked, found = sorted(ids), dict[str, bool]()
    rows = database[COLLECTION].with_options(read_concern=ReadConcern("majority"))
    for first in range(0, len(asked), _ASKED):
        some = rows.find({"_id": {"$in": asked[first : first + _ASKED]}}, {"erased": 1}, session=session)
        found |= {row["_id"]: row.get("erased") is True for row in some}
    return found
