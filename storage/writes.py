"""A write on its way: its ticket, its BSON, the operation it becomes, and what MongoDB's refusal of it means."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo import DeleteOne, UpdateOne
from pymongo.errors import BulkWriteError, PyMongoError

from basics.errors import Conflict, ProctorError, StorageError
from basics.texts import _, cut
from storage.cleaned import NOT_STORED, clean_text, storable

log = logging.getLogger(__name__)

FIELDS_MAX_BYTES = 16_000_000  # MongoDB's own limit of a document is 16 MiB
# MongoDB's error codes (error_codes.yml) that mean: this write can never succeed. BadValue, FailedToParse, TypeMismatch, Overflow, InvalidBSON,
# PathNotViable, ConflictingUpdateOperators, DollarPrefixedFieldName, InvalidIdField, NotSingleValueField, InvalidDBRef, EmptyFieldName,
# DottedFieldName, ImmutableField, DocumentValidationFailure, CannotIndexParallelArrays, BSONObjectTooLarge, DuplicateKey, KeyTooLong,
# and "resulting document after update is larger than 16777216".
REFUSALS = {2, 9, 14, 15, 22, 28, 40, 52, 53, 54, 55, 56, 57, 66, 121, 171, 10334, 11000, 17280, 17419}
_DUPLICATE_KEY = 11000
# And those that speak of the moment: HostUnreachable, HostNotFound, Unauthorized, AuthenticationFailed, MaxTimeMSExpired, WriteConcernFailed,
# NetworkTimeout, ShutdownInProgress, WriteConflict, PrimarySteppedDown, a transaction of the same session, ExceededTimeLimit, Atlas' quota,
# SocketException, NotWritablePrimary, Interrupted…, OutOfDiskSpace. With any other the queue tries again, and gives up after a while.
_PASSING = {6, 7, 13, 18, 50, 64, 89, 91, 112, 133, 189, 225, 244, 251, 262, 290, 317, 358, 8000, 9001}
_PASSING |= {10058, 10107, 11600, 11601, 11602, 13435, 13436, 14031}

_RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)

Fields = Mapping[str, Any]
NONE: Fields = MappingProxyType({})
Mode = Literal["set", "insert", "delete", "change"]


class Ticket:
    """Tells when one write is safe."""

    __slots__ = ("_done", "_error", "_stored")

    def __init__(self) -> None:
        self._done = threading.Event()
        self._stored = False
        self._error: ProctorError | None = None

    def wait(self, timeout: float | None = None) -> bool:
        """True once the write is in the database or the spool; False after `timeout` seconds, or at once when it was refused (see `error`)."""
        self._done.wait(timeout)
        return self._stored

    @property
    def done(self) -> bool:
        """Whether it is decided, so that `wait` returns at once."""
        return self._done.is_set()

    @property
    def error(self) -> ProctorError | None:
        """Why the write was refused for good, else None. `Conflict`: a unique index already holds another document's values."""
        return self._error

    def resolve(self, error: ProctorError | None = None) -> None:
        """Decide it, once; later calls change nothing. For the queue only."""
        if not self._done.is_set():
            self._error = error
            self._stored = error is None
            self._done.set()


@dataclass(slots=True)
class Write:
    """One repeatable write. `record` is all of it as BSON, `fields` the raw BSON of its fields; `keys` are the fields' names.

    `epoch` is of the owner of the session that it is of, see `storage.fence`; None: anybody's, at any time. `new` are fields that a document gets
    where this write makes it; `where` is a condition on the document of a "change", which makes none: where it doesn't hold nothing is written.
    """

    collection: str
    document_id: str
    mode: Mode
    keys: frozenset[str]
    fields: Any
    record: bytes
    epoch: int | None = None
    new: Fields = field(default_factory=dict)
    where: Fields = field(default_factory=dict)
    ticket: Ticket = field(default_factory=Ticket)
    error: ProctorError | None = None  # it was refused; nobody tries again
    mended: str = ""  # why it is stored only in part; `original` is all of it, for a person to look at
    original: Any = None


class DatabaseAway(Exception):
    """The database could not take a batch now. `slow`: it ran out of time, so a smaller batch may pass."""

    def __init__(self, reason: str, *, slow: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.slow = slow


def encode(
    collection: str,
    document_id: str,
    fields: Mapping[str, Any],
    mode: Mode,
    epoch: int | None = None,
    new: Fields = NONE,
    where: Fields = NONE,
) -> Write:
    """A write with its BSON. What can't be BSON as it is is stored as far as it can be, and is `mended`; where nothing can be, its `error` is set."""
    if epoch is not None and mode == "set":
        fields = {**fields, "epoch": epoch}
    try:
        return _encode(collection, document_id, fields, mode, epoch, new, where)
    except Exception as problem:  # bson raises errors of a dozen kinds, down to those of a value's own methods
        reason = problem.message if isinstance(problem, StorageError) else _not_bson(problem)
    reason = cut(clean_text(reason), 300)
    document_id = clean_text(str(document_id))
    try:
        original = repr(fields)[:100_000]
        write = _encode(collection, document_id, storable(fields, FIELDS_MAX_BYTES), mode, epoch, new, where)
    except Exception as problem:
        log.debug("nothing of a write can be stored: %s", problem)
        return Write(str(collection), document_id, mode, frozenset(), "", b"", error=StorageError(reason))
    write.mended, write.original = reason, original
    return write


def _not_bson(problem: Exception) -> str:
    error = f"{type(problem).__name__}: {problem}"
    return _("it can't be BSON: %(error)s", error=error)


def without_readings(write: Write) -> Write | None:
    """A check record that MongoDB refuses, as it may still be taken: without its single readings. None where there is no such rest."""
    if write.collection != "checks" or write.mode == "delete" or "readings" not in write.keys:
        return None
    fields = {**write.fields, NOT_STORED: ["readings"]}
    del fields["readings"]
    return _encode(write.collection, write.document_id, fields, write.mode, write.epoch, write.new, write.where)


def _encode(
    collection: str,
    document_id: str,
    fields: Mapping[str, Any],
    mode: Mode,
    epoch: int | None,
    new: Fields,
    where: Fields,
) -> Write:
    raw = bson.encode(fields)
    if len(raw) > FIELDS_MAX_BYTES:
        name = f"{collection}/{document_id}"
        raise StorageError(_("%(name)s has %(size)s bytes; MongoDB takes %(most)s.", name=name, size=len(raw), most=FIELDS_MAX_BYTES))
    document = RawBSONDocument(raw)
    more = {"e": epoch, "n": dict(new) or None, "w": dict(where) or None}
    record = bson.encode(
        {"c": collection, "i": document_id, "m": mode, "f": document, **{name: value for name, value in more.items() if value is not None}}
    )
    return Write(collection, document_id, mode, frozenset(fields), document, record, epoch, dict(new), dict(where))


def parse(record: bytes) -> Write:
    """The write that `encode` made the record of."""
    document = bson.decode(record, _RAW)
    new, where = (document.get(name) or NONE for name in ("n", "w"))
    return Write(document["c"], document["i"], document["m"], frozenset(document["f"]), document["f"], record, document.get("e"), new, where)


def operation(write: Write) -> UpdateOne | DeleteOne:
    """What it becomes. `$not`: a document that an older version wrote has no epoch, and lets every one pass."""
    fence = {} if write.epoch is None or write.mode == "insert" else {"epoch": {"$not": {"$gt": write.epoch}}}
    if write.mode == "delete":
        return DeleteOne({"_id": write.document_id, **fence})
    if write.mode == "change":
        return UpdateOne({**write.where, "_id": write.document_id}, {"$set": write.fields})
    change = {"$setOnInsert" if write.mode == "insert" else "$set": write.fields, **({"$setOnInsert": write.new} if write.new else {})}
    return UpdateOne({"_id": write.document_id, **fence}, change, upsert=True)


def refused(error: BulkWriteError) -> tuple[int, ProctorError]:
    """Which operation can never succeed, and why. Raise `DatabaseAway` where it may succeed later, `error` itself where that can't be told."""
    details: Mapping[str, Any] = error.details
    problems = details.get("writeErrors") or []
    if not problems:
        raise DatabaseAway(str(details.get("writeConcernErrors") or error)[:300], slow=error.timeout) from error
    code, text = int(problems[0]["code"]), str(problems[0]["errmsg"])[:300]
    if code in _PASSING:
        raise DatabaseAway(text, slow=error.timeout) from error
    if code not in REFUSALS:
        raise error
    kind = Conflict if code == _DUPLICATE_KEY else StorageError
    return int(problems[0]["index"]), kind(_("MongoDB refused it (%(code)s): %(error)s", code=code, error=text))


def reason_of(error: PyMongoError) -> str:
    """The first sentence of an error: pymongo's go on with the whole topology."""
    return str(error).split(", Timeout:", 1)[0].split(" (configured timeouts", 1)[0].split(", full error", 1)[0][:300]
