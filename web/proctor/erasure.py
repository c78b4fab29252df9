"""The calls for what a student may ask for: everything of theirs as a package, or erased; deleting one session; legal holds."""

from __future__ import annotations

from typing import Literal

from flask import Blueprint, Response, request
from pydantic import BaseModel, Field, ValidationInfo, field_validator

from basics.errors import NotFound, StorageError
from basics.identifiers import key_of
from basics.looks import same_id
from basics.texts import _, joined
from cluster.notices import StudentErased
from records.erasure import Erasure
from records.holds import HOLD, Holds
from web.access.callers import signature
from web.calls.audit import note
from web.calls.bodies import Done, read_body, reply
from web.calls.openapi import describe
from web.calls.values import Identifier, Person, Text, Time, check_session_id
from web.languages import said
from web.parts import parts
from web.proctor.packages import package

erasure_calls = Blueprint("erasure", __name__)


class ExportStudent(BaseModel):
    """Whose everything is given."""

    user_id: Identifier
    identity: bool = Field(default=False, description="With the pictures of face and card, and what people decided about them.")


class EraseStudent(BaseModel):
    """Whose everything is erased, typed twice: it can't be had again."""

    user_id: Identifier
    again: Identifier = Field(description="The same ID once more.")
    by: Person = "proctor"

    @field_validator("again")
    @classmethod
    def _is_typed_twice(cls, again: str, info: ValidationInfo) -> str:
        if again != info.data.get("user_id"):
            raise ValueError(_("must be the same ID as user_id"))
        return again


class Erased(BaseModel):
    """The receipt: how many of each kind went. `id_sha256` is SHA-256 of `salt` and the ID; nothing of the student's is in it.

    `remains` says in sentences where something of it lies still, and when that goes.
    """

    success: Literal[True] = True
    id_sha256: str
    salt: str
    counts: dict[str, int]
    sessions: list[str]
    remains: list[str]


class SetHold(BaseModel):
    """Hold a session, or everything of a student: nothing of it is deleted until the hold is lifted."""

    session_id: str = Field(default="", max_length=32)
    user_id: Identifier | None = Field(default=None, validate_default=True)
    on: bool = True
    note: Text = ""
    by: Person = "proctor"

    @field_validator("user_id")
    @classmethod
    def _names_one(cls, user_id: str | None, info: ValidationInfo) -> str | None:
        if bool(user_id) == bool(info.data.get("session_id")):
            raise ValueError(_("must be given, or else session_id, and not both"))
        return user_id


class Hold(BaseModel):
    """A hold that is set."""

    session_id: str | None = None
    user_id: str | None = None
    note: str = ""
    by: str = ""
    at: Time | None = Field(default=None, description="Null: it can't be read.")


class HoldList(BaseModel):
    """All holds, the newest last."""

    holds: list[Hold]


@erasure_calls.post("/api/students/erase")
@describe(Erased, body=EraseStudent, errors=(404, 409, 503))
def erase() -> Response:
    """Erase everything of a student: sessions, clips, stills, accommodations, words in the audit, lines of logs; the receipt says what went.

    409 while a session runs or a legal hold is set. Backups, and MongoDB's own files until they are written anew, keep what they have.
    """
    wanted = read_body(request, EraseStudent)
    receipt = erasure().erase(wanted.user_id, wanted.by)
    counts, sessions = dict(receipt.counts), list(receipt.sessions)
    return reply(Erased(id_sha256=receipt.id_sha256, salt=receipt.salt, counts=counts, sessions=sessions, remains=said(_remains())))


@erasure_calls.post("/api/students/export")
@describe(body=ExportStudent, errors=(404, 429, 503), media_type="application/zip")
def export() -> Response:
    """Give everything of a student as one signed package: a folder for each session, and `student/` with the rest. That it was taken is noted."""
    wanted = read_body(request, ExportStudent)
    records = erasure()
    sessions, more = records.sessions(wanted.user_id), records.of_student(wanted.user_id)
    if not sessions and not more:
        raise NotFound(_("Nothing is stored of %(user_id)s.", user_id=repr(wanted.user_id)), field="user_id")
    of_sessions = {"intervals", "checks", "acts", "reviews", "conclusions", "seals", "student_answers", "new_looks", "identity", "absences"}
    beside = {name: rows for name, rows in more.items() if name not in of_sessions}
    return package(
        tuple(str(one["_id"]) for one in sessions), None, "student.zip", folders=True, more=beside, user_id=wanted.user_id, identity=wanted.identity
    )


@erasure_calls.delete("/api/session/<session_id>")
@describe(Done, errors=(404, 409, 503))
def delete(session_id: str) -> Response:
    """Delete one session, or a test run, with its records, clips and stills. 409 while it runs or is held."""
    check_session_id(session_id)
    erasure().delete_session(session_id, signature())
    return reply(Done())


@erasure_calls.post("/api/holds")
@describe(Done, body=SetHold, errors=(404, 503))
def set_hold() -> Response:
    """Set a legal hold on a session or a student, or lift it."""
    wanted = read_body(request, SetHold)
    holds, which = Holds(parts().database), {"session_id": wanted.session_id, "user_id": wanted.user_id or ""}
    if wanted.session_id:
        check_session_id(wanted.session_id)
        parts().database.session(wanted.session_id)
    if wanted.on:
        holds.set(by=wanted.by, note=wanted.note, **which)
    else:
        holds.lift(**which)
    note("hold: set" if wanted.on else "hold: lifted", wanted.by, note=wanted.note, **{name: value for name, value in which.items() if value})
    return reply(Done())


@erasure_calls.get("/api/holds")
@describe(HoldList, errors=(503,))
def holds() -> Response:
    """List the legal holds."""
    return reply(HoldList(holds=[Hold(**HOLD.fit(row)[0]) for row in Holds(parts().database).listed()]))


def erasure() -> Erasure:
    """What erases here. Raise `StorageError` while the server starts or ends."""
    retention, settings, database = parts().retention, parts().settings, parts().database
    if retention is None:
        raise StorageError(_("This server deletes nothing now: it is starting or ending. Try again soon."))
    folders = (settings.log_dir, database.set_aside_in, settings.data_dir / "mongo")
    return Erasure(database, retention, folders, note=note, forget=_forget, runs=_runs, mark=parts().erased.set)


def _remains() -> list[str]:
    """Where something erased lies still."""
    erased, retention = parts().erased, parts().retention
    try:
        others = joined(", ", retention.other_servers() if retention is not None else [])
    except StorageError:  # what went is told all the same
        others = joined(", ", ["?"])
    elsewhere = _(
        "Other servers (%(servers)s) keep, each on its own disk, lines of logs and refused records that name the student, and perhaps checks and "
        "accommodations that wait to be stored: make the same call at each of them, also at one that was away, once it is back.",
        servers=others,
    )
    in_files = _("MongoDB's files, journal and oplog have what was erased until newer records take its place; docs/privacy.md says how to end that.")
    return [
        erased.health().get("reason", "") if erased.embedded else in_files,
        *([elsewhere] if others else []),
        _("Backups and packages that were made before have what they had: delete them, or erase again after a restore."),
    ]


def _runs(user_id: str) -> bool:
    return any(same_id(session.user_id, user_id) for session in parts().monitor.active())


def _forget(user_id: str) -> None:
    """Keep nothing of a student in memory either."""
    user_key = key_of(user_id)
    parts().monitor.accommodations.forget(user_key)
    parts().rosters.forget()
    parts().tell(StudentErased(user_key))
