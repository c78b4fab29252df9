"""Takes the single readings out of a sealed session's checks, and seals what is left: nothing is told as altered, but what was is told still.

The new seal is in the audit before the records are thinned. Whatever breaks it off, each record is as one of the two seals says, and doing it again
ends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from basics.canonical import digest, without
from basics.errors import StorageError
from basics.texts import _
from database import Database, Document
from records.seals import SEALED, SHORT, seal_hash, storable_seal, stored_seal
from storage.marks import without_marks

STORED_WITHIN_S = 10.0
READINGS = "readings"
READINGS_DELETED = "readings: deleted"  # why a session is sealed again


def thin(database: Database, session_id: str) -> int:
    """Delete the readings of a session that has ended; return how many checks had any. Raise `StorageError`."""
    with database.reading():
        document = database.collection("seals").find_one({"_id": session_id})
    if document is not None:
        seal = stored_seal(document)
        with database.reading():
            checks = database.collection("checks").find({"session_id": session_id}).sort("number", 1)
            sealed = seal | {"checks": seal["checks"] | thinned(seal["checks"], checks)}
        entry = {"who": "server", "what": SEALED, "session_id": session_id, "sha256": seal_hash(sealed), "again": READINGS_DELETED}
        # One after the other: a seal that the audit doesn't know of is told as altered.
        if not (database.audit(entry).wait(STORED_WITHIN_S) and database.write("seals", session_id, storable_seal(sealed)).wait(STORED_WITHIN_S)):
            raise StorageError(_("What is deleted can't be noted now; see /api/health."))
    with database.reading():
        found = database.collection("checks").update_many({"session_id": session_id, READINGS: {"$exists": True}}, {"$unset": {READINGS: ""}})
    return found.modified_count


def thinned(sealed: Mapping[str, str], checks: Iterable[Document]) -> dict[str, str]:
    """The hashes that the checks will have without their readings. One that is not as it was sealed keeps its old hash, by which that is told."""
    found = {}
    for check in checks:
        name, rest = str(check["_id"]), without(check, READINGS)
        if sealed.get(name) in (short(check), short(rest)):
            found[name] = short(rest)
    return found


def as_sealed(checks: Iterable[Document], sealed: Mapping[str, str]) -> Iterable[Document]:
    """The checks; without its readings one that is sealed so already, and was to lose them when the server stopped."""
    for check in checks:
        rest = without(check, READINGS)
        yield rest if sealed.get(str(check["_id"])) == short(rest) else check


def short(record: Mapping[str, Any]) -> str:
    """A record's hash, as a seal has it."""
    return digest(without(without_marks(record), "review", "clip"))[:SHORT]
