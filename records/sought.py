"""Part of a name as a MongoDB condition: on the few values that have it where these are few, so that an index finds their rows."""

from __future__ import annotations

import re

from database import Database, Document

VALUES_MAX = 500  # with more, the rows sought are so many that they are soon met


def with_part(database: Database, collection: str, field: str, part: str, query: Document) -> Document:
    """The condition on `field` for values that have `part` in them, in any case, of the rows of `query`. Raise `StorageError`."""
    pattern = re.escape(part)
    with database.reading():
        there = database.collection(collection).distinct(field, query)
    found = [one for one in there if isinstance(one, str) and re.search(pattern, one, re.IGNORECASE)]
    return {"$in": found} if len(found) <= VALUES_MAX else {"$regex": pattern, "$options": "i"}
