"""The writer's way to the database: batches in their order, and what becomes of each write that MongoDB refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pymongo
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import BulkWriteError, OperationFailure, PyMongoError

from basics.errors import Conflict, ProctorError
from storage.audit_chain import send_chained
from storage.deleted import mark_deleted
from storage.fence import mark_fenced, may_be_fenced
from storage.writes import REFUSALS, DatabaseAway, Write, operation, reason_of, refused, without_readings

LAST = "bus"  # what other servers are told of is there before they are (`cluster.bus`)
_TRIES = 5  # of a write that meets what somebody else inserts in the same moment


class Sender:
    """Sends batches over one session. For one thread."""

    def __init__(self, database: Database[dict[str, Any]], session: ClientSession, timeout_s: float) -> None:
        self._db = database
        self._session = session
        self._timeout_s = timeout_s

    def send(self, writes: Sequence[Write]) -> None:
        """Write them. What can never succeed gets its `error`; raise `DatabaseAway` where the batch must be repeated."""
        groups: dict[str, list[Write]] = {}
        for write in writes:
            groups.setdefault(write.collection, []).append(write)
        for collection, group in sorted(groups.items(), key=lambda one: one[0] == LAST):
            self._send_group(self._db[collection], group)

    def refuse_deleted(self, writes: Sequence[Write]) -> None:
        """Mark those that are of sessions that were deleted. Raise `DatabaseAway`."""
        try:
            with pymongo.timeout(self._timeout_s):
                mark_deleted(self._db, writes, self._session)
        except PyMongoError as away:
            raise DatabaseAway(reason_of(away), slow=away.timeout) from away

    def _send_group(self, collection: Collection[dict[str, Any]], writes: list[Write]) -> None:
        doubted = 0
        while writes:
            try:
                with pymongo.timeout(self._timeout_s):
                    if collection.name == "audit":
                        writes = send_chained(collection, writes, self._session)
                    if not writes:
                        return
                    collection.bulk_write([operation(write) for write in writes], ordered=True, session=self._session)
                return  # noqa: TRY300
            except BulkWriteError as error:
                left = self._after(collection, writes, error)
                doubted = doubted + 1 if len(left) == len(writes) else 0
                if doubted == _TRIES:
                    raise DatabaseAway(reason_of(error)) from error
                writes = left
            except OperationFailure as error:
                if error.code in REFUSALS:
                    raise  # one document makes the whole command wrong: the queue finds it
                raise DatabaseAway(reason_of(error), slow=error.timeout) from error
            except PyMongoError as error:
                raise DatabaseAway(reason_of(error), slow=error.timeout) from error

    def _after(self, collection: Collection[dict[str, Any]], writes: list[Write], error: BulkWriteError) -> list[Write]:
        """What is still to be sent when one of `writes` was refused; those before it are written."""
        index, refusal = refused(error)
        if not may_be_fenced(writes[index], error):
            if not self._stored_without_readings(collection, writes[index], refusal):
                writes[index].error = refusal
            return writes[index + 1 :]
        try:
            with pymongo.timeout(self._timeout_s):
                mark_fenced(collection, writes[index:], self._session)
        except PyMongoError as away:
            raise DatabaseAway(reason_of(away), slow=away.timeout) from away
        return [write for write in writes[index:] if write.error is None]

    def _stored_without_readings(self, collection: Collection[dict[str, Any]], write: Write, refusal: ProctorError) -> bool:
        rest = None if isinstance(refusal, Conflict) else without_readings(write)
        if rest is None:
            return False
        self._send_group(collection, [rest])
        if rest.error is None:
            write.mended, write.original = refusal.message, write.fields
        return rest.error is None
