"""Every index of the database, each with the queries it serves. `Database` has those that are missing made whenever it (re)connects."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any

from pymongo import IndexModel
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError

from storage.deleted import KEPT
from storage.writes import reason_of

log = logging.getLogger(__name__)

QUEUE_ORDERS = {
    "queue": (("score", -1), ("flagged_at", -1), ("_id", -1)),
    "newest": (("flagged_at", -1), ("_id", -1)),
    "student": (("user_id", 1), ("flagged_at", 1), ("_id", 1)),
}

TELLS = IndexModel([("tells", 1)], name="tells", partialFilterExpression={"tells": {"$gt": ""}})  # marks that wait for the outbox

INDEXES: dict[str, list[IndexModel]] = {
    "sessions": [
        # One running session for each student and exam (no exam counts as one), whatever server started it.
        IndexModel([("user_id", 1), ("exam_id", 1)], name="one_running", unique=True, partialFilterExpression={"state": "running"}),
        IndexModel([("user_id", 1), ("exam_id", 1), ("started_at", -1)], name="latest"),
        IndexModel([("user_look", 1), ("started_at", -1)], name="user_look"),
        IndexModel([("exam_look", 1), ("started_at", -1)], name="exam_look"),
        IndexModel([("state", 1), ("started_at", 1)], name="state"),
        IndexModel([("started_at", 1), ("_id", 1), ("user_id", 1)], name="sought"),  # a part of the student's id is looked for in it
        IndexModel([("ended_at", 1)], name="by_end"),
        IndexModel([("sealed_at", 1), ("ended_at", -1)], name="unsealed"),
        IndexModel([("exam_id", 1), ("started_at", 1), ("_id", 1)], name="of_exam"),
        # What follows is read from the indexes alone, however long the sessions' own documents are.
        IndexModel([("exam_look", 1), ("exam_id", 1)], name="spellings"),
        IndexModel([("flagged_intervals", -1), ("total_score", -1), ("_id", 1)], name="risk"),
        IndexModel([("exam_id", 1), ("segment", 1), ("changes", 1), ("deciding", 1)], name="figures"),
        IndexModel([("segment", 1), ("ended_at", 1)], name="of_segment"),
        IndexModel([("deciding", 1)], name="deciding", partialFilterExpression={"deciding": {"$gt": 0}}),
        TELLS,
        IndexModel(
            [
                (name, 1)
                for name in (
                    *("exam_id", "user_id", "started_at", "state", "begun", "ended_at", "total_score"),
                    *("unread.gaze.of_s", "unread.gaze.unread_s", "_id"),
                )
            ],
            name="rows",
        ),
    ],
    "intervals": [
        IndexModel([("session_id", 1), ("index", 1), ("_id", 1)], name="of_session"),
        # `flagged` is a key of it as well, so that they are counted without reading them.
        IndexModel([("flagged", 1), ("flagged_at", -1), ("_id", -1)], name="flagged", partialFilterExpression={"flagged": True}),
        IndexModel([("exam_id", 1), ("flagged_at", -1), ("_id", -1)], name="flagged_of_exam", partialFilterExpression={"flagged": True}),
        IndexModel([("user_id", 1), ("flagged_at", -1), ("_id", -1)], name="flagged_of_user", partialFilterExpression={"flagged": True}),
        IndexModel([("flagged", 1), ("score", -1), ("flagged_at", -1), ("_id", -1)], name="queue", partialFilterExpression={"flagged": True}),
        # Those that a proctor marked stand in the queue beside the flagged ones, in the same orders.
        IndexModel([("marked", 1), ("flagged_at", -1), ("_id", -1)], name="marked", partialFilterExpression={"marked": True}),
        IndexModel([("marked", 1), ("score", -1), ("flagged_at", -1), ("_id", -1)], name="marked_queue", partialFilterExpression={"marked": True}),
        IndexModel([("session_id", 1), ("flagged", 1), ("review.state", 1)], name="decisions", partialFilterExpression={"flagged": True}),
        # A whole exam's flags are counted by session and state from it alone.
        IndexModel([("exam_id", 1), ("flagged", 1), ("review.state", 1), ("session_id", 1)], name="stand", partialFilterExpression={"flagged": True}),
        IndexModel(
            [("session_id", 1), ("marked", 1), ("flagged", 1), ("review.state", 1)],
            name="marked_of_session",
            partialFilterExpression={"marked": True},
        ),
        IndexModel(
            [("exam_id", 1), ("marked", 1), ("flagged", 1), ("review.state", 1), ("session_id", 1)],
            name="marked_stand",
            partialFilterExpression={"marked": True},
        ),
        # As the queue is asked for: those that stand so, in each order; and how many those are, without reading one.
        *(
            IndexModel([*of, ("flagged", 1), ("review.state", 1), *order], name=f"stand_{rank}{end}", partialFilterExpression={"flagged": True})
            for of, end in (((), ""), ((("exam_id", 1),), "_of_exam"))
            for rank, order in QUEUE_ORDERS.items()
        ),
        IndexModel(
            [("flagged", 1), ("violations.kind", 1), ("review.state", 1), ("exam_id", 1)], name="of_kind", partialFilterExpression={"flagged": True}
        ),
        IndexModel(
            [("review.answered_since", 1), ("flagged_at", -1), ("_id", -1)],
            name="answered",
            partialFilterExpression={"review.answered_since": True},
        ),
        IndexModel(
            [("exam_id", 1), ("flagged", 1), *((f"review.{which}{name}", 1) for which in ("", "second.", "third.") for name in ("by", "decision"))],
            name="deciders",
            partialFilterExpression={"flagged": True, "review.by": {"$gt": ""}},
        ),
        IndexModel([("flagged", 1), ("user_id", 1), ("flagged_at", 1), ("_id", 1)], name="by_student", partialFilterExpression={"flagged": True}),
        IndexModel([("marked", 1), ("user_id", 1), ("flagged_at", 1), ("_id", 1)], name="marked_student", partialFilterExpression={"marked": True}),
        IndexModel([("started_at", 1), ("_id", 1)], name="by_time"),
        IndexModel([("exam_id", 1), ("started_at", 1), ("_id", 1)], name="of_exam"),
        # Most intervals score nothing; what is counted of violations reads only the others.
        IndexModel([("session_id", 1), ("score", 1)], name="scored_of_session", partialFilterExpression={"score": {"$gt": 0}}),
        # And of an exam that goes on only those of its last minutes.
        IndexModel([("exam_id", 1), ("started_at", 1)], name="scored_since", partialFilterExpression={"score": {"$gt": 0}}),
        IndexModel([("clip.path", 1)], name="of_clip", partialFilterExpression={"clip.path": {"$gt": ""}}),
        # Which of them are there still is asked every hour, of all sessions that may have a clip whose time is over.
        IndexModel([("session_id", 1), ("clip.state", 1)], name="clips_of_session", partialFilterExpression={"clip.state": "ready"}),
        IndexModel([("clip.state", 1), ("started_at", 1)], name="pending_clips", partialFilterExpression={"clip.state": "pending"}),
        TELLS,
    ],
    "segments": [IndexModel([("form", 1), ("sessions", 1), ("changes", 1), ("_id", 1)], name="stamps")],
    "checks": [
        IndexModel([("session_id", 1), ("number", 1), ("_id", 1)], name="of_session"),
        IndexModel([("session_id", 1), ("end", 1), ("start", 1), ("_id", 1)], name="by_time"),  # what was read while a clip was taken
    ],
    "acts": [IndexModel([("session_id", 1), ("at", 1), ("_id", 1)], name="of_session")],
    "reviews": [
        IndexModel([("video_id", 1), ("at", 1), ("_id", 1)], name="of_video"),
        IndexModel([("session_id", 1)], name="of_session"),
        TELLS,
    ],
    "conclusions": [
        IndexModel([("session_id", 1)], name="of_session"),
        IndexModel([(name, 1) for name in ("exam_id", "state", "conclusion", "by", "account_id", "_id")], name="stand"),
        TELLS,
    ],
    "student_answers": [IndexModel([("session_id", 1)], name="of_session"), IndexModel([("user_id", 1)], name="of_user")],
    "new_looks": [IndexModel([("session_id", 1)], name="of_session"), IndexModel([("state", 1), ("at", -1), ("_id", -1)], name="open")],
    "student_reports": [IndexModel([("session_id", 1), ("made_at", 1)], name="of_session"), IndexModel([("user_id", 1)], name="of_user")],
    "identity": [IndexModel([("session_id", 1)], name="of_session"), IndexModel([("exam_id", 1)], name="of_exam")],
    "files": [
        IndexModel([("session_id", 1)], name="of_session"),
        IndexModel([("by", 1)], name="gone", partialFilterExpression={"gone": True}),
    ],
    "deleted_sessions": [IndexModel([("at", 1)], name="by_time", expireAfterSeconds=int(KEPT.total_seconds()))],
    "absences": [
        IndexModel([("session_id", 1), ("start", 1), ("_id", 1)], name="of_session"),
        IndexModel([("session_id", 1)], name="pictures", partialFilterExpression={"pictures": True}),
    ],
    "rehearsals": [IndexModel([("at", 1)], name="by_time"), IndexModel([("exam_id", 1)], name="of_exam")],
    "accommodations": [
        IndexModel([("at", -1), ("_id", -1)], name="newest"),
        IndexModel([("user_id", 1), ("at", -1), ("_id", -1)], name="of_user"),
        IndexModel([("exam_id", 1), ("at", -1), ("_id", -1)], name="of_exam"),
        IndexModel([("user_look", 1), ("at", -1)], name="user_look"),
    ],
    "users": [
        IndexModel([("login_look", 1)], name="login", unique=True, partialFilterExpression={"login_look": {"$gt": ""}}),
        IndexModel([("name_look", 1)], name="name", unique=True, partialFilterExpression={"name_look": {"$gt": ""}}),
        IndexModel([("oidc", 1)], name="oidc", unique=True, partialFilterExpression={"oidc": {"$gt": ""}}),
        IndexModel([("changed_at", 1)], name="changed"),
    ],
    "ended_logins": [IndexModel([("at", 1)], name="over", expireAfterSeconds=16 * 3600)],  # no cookie is older, whatever the clock says
    "logins": [IndexModel([("until", 1)], name="by_end")],
    "lti_registrations": [IndexModel([("issuer", 1), ("client_id", 1)], name="client", unique=True)],
    "lti_waiting": [IndexModel([("until", 1)], name="until", expireAfterSeconds=0), IndexModel([("kind", 1), ("of", 1)], name="of")],
    "lti_courses": [IndexModel([("exam_key", 1), ("seen_at", -1)], name="of_exam")],
    "lti_used": [IndexModel([("until", 1)], name="over", expireAfterSeconds=0)],
    "lti_people": [IndexModel([("user_id", 1)], name="of_user"), IndexModel([("seen_at", 1)], name="over", expireAfterSeconds=400 * 86_400)],
    "lti_attempts": [
        IndexModel([("session_id", 1)], name="one_attempt", unique=True, partialFilterExpression={"session_id": {"$gt": ""}}),
        IndexModel([("session_id", 1), ("launched_at", -1)], name="of_session"),
        IndexModel([("sub", 1), ("registration_id", 1), ("deployment_id", 1)], name="of_person"),
        IndexModel([("user_id", 1)], name="of_user"),
    ],
    "lti_links": [IndexModel([("exam_key", 1)], name="of_exam")],
    "lti_exams": [IndexModel([("owner", 1)], name="of_course"), IndexModel([("exam_key", 1)], name="of_exam")],
    "edx_exams": [
        IndexModel([("exam_key", 1)], name="of_exam"),
        IndexModel([("installation_id", 1), ("their_id", 1)], name="of_installation"),
    ],
    "edx_attempts": [
        IndexModel([("exam_key", 1), ("user_id", 1), ("made_at", 1)], name="of_student"),
        # A learner's newest at practice exams are read from it alone; and who is in a course without one document.
        IndexModel([("installation_id", 1), ("sub", 1), ("made_at", -1)], name="practice", partialFilterExpression={"practice": True}),
        IndexModel([("installation_id", 1), ("course_id", 1), ("sub", 1), ("deleted", 1)], name="learners"),
        IndexModel([("user_id", 1)], name="of_user"),
        IndexModel([("made_at", 1)], name="over", expireAfterSeconds=800 * 86_400),
    ],
    "exams": [
        IndexModel([("changed_at", -1), ("_id", -1)], name="newest"),
        IndexModel([("exam_look", 1), ("made_at", -1)], name="exam_look"),
        IndexModel([("registration_id", 1), ("made_at", 1)], name="of_platform", partialFilterExpression={"registration_id": {"$gt": ""}}),
    ],
    "roster": [
        IndexModel([("exam_key", 1), ("user_id", 1), ("name", 1)], name="names"),
        IndexModel([("code_hash", 1)], name="code", unique=True),
    ],
    "outbox": [
        IndexModel([("endpoint_id", 1), ("state", 1), ("due_at", 1), ("sequence", 1)], name="due"),
        IndexModel([("endpoint_id", 1), ("of", 1), ("state", 1), ("sequence", 1)], name="order"),
        IndexModel([("endpoint_id", 1), ("made_at", -1), ("sequence", -1), ("_id", -1)], name="newest"),
        IndexModel([("endpoint_id", 1), ("state", 1), ("made_at", -1), ("sequence", -1), ("_id", -1)], name="of_state"),
        IndexModel([("state", 1), ("made_at", 1)], name="oldest"),
        IndexModel([("event_id", 1)], name="of_event"),
        IndexModel([("session_id", 1)], name="of_session"),
        IndexModel([("user_id", 1)], name="of_user"),
        IndexModel([("expires_at", 1)], name="over", expireAfterSeconds=0),
    ],
    "letters": [IndexModel([("due_at", 1)], name="due"), IndexModel([("exam_key", 1)], name="of_exam")],
    "audit": [
        IndexModel([("at", -1), ("_id", -1)], name="newest"),
        IndexModel([("who", 1), ("at", -1), ("_id", -1)], name="by_whom"),
        IndexModel([("what", 1), ("at", -1), ("_id", -1)], name="of_act"),
        IndexModel([("exam_id", 1), ("at", -1), ("_id", -1)], name="of_exam", partialFilterExpression={"exam_id": {"$gt": ""}}),
        IndexModel([("seq", 1)], name="chain", unique=True, partialFilterExpression={"seq": {"$gt": 0}}),
        IndexModel([("session_id", 1), ("seq", 1)], name="of_session", partialFilterExpression={"session_id": {"$gt": ""}}),
        IndexModel([("video_id", 1)], name="of_video", partialFilterExpression={"video_id": {"$gt": ""}}),
        IndexModel([("user_id", 1)], name="of_user", partialFilterExpression={"user_id": {"$gt": ""}}),
    ],
}

OUTDATED = {
    "sessions": ("flags", "by_time"),
    "intervals": ("tally", "scored", "scored_of_exam"),
    "conclusions": ("of_exam",),
    "roster": ("of_exam",),
    "edx_attempts": ("of_person", "of_course"),
    "exams": ("of_teacher",),
}
"""Indexes that an older version made and nothing asks for any more: each would be kept up with every write."""


def make_indexes(database: Database[Any]) -> bool:
    """Make what is missing; without a time limit, because a large collection takes minutes. False where that was broken off."""
    for collection, models in INDEXES.items():
        try:
            database[collection].create_indexes(models)
        except OperationFailure as error:  # queries work without, slowly; and a unique one can't be made over what contradicts it
            log.warning("the indexes of %s can't be made: %s", collection, reason_of(error))
        except PyMongoError as error:
            log.warning("making indexes was broken off, it begins again later: %s", reason_of(error))
            return False
    return True


def drop_outdated(database: Database[Any]) -> None:
    """Drop those of them that are there. Raise `PyMongoError`."""
    for collection, names in OUTDATED.items():
        for name in names:
            with suppress(OperationFailure):  # there is none, or no such collection
                database[collection].drop_index(name)
