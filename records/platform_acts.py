"""What people here ask of a learning platform about an attempt that it has proctored: to flag, pause, resume or end it, or to give it more time.

Each act is one notice of the outbox, so that what a person did and what is to be sent is one write. Those of one attempt go out in their order.
Unlike a webhook's they stay with their session, with what the platform answered.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from pymongo import ASCENDING, DESCENDING, ReturnDocument

from basics.errors import Conflict, NotFound
from basics.texts import _
from basics.times import iso_time
from database import Database, Document
from records.lti_attempts import COLLECTION as ATTEMPTS
from records.lti_attempts import Attempt
from records.outbox import ACT, Outbox
from records.outbox import COLLECTION as OUTBOX

Action = Literal["flag", "pause", "resume", "terminate", "update"]
Why = Literal["", "away", "late", "gone", "off", "unsure", "page", "refused", "withdrawn"]
"""Why the platform has not taken an act. `away`: it is tried again. `late`: it was away for too long. `gone`, `off`: it is not registered any more,
or switched off here. `unsure`: it may have been taken, its answer was lost. `page`: a web page answered, so that it can't be told. `refused`: it said
no."""
ACTS_MAX = 200  # of one attempt
OF_A_PLATFORM = "lti "  # before a registration's id, where the outbox names whom a notice is for
OF_PLATFORMS = {"$gt": OF_A_PLATFORM, "$lt": f"{OF_A_PLATFORM}~"}
COUNTED_MAX = 10_000
Sending = Literal["first", "again", "not"]
LATEST: Mapping[Action, timedelta] = {"flag": timedelta(days=3)}
"""For how long after a person asked for it an act is sent; all others:"""
LATEST_LIVE = timedelta(minutes=15)  # what was meant for that moment does harm in another


class PlatformActs:
    """Of one database. Every method may raise `StorageError`."""

    def __init__(self, database: Database, outbox: Outbox, now: Any) -> None:
        """`now` is the outbox's clock."""
        self._database, self._outbox, self._now = database, outbox, now

    def ask(self, attempt: Attempt, session_id: str, action: Action, said: Mapping[str, Any], issuer: str, by: str) -> Document:
        """Keep what a person asks for, to be sent at once. `said` are further fields for the platform. Raise `NotFound`, `Conflict`."""
        now = self._now()
        with self._database.gone.writing(session_id):
            number = self._next(attempt)
            endpoint_id, act_id = f"{OF_A_PLATFORM}{attempt.registration_id}", f"{session_id}-act-{secrets.token_hex(8)}"
            row: Document = {
                "_id": act_id,
                "event_id": act_id,
                "endpoint_id": endpoint_id,
                "type": ACT,
                "of": attempt.id,
                "sequence": number,
                "state": "waiting",
                "due_at": now,
                "tries": 0,
                "claim": 0,
                "made_at": now,
                "until": now + LATEST.get(action, LATEST_LIVE),
                "session_id": session_id,
                "user_id": attempt.user_id,
                "action": action,
                "once": "extra_time" in said,
                "by": by,
                "body": json.dumps(_body(attempt, action, issuer, now, said), ensure_ascii=False),
            }
            with self._database.reading():
                self._database.collection(OUTBOX).insert_one(row)
        return row

    def of_session(self, session_id: str) -> list[Document]:
        """What was asked for in a session, newest first."""
        with self._database.reading():
            found = self._database.collection(OUTBOX).find({"session_id": session_id, "type": ACT})
            return list(found.sort([("made_at", DESCENDING), ("sequence", DESCENDING)]).limit(ACTS_MAX))

    def is_of(self, session_id: str) -> bool:
        """Was anything asked for in this session?"""
        with self._database.reading():
            return self._database.collection(OUTBOX).find_one({"session_id": session_id, "type": ACT}, {"_id": 1}) is not None

    def withdraw(self, session_id: str, act_id: str, by: str) -> Document:
        """Send it no more. Raise `NotFound`, `Conflict` where it was sent, or given up, already, or is being sent."""
        with self._database.reading():
            row = self._database.collection(OUTBOX).find_one({"_id": act_id, "session_id": session_id, "type": ACT})
        if row is None:
            raise NotFound(_("There is no such act in this session."), field="act_id")
        if row["state"] != "waiting":
            raise Conflict(_("This was sent already, or given up."))
        now, in_hand_until = self._now(), row.get("in_hand_until")
        why: Why = "unsure" if row.get("sent") else "withdrawn"  # the platform may have it
        last = {**dict(row.get("last") or {}), "at": now, "why": why, "by": by}
        if (in_hand_until is not None and in_hand_until > now) or not self._outbox.finish(row, "given_up", last, tried=False):
            raise Conflict(_("This is being sent in this moment. Look again what came of it."))
        return row

    def platforms(self) -> list[str]:
        """Whom something is due for now, as the outbox names them."""
        query = {"endpoint_id": OF_PLATFORMS, "state": "waiting", "due_at": {"$lte": self._now()}}
        with self._database.reading():
            return [str(one) for one in self._database.collection(OUTBOX).distinct("endpoint_id", query)]

    def waiting(self) -> tuple[int, datetime | None]:
        """How many wait to be sent, counted to 10,000, and since when the oldest does."""
        query = {"endpoint_id": OF_PLATFORMS, "state": "waiting"}
        with self._database.reading():
            rows = self._database.collection(OUTBOX)
            oldest = rows.find_one(query, {"made_at": 1}, sort=[("made_at", ASCENDING)])
            return rows.count_documents(query, limit=COUNTED_MAX), oldest["made_at"] if oldest else None

    def sends(self, row: Document) -> Sending:
        """From now on it may be at the platform, until it is known not to be (`Outbox.finish` forgets `sent` then). "again" where it may be there
        since before; "not" where it is not this caller's any more.
        """
        mine = {"_id": row["_id"], "state": "waiting", "claim": row["claim"]}
        with self._database.reading():
            before = self._database.collection(OUTBOX).find_one_and_update(mine, {"$set": {"sent": True}}, {"sent": 1})
        return "not" if before is None else "again" if before.get("sent") else "first"

    def _next(self, attempt: Attempt) -> int:
        room: Document = {"_id": attempt.id, "$or": [{"acts": {"$lt": ACTS_MAX}}, {"acts": None}]}
        with self._database.reading():
            kept = self._database.collection(ATTEMPTS)
            found = kept.find_one_and_update(room, {"$inc": {"acts": 1}}, return_document=ReturnDocument.AFTER)
            if found is None and kept.find_one({"_id": attempt.id}, {"_id": 1}) is None:
                raise NotFound(_("No learning platform waits for this session."))
        if found is None:
            raise Conflict(_("The learning platform was told so much of this attempt that nothing more is taken."))
        return int(found["acts"])


def _body(attempt: Attempt, action: Action, issuer: str, at: datetime, said: Mapping[str, Any]) -> Document:
    """As the Assessment Control Service takes it. That of Open edX refuses a severity that is no text."""
    return {
        "user": {"iss": issuer, "sub": attempt.sub},
        "resource_link": {"id": attempt.link_id},
        "attempt_number": attempt.number,
        "action": action,
        "incident_time": iso_time(at),
        **said,
    }
