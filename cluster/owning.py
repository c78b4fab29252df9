"""Who owns a session: its owner's name and epoch stand in its document, and change by compare-and-set alone.

Each who takes a session raises its epoch, and so fences off what earlier owners have written of it and not yet delivered (`storage.fence`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo import ReturnDocument
from pymongo.read_concern import ReadConcern

from database import Database, Document

FIRST_EPOCH = 1


def owner_of(document: Mapping[str, Any]) -> str | None:
    """Whose a session is; None where nobody's: it was given up, or an older version made it."""
    owner = document.get("owner")
    return owner if isinstance(owner, str) and owner else None


def epoch_of(document: Document) -> int:
    """Its epoch; 0 where an older version made it."""
    epoch = document.get("epoch")
    return epoch if isinstance(epoch, int) else 0


def run_of(document: Mapping[str, Any]) -> str | None:
    """In which run its owner has it; None where that is not known, since an older version took it."""
    run = document.get("owner_run")
    return run if isinstance(run, str) and run else None


def take(database: Database, document: Document, owner: str | None, disk: str = "", run: str | None = None) -> Document | None:
    """Make a session this server's, as it was read; return it as it is then, None where it is another's or over meanwhile.

    `owner` and `run` are None where the server knows of no others; `disk` is its name as files are kept under it (`on`), which outlives another name.
    Raise `StorageError`: then it may have been taken or not.
    """
    as_read = {"_id": document["_id"], "state": document["state"], **_as_read(document)}
    change: Document = {"$set": {"owner": owner, "owner_run": run, "epoch": epoch_of(document) + 1}}
    if disk:
        change["$addToSet"] = {"on": disk}
    with database.reading():
        return database.collection("sessions").find_one_and_update(as_read, change, return_document=ReturnDocument.AFTER)


def rename(database: Database, session_id: str, epoch: int, old: str, new: str) -> bool:
    """Keep a session under this server's new name. False where another has taken it; one that isn't stored yet is nobody else's.

    The epoch stays: what waits to be written under it is this server's, too. Raise `StorageError`.
    """
    sessions = database.collection("sessions").with_options(read_concern=ReadConcern("majority"))
    with database.reading():
        if sessions.update_one({"_id": session_id, "owner": {"$in": [old, new]}, "epoch": epoch}, {"$set": {"owner": new}}).matched_count:
            return True
        found = sessions.find_one({"_id": session_id}, {"owner": 1, "epoch": 1})
    return found is None or (owner_of(found) in (None, old) and epoch_of(found) < epoch)


def _as_read(document: Document) -> Document:
    return {"owner": document.get("owner"), "epoch": document.get("epoch")}
