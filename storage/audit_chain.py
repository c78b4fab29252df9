"""The audit's chain: each entry has its place, the hash of the one before it, and its own, so that none can be changed or taken out unseen.

`hash` is SHA-256 over `seq`, `prev` and `body`; `body` is SHA-256 over all else of the entry and its random `salt`. Where the law asks for an
entry's words to be erased, they and the salt go, `erased` stands in their place, and the chain still holds: nothing can be guessed from `body`.

An entry is chained when the writer brings it to the database, by what stands there then: entries that waited in the spool have their place after
those before them, a batch that is sent again after an outage doubles nothing, and of two servers that chain at once the second looks again.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import timezone
from typing import Any

import bson
from bson.codec_options import CodecOptions
from pymongo import DESCENDING, InsertOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError

from basics.canonical import digest, digest_of_all, without
from basics.errors import Conflict
from storage.writes import DatabaseAway, Write, refused

Document = dict[str, Any]

FIRST_PREV = "0" * 64  # what the chain's first entry names as the one before
LINKS = ("_id", "seq", "prev", "body", "hash")  # of an entry, beside what it says
NOT_SAID = frozenset({*LINKS, "salt", "older", "older_sha256"})  # what the chain adds to an entry
TRIES = 5  # looks at the chain's end before the batch waits for the next time
_UTC: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=timezone.utc)
UNCHAINED: Document = {"seq": {"$exists": False}}


def body_of(entry: Mapping[str, Any]) -> str:
    """The hash over what an entry says."""
    return digest(without(entry, *LINKS))


def hash_of(entry: Mapping[str, Any]) -> str:
    """An entry's own hash, which the next one names."""
    return digest({name: entry[name] for name in ("seq", "prev", "body")})


def linked(entry: Mapping[str, Any], seq: int, prev: str) -> Document:
    """The entry with its place in the chain behind the one whose hash is `prev`."""
    whole = {**entry, "salt": secrets.token_hex(16), "seq": seq, "prev": prev}
    whole["body"] = body_of(whole)
    return whole | {"hash": hash_of(whole)}


def before_the_chain(entries: Iterable[Mapping[str, Any]]) -> Document:
    """What the chain's first entry says beside its own of those that were noted before it, in the order of their ids."""
    found, count = digest_of_all(entries)
    return {"older": count, "older_sha256": found}


def send_chained(collection: Collection[Document], writes: Sequence[Write], session: ClientSession) -> list[Write]:
    """Bring new entries to the database, chained in their order; return the writes that are none, for the usual way.

    What can't be stored has its `error` set. Raise `DatabaseAway` and pymongo's errors where all must be sent again.
    """
    new = [write for write in writes if write.mode == "insert"]
    for _ in range(TRIES):
        new = _without_stored(collection, new, session)
        if not new:
            break
        seq, prev, more = _end(collection, session)
        entries = []
        for write in new:
            said = {"_id": write.document_id, **bson.decode(write.fields.raw, _UTC), **more}
            entries.append(linked(said, seq := seq + 1, prev))
            prev, more = entries[-1]["hash"], {}
        try:
            collection.bulk_write([InsertOne(entry) for entry in entries], ordered=True, session=session)
            break
        except BulkWriteError as error:
            index, refusal = refused(error)
            if not isinstance(refusal, Conflict):  # a conflict is another's place or its own, of an answer that was lost: the next look tells
                new[index].error = refusal
                del new[index]
    else:
        raise DatabaseAway("others write into the audit at the same time", slow=False)
    return [write for write in writes if write.mode != "insert"]


def _without_stored(collection: Collection[Document], writes: list[Write], session: ClientSession) -> list[Write]:
    found = collection.find({"_id": {"$in": [write.document_id for write in writes]}}, {"_id": 1}, session=session)
    stored = {row["_id"] for row in found}
    return [write for write in writes if write.document_id not in stored]


def _end(collection: Collection[Document], session: ClientSession) -> tuple[int, str, Document]:
    """Place and hash of the newest entry, and what the next one says beside its own: where there is none, what was noted before the chain."""
    last = collection.find_one({"seq": {"$gt": 0}}, {"seq": 1, "hash": 1}, sort=[("seq", DESCENDING)], session=session)
    if last is None:
        return 0, FIRST_PREV, before_the_chain(collection.find(UNCHAINED, session=session).sort("_id", 1))
    return int(last["seq"]), str(last["hash"]), {}
