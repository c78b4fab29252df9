"""Each kind of record damaged in each of its fields: every call that reads a session or an exam answers, with what can be read."""

from __future__ import annotations

import copy
import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from bson.datetime_ms import DatetimeMS
from flask.testing import FlaskClient

from basics.identifiers import key_of
from basics.times import utc_now
from records.accounts import digest
from records.package_check import check_package
from records.rosters import row_id_of
from records.spellings import looks_of
from records.student_answers import PREFIX
from scoring.accommodations import document_id_of
from tests.helpers.databases import START
from tests.helpers.evidence import store_exam
from web.parts import Parts

EXAM = "exam-damaged-anywhere"
KEY = key_of(EXAM)
MISSING = object()
VIOLATION = {"kind": "speech", "start": 31.0, "end": 43.0, "points": 10, "occurrences": 1, "evidence": {"seconds": 12.0}}
OPINION = {"decision": "confirmed", "reason": "", "note": "seen", "by": "ben", "at": START}
ACT = {"act": "concluded", "conclusion": "finding", "reason": "why", "by": "ben", "account_id": None, "at": START}
PICTURE = {"kind": "face", "size": 3, "width": 4, "height": 3, "sha256": "0" * 64, "at": START, "at_s": 1.0, "asked": ""}
UNREAD = {name: {"of_s": 90.0, "unread_s": 1.0, "reasons": {"dark": 1.0}} for name in ("gaze", "people", "sound")}


def records(session_id: str, user_id: str) -> dict[str, dict[str, Any]]:
    """A record of each kind, whole, of one session that has ended."""
    whose = {"session_id": session_id, "user_id": user_id, "exam_id": EXAM}
    looks = looks_of(user_id, EXAM)
    return {
        "sessions": {
            "_id": session_id,
            "user_id": user_id,
            "exam_id": EXAM,
            **looks,
            "state": "ended",
            "begun": True,
            "source": "browser",
            "station": "s",
            "started_at": START,
            "ended_at": START + timedelta(seconds=60),
            "ended_after_s": 60.0,
            "end_reason": "r",
            "end_code": "student",
            "total_score": 12,
            "flagged_intervals": 1,
            "intervals": 2,
            "unread": UNREAD,
            "devices": {},
            "rates": {},
            "baseline": {},
            "rules": {"interval_duration": 30.0, "flag_threshold": 10, "points": {"speech": 10}},
            "exam": {"exam_id": EXAM, "title": "Algebra", "identity_step": True},
            "messages": [{"id": "m", "at": 4.0, "level": "info", "text": "Hello", "by": "ben"}],
            "breaks": [{"start": 1.0, "end": 2.0, "by": "b"}],
            "marks": [{"id": "k", "at": 1.0, "by": "ben", "note": ""}],
            "doubts": [{"code": "dark", "detail": "", "start": 1.0}],
            "connections": [{"at": 1.0}],
            "accommodation": {"user_id": user_id, "points": {}, "extra_min": 5.0, "set_by": "ben", "at": START},
            "accommodations": [{"at_s": 0.0, "from": START, "by": "ben", "accommodation": None, "points": {"speech": 10}}],
            "checks_before": {"at": START, "results": [{"item": "camera", "state": "ready"}]},
            "ends_at": START,
            "sealed_at": START,
        },
        "intervals": {
            "_id": f"{session_id}-1",
            **whose,
            "index": 1,
            "start": 30.0,
            "end": 60.0,
            "started_at": START,
            "ended_at": START,
            "score": 10,
            "flagged": True,
            "flagged_at": START,
            "marked": True,
            "closed": True,
            "revision": 1,
            "violations": [VIOLATION],
            "eyes_closed": [],
            "review": {**OPINION, "second": OPINION, "third": None, "state": "confirmed", "answered_since": True},
            "clip": {
                "state": "ready",
                "path": f"ann/{session_id}.mp4",
                "sha256": "0" * 64,
                "duration": 30.0,
                "size_bytes": 5,
                "reason": "r",
                "start": 30.0,
                "marks": [["speech", 1.0, 2.0]],
            },
        },
        "checks": {
            "_id": f"{session_id}-0",
            "session_id": session_id,
            "number": 0,
            "start": 29.0,
            "end": 31.0,
            "started_at": START,
            "gaze": {"on": 1.0},
            "speech_s": 0.0,
            "rates": {},
            "readings": {"gaze": [[30.5, "center"]], "persons": [[30.5, 1, []]]},
        },
        "acts": {"_id": f"{session_id}:a", "session_id": session_id, "kind": "copy", "at": 3.0, "detail": ""},
        "reviews": {"_id": f"r{session_id}", "video_id": f"{session_id}-1", "session_id": session_id, **OPINION},
        "conclusions": {
            "_id": session_id,
            **whose,
            "conclusion": "finding",
            "reason": "why",
            "by": "ben",
            "account_id": None,
            "at": START,
            "state": "concluded",
            "revision": 2,
            "four_eyes": True,
            "history": [ACT],
            "second": {"by": "eva", "at": START, "agrees": True, "reason": "", "account_id": None},
        },
        "student_answers": {"_id": f"{session_id}-1", **whose, "text": "I spoke", "at": START},
        "new_looks": {"_id": session_id, **whose, "reason": "why", "at": START, "state": "done", "done": {"text": "no", "by": "ben", "at": START}},
        "student_reports": {
            "_id": digest(PREFIX + session_id),
            **whose,
            "made_by": "ben",
            "made_at": START,
            "until": utc_now() + timedelta(days=9),
            "opened_at": START,
        },
        "identity": {
            "_id": session_id,
            **whose,
            "pictures": {"face-1": PICTURE},
            "revision": 1,
            "decision": {"decision": "accepted", "text": "", "by": "b", "at": START},
            "said": {"face": "given", "card": "none", "words": "", "at": START},
            "history": [{"decision": "accepted", "text": "", "by": "b", "at": START}],
            "asked": {"m": {"what": "face", "by": "b", "at": START, "answer": "given", "words": "", "answered_at": START}},
        },
        "absences": {
            "_id": f"{session_id}-1",
            **whose,
            "start": 1.0,
            "end": 9.0,
            "why": "nobody",
            "pictures": True,
            "after": None,
            "before": {"at": 1.0, "width": 4, "height": 3, "sha256": hashlib.sha256(b"jpg").hexdigest(), "size": 3, "image": b"jpg"},
        },
        "seals": {"_id": session_id, "at": START, "session": "x", "intervals": [], "checks": [], "acts": [], "clips": []},
        "audit": {
            "_id": f"a{session_id}",
            "at": START,
            "who": "ben",
            "what": "session: looked at",
            "address": "::1",
            "browser": "b",
            "session_id": session_id,
        },
        "roster": {
            "_id": row_id_of(KEY, user_id),
            "exam_key": KEY,
            "exam_id": EXAM,
            "user_id": user_id,
            "name": "Ann",
            "email": "",
            "note": "",
            "extra_percent": 0.0,
            "extra_min": 0.0,
            "number": 1,
            "revoked": False,
            "invited_at": START,
            "shown_at": START,
            "added_at": START,
            "code_hash": session_id,
            "mail": {"state": "sent", "error": "e"},
        },
        "accommodations": {
            "_id": document_id_of(user_id, EXAM),
            "user_id": user_id,
            "exam_id": EXAM,
            **looks,
            "points": {"speech": 5},
            "reading_aloud": False,
            "breaks_allowed": 1,
            "break_minutes": 5.0,
            "extra_min": 0.0,
            "extra_percent": 0.0,
            "note": "n",
            "set_by": "ben",
            "at": START,
        },
        "rehearsals": {
            "_id": document_id_of(user_id, EXAM),
            "user_id": user_id,
            "exam_id": EXAM,
            "at": START,
            "results": [{"item": "camera", "state": "ready"}],
        },
        "holds": {"_id": session_id, "session_id": session_id, "user_id": None, "by": "ben", "note": "n", "at": START},
    }


OF_SESSION: Mapping[str, tuple[str, ...]] = {
    "sessions": ("details", "conclusion", "absences", "student-side", "identity", "report", "session", "page"),
    "intervals": ("details", "student-side", "report", "video", "still/1", "history", "readings"),
    "checks": ("details", "readings"),
    "reviews": ("history",),
    "conclusions": ("conclusion", "student-side", "report"),
    "student_answers": ("details", "student-side", "report"),
    "new_looks": ("student-side", "report"),
    "student_reports": ("student-side", "by link"),
    "identity": ("identity", "identity/face-1"),
    "absences": ("absences", "absences/1-before"),
    "accommodations": ("details",),
    "rehearsals": ("details",),
}
STEP = 3  # of so many damages one is looked at by itself
SAYS_SO = {"absences/1-before"}  # 503: the picture isn't as it was
LISTS = (
    *("/api/sessions?limit=900", "/api/sessions?search=ann", "/api/sessions/stats", "/api/sessions/active", "/api/flagged/all", "/api/exams"),
    *("/api/analytics", *(f"/api/analytics.csv?table={name}" for name in ("sessions", "intervals", "kinds")), "/api/accommodations", "/api/holds"),
    *(f"/api/exams/{KEY}{name}" for name in ("", "/identity", "/roster", "/roster.csv", "/roster/links.csv", "/results.csv", "/results/people")),
    *(f"/api/exams/{KEY}/results?limit=900&sort={sort}" for sort in ("student", "started", "points", "watched", "conclusion")),
    *(f"/api/review/queue?state=all&rank={rank}" for rank in ("score", "newest", "student")),
    *("/api/rosters/not_come", "/api/new-looks?state=done", "/api/audit", "/api/audit.csv", "/audit", "/metrics", "/api/health"),
)


def fields_of(record: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """The names of all fields, those of parts and of rows too, each with its value."""
    for name, value in record.items():
        if name in ("_id", "image") or (name == "session_id" and not before):
            continue
        yield before + name, value
        if isinstance(value, Mapping):
            yield from fields_of(value, f"{before}{name}.")
        if isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield from fields_of(value[0], f"{before}{name}.0.")


def damages(value: Any) -> list[Any]:
    """What may stand in its place: something of another type, nothing, what is far too large, and no number."""
    huge = DatetimeMS(1 << 60) if isinstance(value, datetime) else "x" * 5000 if isinstance(value, str) else 1 << 62
    far = [datetime(9999, 12, 31, tzinfo=timezone.utc)] if isinstance(value, datetime) else [1e308] if isinstance(value, float) else []
    return [5 if isinstance(value, str) else "x", MISSING, huge, *far, float("nan")]


def put(record: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    """The record with a field that is damaged."""
    *path, last = name.split(".")
    whole: Any = copy.deepcopy(record)
    part = whole
    for step in path:
        part = part[int(step)] if step.isdecimal() else part[step]
    if value is MISSING:
        del part[last]
    else:
        part[last] = value
    found: dict[str, Any] = whole
    return found


def define(client: FlaskClient) -> None:
    body = {"exam_id": EXAM, "title": "Algebra", "by": "Ada", "identity_step": True, "student_report": "at_once", "student_clips": True}
    assert client.post("/api/exams", json=body).status_code == 200
    assert client.post(f"/api/exams/{KEY}/state", json={"state": "open", "by": "Ada"}).status_code == 200


def insert(parts: Parts, found: Mapping[str, list[dict[str, Any]]]) -> None:
    assert parts.database.flush(10)
    with parts.database.reading():
        for collection, rows in found.items():
            parts.database.collection(collection).insert_many(rows)


def of_session(client: FlaskClient, parts: Parts, name: str, session_id: str) -> int:
    token = PREFIX + session_id if name == "by link" else parts.access.make_student_token(session_id) if name in ("report", "session") else ""
    paths = {
        "report": "/api/student/report",
        "by link": "/api/student/report",
        "session": "/api/student/session",
        "page": f"/session/{session_id}",
        "video": f"/api/video/{session_id}-1",
        **{which: f"/api/review/{session_id}-1/{which}" for which in ("history", "readings")},
    }
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return client.get(paths.get(name, f"/api/session/{session_id}/{name}"), headers=headers, buffered=True).status_code


def all_pages(client: FlaskClient, path: str, name: str) -> list[dict[str, Any]]:
    """The rows of a list, asked for page by page."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        answer = client.get(f"{path}{after}")
        assert answer.status_code == 200, answer.data
        found += answer.get_json()[name]
        if answer.get_json()["next_after"] is None:
            return found
        after = f"&after={answer.get_json()['next_after']}"


@pytest.mark.parametrize("kind", list(records("", "ann")))
def test_no_call_fails_on_a_record_whatever_of_it_was_damaged(client: FlaskClient, parts: Parts, kind: str) -> None:
    define(client)
    fields = list(fields_of(records("0" * 32, "ann")[kind]))
    turns = (0, 2) if len(fields) < 30 else (0,)  # of each field so many damages, and of each kind of field all
    cases = [(name, (wrong := damages(whole))[(at + turn) % len(wrong)]) for at, (name, whole) in enumerate(fields) for turn in turns]
    stored: dict[str, list[dict[str, Any]]] = {}
    for number, (name, value) in enumerate([*cases, ("", None)]):
        for collection, record in records(f"{number:032x}", f"ann-{number}").items():
            stored.setdefault(collection, []).append(put(record, name, value) if collection == kind and name else record)
    insert(parts, stored)
    failed = [path for path in LISTS if client.get(path, buffered=True).status_code >= 500]
    for number, case in [*enumerate(cases)][::STEP]:
        session_id = f"{number:032x}"
        answers = {name: of_session(client, parts, name, session_id) for name in OF_SESSION.get(kind, ())}
        failed += [f"{name} {case!s:.80}" for name, status in answers.items() if status >= 500 and not (status == 503 and name in SAYS_SO)]
    assert failed == []
    if kind == "sessions":
        lines = all_pages(client, "/api/sessions?limit=40", "sessions")
        listed = {one["session_id"]: one for one in lines}
        assert len(listed) == len(lines) == len(cases) + 1
        assert listed[f"{len(cases):032x}"]["unreadable"] == []
        shown = {one["session_id"]: one for one in client.get(f"/api/exams/{KEY}/results?limit=900").get_json()["results"]}
        for number, (name, value) in enumerate(cases):
            if name in ("state", "started_at") or (name == "user_id" and not isinstance(value, str)):
                assert listed[f"{number:032x}"]["unreadable"] == [name]
                assert shown[f"{number:032x}"]["unreadable"] == [name]


SESSIONS = 2  # each takes a second
PACKED = {
    "sessions": ("user_id", "started_at", "messages", "rules", "doubts.0.start", "breaks.0.start", "accommodation.points"),
    "intervals": ("score", "violations.0.evidence.seconds", "clip.marks", "clip.size_bytes", "review.second"),
    "reviews": ("by",),
    "conclusions": ("history.0.at",),
    "identity": ("pictures.face-1",),
    "absences": ("before",),
}


def test_a_package_of_damaged_records_says_what_its_report_leaves_out_and_the_rest_of_it_is_proven(
    client: FlaskClient, parts: Parts, tmp_path: Path
) -> None:
    define(client)
    whole = records("0" * 32, "ann")
    stored: dict[str, list[dict[str, Any]]] = {}
    for number in range(SESSIONS):
        for collection, record in records(f"{number:032x}", f"ann-{number}").items():
            damaged = record
            for at, name in enumerate(PACKED.get(collection, ())):
                wrong = damages(dict(fields_of(whole[collection]))[name])
                damaged = put(damaged, name, wrong[(at + 2 * number) % len(wrong)])
            stored.setdefault(collection, []).append(damaged)
    insert(parts, stored)
    answer = client.get("/api/package", query_string={"exam_id": EXAM, "identity": "true"}, buffered=True)
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.data)) as opened:
        assert sum(name.endswith("report.pdf") for name in opened.namelist()) == SESSIONS
    session_id = "f" * 32
    store_exam(parts.database, parts.settings.clips_dir, session_id, "eva", "other")
    with parts.database.reading():
        parts.database.collection("sessions").update_one({"_id": session_id}, {"$set": {"started_at": "x"}})
        parts.database.collection("intervals").update_one({"_id": f"{session_id}-2"}, {"$set": {"start": "x"}})
    answer = client.get(f"/api/session/{session_id}/package", buffered=True)
    assert answer.status_code == 200, answer.data
    path = tmp_path / "package.zip"
    path.write_bytes(answer.data)
    checked = check_package(path)
    wrong = [f"report.html: {one} ({'damaged in the database'})" for one in ("started_at of session.json", f"{session_id}-2 of intervals.jsonl")]
    assert [f"{one['path']} ({one['why']})" for one in checked.about["missing"] if one["path"].startswith("report.html")] == wrong
    assert checked.signed
    assert sorted((one.kind, one.which) for one in checked.findings) == [("intervals", session_id), ("session", session_id)]
