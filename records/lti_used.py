"""What is good once: whoever takes it first has it, at whatever server. It is forgotten when nobody could come with it any more."""

from __future__ import annotations

from datetime import timedelta

from pymongo.errors import DuplicateKeyError

from basics.times import utc_now
from records.stores import Store

COLLECTION = "lti_used"


class LtiUsed:
    """What was used, in one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def take(self, kind: str, value: str, keep_s: float) -> bool:
        """Use `value` up, which is good for less than `keep_s` seconds; False where it was used before. Raise `StorageError`."""
        with self._store.reading():
            try:
                self._store.collection(COLLECTION).insert_one({"_id": f"{kind} {value}", "until": utc_now() + timedelta(seconds=keep_s)})
            except DuplicateKeyError:
                return False
        return True
