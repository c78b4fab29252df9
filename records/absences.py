"""The stills of before and after each absence, for a person to look at side by side. No program compares them.

A document an absence, with both pictures in it: they go with their session, its student and its exam, and before that by a time of their own
(`KEEP_ABSENCES_DAYS`); that somebody was away stays.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

from basics.errors import NotFound, StorageError
from basics.texts import _
from basics.times import utc_now
from database import Database, Document
from records.keep_times import part_of
from records.stores import Store

Side = Literal["before", "after"]
SIDES: tuple[Side, ...] = get_args(Side)
COLLECTION = "absences"
NAME = re.compile(rf"([0-9]{{1,12}})-({'|'.join(SIDES)})")
LISTED_MAX = 500
_WITHOUT_PICTURES = {"before.image": 0, "after.image": 0}


def of_session(database: Database, session_id: str) -> list[Document]:
    """The absences of a session in their order, without the pictures themselves. Raise `StorageError`."""
    with database.reading():
        found = database.collection(COLLECTION).find({"session_id": session_id}, _WITHOUT_PICTURES)
        return list(found.sort([("start", 1), ("_id", 1)]).limit(LISTED_MAX))


def name_of(absence: Mapping[str, Any], side: Side) -> str:
    """The name of a still within its session."""
    return f"{str(absence['_id']).rpartition('-')[2]}-{side}"


def picture(database: Database, session_id: str, name: str) -> bytes:
    """A still as JPEG. Raise `NotFound`, `StorageError` where it isn't as it was."""
    if (found := NAME.fullmatch(name)) is not None:
        side = found.group(2)
        with database.reading():
            absence = database.collection(COLLECTION).find_one({"_id": f"{session_id}-{found.group(1)}", "session_id": session_id}, {side: 1})
        still = part_of(absence or {}, side)
        if isinstance(data := still.get("image"), bytes):
            if hashlib.sha256(data).hexdigest() != still.get("sha256"):
                raise StorageError(_("This picture isn't as it was when it was taken: its hash is another."))
            return data
    raise NotFound(_("There is no such picture, or it was deleted when its time was over."), field="name")


def with_pictures(store: Store, session_ids: Iterable[str]) -> dict[str, int]:
    """How many pictures there are of these sessions, by session. Raise `StorageError`."""
    found: dict[str, int] = {}
    with store.reading():
        for row in store.collection(COLLECTION).find(
            {"session_id": {"$in": list(session_ids)}, "pictures": True}, {"session_id": 1, "before.size": 1, "after.size": 1}
        ):
            found[row["session_id"]] = found.get(row["session_id"], 0) + sum(bool(part_of(row, side)) for side in SIDES)
    return found


def drop_pictures(store: Store, session_id: str) -> None:
    """Delete the pictures of a session; that somebody was away, and the pictures' hashes, stay. Raise `StorageError`."""
    change = {"$unset": dict.fromkeys((f"{side}.image" for side in SIDES), ""), "$set": {"pictures": False, "pictures_deleted_at": utc_now()}}
    with store.reading():
        store.collection(COLLECTION).update_many({"session_id": session_id, "pictures": True}, change)
