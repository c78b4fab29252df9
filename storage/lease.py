"""A lease on a job in the database: one server at a time holds it, and it passes on when its holder is silent.

The database's own clock says when a lease is over, so that servers need not agree on the time.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from pymongo import ReturnDocument
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

COLLECTION = "leases"
TTL_S = 60.0
SURE = 1 / 3  # of a lease's time, for which its holder need not ask again
_OVER = datetime(1970, 1, 1, tzinfo=timezone.utc)

Document = dict[str, Any]


def ask(leases: Collection[Document], job: str, owner: str, ttl_s: float) -> Document | None:
    """Acquire or renew the lease: it as it stands then, None where it is another's. `taken` in it: from one who was silent. Raise `PyMongoError`."""
    try:
        found = leases.find_one_and_update({"_id": _id(job)}, _taking(owner, ttl_s), upsert=True, return_document=ReturnDocument.AFTER)
    except DuplicateKeyError:  # another made it in this moment
        return None
    return found if found is not None and found.get("owner") == owner else None


def give_back(leases: Collection[Document], job: str, owner: str) -> None:
    """Let another go on at once; harmless where it is not `owner`'s. Raise `PyMongoError`."""
    leases.update_one({"_id": _id(job), "owner": owner}, {"$set": {"owner": None, "until": _OVER}})


def _id(job: str) -> str:
    return f"job:{job}"


def _taking(name: str, ttl_s: float) -> list[Document]:
    """Take it where it is free, one's own, or over; else leave it. In the pipeline: a filter of an upsert may not compare with `$$NOW`."""
    mine: Document = {"$literal": name}
    owner: Document = {"$ifNull": ["$owner", None]}
    free: Document = {"$or": [{"$in": [owner, [None, mine]]}, {"$lt": [{"$ifNull": ["$until", _OVER]}, "$$NOW"]}]}
    changes: Document = {"$and": ["$taken", {"$ne": [owner, mine]}]}
    return [
        {"$set": {"taken": free}},
        {
            "$set": {
                "until": {"$cond": ["$taken", {"$add": ["$$NOW", round(ttl_s * 1000)]}, "$until"]},
                "epoch": {"$add": [{"$ifNull": ["$epoch", 0]}, {"$cond": [changes, 1, 0]}]},
                "owner": {"$cond": ["$taken", mine, "$owner"]},
                "taken": {"$and": [changes, {"$ne": [owner, None]}]},  # from another, who did not give it back
            }
        },
    ]
