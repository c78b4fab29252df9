"""What commands do to people's accounts while a server runs: they leave a note, and the server, whose audit has one writer, enters it."""

from __future__ import annotations

import uuid
from typing import Any

from basics.times import utc_now
from database import Database
from records.stores import Store

AT_ONCE = 100


def note_act(store: Store, what: str, **details: Any) -> None:
    """Leave a note. Raise `StorageError`."""
    with store.reading():
        store.collection("command_acts").insert_one({"_id": uuid.uuid4().hex, "at": utc_now(), "who": "command", "what": what, **details})


def take_command_acts(database: Database) -> list[str]:
    """Enter what was noted into the audit; return what that was. Raise `StorageError`."""
    taken = []
    with database.reading():
        found = list(database.collection("command_acts").find().sort("at", 1).limit(AT_ONCE))
    for act in found:
        if database.audit({name: value for name, value in act.items() if name != "_id"}).wait(AT_ONCE / 10):
            with database.reading():
                database.collection("command_acts").delete_one({"_id": act["_id"]})
            taken.append(str(act.get("what")))
    return taken
