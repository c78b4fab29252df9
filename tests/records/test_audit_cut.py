"""The audit's oldest entries go once their time is over, and the chain verifies from there on."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from basics.times import utc_now
from commands.verify import report
from database import Database
from records.audit_cut import cut_audit
from records.holds import Holds
from records.seals import SEALED, Seals
from records.verification import verify
from records.verified import CUT
from tests.helpers.databases import all_stored

SESSION = "a" * 32
NOW = utc_now()
DAYS = 90
BEFORE = NOW - timedelta(days=DAYS)


def note(database: Database, days_ago: float, what: str = "looked", **more: Any) -> None:
    assert database.audit({"at": NOW - timedelta(days=days_ago), "who": "ben", "what": what, **more}).wait(10)


@pytest.fixture
def audit(database: Database) -> Database:
    """Seven entries; four of them are older than 90 days."""
    for days in (200, 150, 120, 91, 89, 10, 1):
        note(database, days, session_id=f"{days:032}")
    return database


def found(stored: Any, clips: Path, **more: Any) -> list[str]:
    return [f"{one.kind} {one.which}: {one.wrong}" for one in verify(stored, clips, **more).findings]


def test_what_is_older_goes_and_the_chain_holds_from_there_on(audit: Database, stored: Any, tmp_path: Path) -> None:
    heads = {entry["seq"]: entry["hash"] for entry in stored.audit.find()}
    assert cut_audit(audit, BEFORE, DAYS) == 4
    assert [entry["seq"] for entry in stored.audit.find().sort("seq", 1)] == [5, 6, 7, 8]
    verified = verify(stored, tmp_path)
    assert verified.findings == []
    assert (verified.cut.upto, verified.cut.head, verified.cut.count, verified.cut.days) == (4, heads[4], 4, DAYS)
    assert "Entries up to 4 were deleted under KEEP_AUDIT_DAYS=90" in report(verified, 1.0)
    assert cut_audit(audit, BEFORE, DAYS) == 0
    note(audit, 0)
    assert cut_audit(audit, NOW - timedelta(days=5), 5) == 2
    assert found(stored, tmp_path) == []
    assert verify(stored, tmp_path).cut.upto == 6


def test_heads_that_were_kept_elsewhere_are_compared_as_far_as_they_can_be(audit: Database, stored: Any, tmp_path: Path) -> None:
    heads = {entry["seq"]: entry["hash"] for entry in stored.audit.find()}
    cut_audit(audit, BEFORE, DAYS)
    assert found(stored, tmp_path, heads={4: heads[4], 6: heads[6]}) == []
    assert found(stored, tmp_path, heads={4: "0" * 64}) == ["audit 4: is not the entry whose hash was kept elsewhere"]
    verified = verify(stored, tmp_path, heads={2: heads[2]})
    assert (verified.findings, verified.beyond) == ([], [2])
    assert "can't be compared any more" in report(verified, 1.0)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda db: db.audit.delete_one({"seq": 5}), "audit 5: gone from the chain"),
        (lambda db: db.audit.delete_many({"seq": {"$lte": 6}}), "audit 5 to 6: gone from the chain"),
        (lambda db: db.audit.update_one({"seq": 6}, {"$set": {"who": "nobody"}}), "audit 6: its words were altered"),
        (lambda db: db.audit.update_one({"what": CUT}, {"$set": {"upto": 5}}), "audit 8: its words were altered"),
        (lambda db: db.audit.delete_one({"what": CUT}), "audit 1 to 4: gone from the chain"),
        (lambda db: db.audit.update_one({"what": CUT}, {"$set": {"upto": 99}}), "audit 99: is said to be deleted by an entry that stands before it"),
    ],
)
def test_nobody_cuts_the_chain_unseen(audit: Database, stored: Any, tmp_path: Path, change: Any, said: str) -> None:
    cut_audit(audit, BEFORE, DAYS)
    change(stored)
    assert said in found(stored, tmp_path)


@pytest.mark.parametrize(
    ("add", "said"),
    [
        ({"_id": "a", "who": "ben", "what": "review: confirmed"}, "audit before the chain: 1 entries stand where all were deleted"),
        ({"_id": "a", "seq": 4, "who": "ben"}, "audit 4: is not the entry up to which all were deleted"),
        ({"_id": "a", "seq": 2, "who": "ben"}, "audit 3 to 4: gone from the chain"),
    ],
)
def test_nobody_adds_an_entry_to_those_that_are_gone(audit: Database, stored: Any, tmp_path: Path, add: dict[str, Any], said: str) -> None:
    cut_audit(audit, BEFORE, DAYS)
    assert found(stored, tmp_path) == []
    stored.audit.insert_one({"at": NOW, **add})
    assert said in found(stored, tmp_path)


def test_entries_that_a_broken_cut_left_are_checked_as_all_others(
    audit: Database, stored: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("records.audit_cut._delete", lambda *_given: None)
        cut_audit(audit, BEFORE, DAYS)
    stored.audit.delete_many({"seq": {"$lte": 2}})
    assert found(stored, tmp_path) == []
    stored.audit.update_one({"seq": 3}, {"$set": {"who": "nobody"}})
    assert found(stored, tmp_path) == ["audit 3: its words were altered"]


def test_a_cut_that_was_broken_off_is_no_alteration_and_is_ended_by_the_next(
    audit: Database, stored: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(*_given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("records.audit_cut._delete", stops)
        with pytest.raises(KeyboardInterrupt):
            cut_audit(audit, BEFORE, DAYS)
    assert found(stored, tmp_path) == []
    stored.audit.delete_one({"seq": 1})
    assert found(stored, tmp_path) == []
    assert cut_audit(audit, BEFORE, DAYS) == 3
    assert stored.audit.count_documents({"what": CUT}) == 1
    assert found(stored, tmp_path) == []


def test_entries_about_what_is_held_stay_with_those_behind_them(audit: Database, stored: Any, tmp_path: Path) -> None:
    Holds(audit).set(by="ben", note="a lawsuit", session_id=f"{120:032}")
    assert cut_audit(audit, BEFORE, DAYS) == 2
    assert stored.audit.find_one(sort=[("seq", 1)])["seq"] == 3
    assert found(stored, tmp_path) == []
    Holds(audit).lift(session_id=f"{120:032}")
    assert cut_audit(audit, BEFORE, DAYS) == 2


def test_entries_about_a_student_who_is_held_stay_by_whatever_spelling(database: Database, stored: Any) -> None:
    session = {"user_id": "Ann", "user_look": "ann", "state": "ended", "ended_at": NOW}
    assert database.write("sessions", SESSION, session).wait(10)
    note(database, 100, user_id="bob")
    note(database, 99, "review: confirmed", video_id=f"{SESSION}-3")
    Holds(database).set(by="ben", note="a lawsuit", user_id="ANN")
    assert cut_audit(database, BEFORE, DAYS) == 1


def test_a_session_that_is_kept_for_longer_stays_sealed_and_decided(database: Database, stored: Any, tmp_path: Path) -> None:
    ended = NOW - timedelta(days=100)
    decided = {"video_id": f"{SESSION}-1", "session_id": SESSION, "decision": "confirmed", "reason": "", "note": "", "by": "ben", "at": ended}
    acts = [{"act": "concluded", "by": "ben", "conclusion": "nothing", "reason": "", "at": ended}]
    conclusion = {"session_id": SESSION, "state": "concluded", "conclusion": "nothing", "reason": "", "by": "ben", "at": ended, "history": acts}
    session = {"user_id": "ann", "exam_id": "e", "state": "ended", "started_at": ended, "ended_at": ended, "total_score": 12}
    writes = [
        database.write("sessions", SESSION, session),
        database.write("intervals", f"{SESSION}-1", {"session_id": SESSION, "index": 1, "flagged": True, "score": 9}),
        database.write("reviews", "r1", decided),
        database.write("conclusions", SESSION, conclusion),
    ]
    assert all_stored(writes)
    note(database, 100, "review: confirmed", video_id=f"{SESSION}-1", session_id=SESSION, reason="", note="")
    note(database, 100, "conclusion: concluded", session_id=SESSION, conclusion="nothing", reason="")
    assert Seals(database).seal_due() == 1
    assert database.flush(10)
    assert found(stored, tmp_path) == []
    assert cut_audit(database, NOW + timedelta(days=1), DAYS) == 3, "as if all of it were old"
    assert [(entry["session_id"], entry["again"]) for entry in stored.audit.find({"what": SEALED})] == [(SESSION, CUT)]
    assert found(stored, tmp_path) == []
    stored.sessions.update_one({}, {"$set": {"total_score": 0}})
    assert found(stored, tmp_path) == [f"session {SESSION}: its record was altered"]


def test_entries_of_before_there_was_a_chain_go_with_its_first(database: Database, stored: Any, tmp_path: Path) -> None:
    old: datetime = NOW - timedelta(days=300)
    stored.audit.insert_many([{"_id": f"old{number}", "at": old, "who": "ben", "what": "looked", "user_id": "ann"} for number in range(3)])
    note(database, 100)
    note(database, 1)
    assert found(stored, tmp_path) == []
    assert cut_audit(database, BEFORE, DAYS) == 4
    assert stored.audit.count_documents({"seq": {"$exists": False}}) == 0
    assert found(stored, tmp_path) == []


def test_an_entry_whose_words_were_damaged_keeps_no_others(audit: Database, stored: Any, tmp_path: Path) -> None:
    for seq, damaged in ((1, 5), (2, "x"), (3, {"a": 1})):
        stored.audit.update_one({"seq": seq}, {"$set": {"sessions": damaged, "video_id": damaged, "user_id": damaged}})
    Holds(audit).set(by="ben", note="a lawsuit", session_id=f"{89:032}")
    assert cut_audit(audit, BEFORE, DAYS) == 4
    assert found(stored, tmp_path) == []
