"""What an exam left is sealed, and what was altered afterwards is named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from basics.canonical import digest, without
from basics.times import utc_now
from commands.verify import report
from database import Database
from records.reviews import Reviews
from records.seals import ORDERED, SEALED, Seals, is_other_session, seal_hash, seal_of
from records.verification import verify
from tests.helpers.databases import START, all_stored

SESSION = "a" * 32
VIDEO = f"{SESSION}-1"


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    (folder / "ann").mkdir(parents=True)
    (folder / "ann" / "one.mp4").write_bytes(b"moving pictures")
    return folder


@pytest.fixture
def exam(database: Database, clips: Path) -> Database:
    """A database with a session that has ended: three intervals, one clip, one decision."""
    clip = {"state": "ready", "path": "ann/one.mp4", "sha256": hashlib.sha256(b"moving pictures").hexdigest()}
    session = {"user_id": "ann", "exam_id": "e", "state": "ended", "started_at": START, "ended_at": START + timedelta(seconds=90), "total_score": 12}
    writes = [database.write("sessions", SESSION, session)]
    for index in range(3):
        fields = {"session_id": SESSION, "index": index, "score": 4, "flagged": index == 1, "clip": clip if index == 1 else {"state": "none"}}
        writes.append(database.write("intervals", f"{SESSION}-{index}", fields))
        writes.append(database.write("checks", f"{SESSION}-{index}", {"session_id": SESSION, "number": index, "readings": [1.5, 2]}))
    writes.append(database.write("acts", f"{SESSION}:a", {"session_id": SESSION, "kind": "copy", "at": 3.0}, insert_only=True))
    earlier = utc_now() - timedelta(minutes=5)
    decision = {"video_id": VIDEO, "session_id": SESSION, "decision": "confirmed", "reason": "", "note": "seen", "by": "ben", "at": earlier}
    writes.append(database.write("reviews", "r1", decision))
    writes.append(database.audit({"at": earlier, "who": "ben", "what": "review: confirmed", "video_id": VIDEO, "reason": "", "note": "seen"}))
    assert all_stored(writes)
    assert Seals(database).seal_due() == 1
    assert database.flush(10)
    return database


def found(stored: Any, clips: Path, **more: Any) -> list[str]:
    return [f"{finding.kind} {finding.which}: {finding.wrong}" for finding in verify(stored, clips, **more).findings]


def test_what_nobody_touched_is_whole(exam: Database, stored: Any, clips: Path) -> None:
    verified = verify(stored, clips)
    assert (verified.findings, verified.sessions, verified.decisions, verified.clips) == ([], 1, 1, 1)
    assert "Nothing was altered." in report(verified, 1.0)
    assert Seals(exam).seal_due() == 0  # once is enough


def test_decisions_and_clips_that_went_by_their_time_are_no_alteration(exam: Database, stored: Any, clips: Path) -> None:
    stored.intervals.update_one({"_id": VIDEO}, {"$set": {"review": {"state": "confirmed"}, "clip.state": "none"}})
    (clips / "ann" / "one.mp4").unlink()
    assert found(stored, clips) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda db: db.sessions.update_one({}, {"$set": {"total_score": 0}}), f"session {SESSION}: its record was altered"),
        (lambda db: db.sessions.update_one({}, {"$set": {"doubts": []}}), f"session {SESSION}: its record was altered"),
        (lambda db: db.sessions.update_one({}, {"$set": {"unread": {}}}), f"session {SESSION}: its record was altered"),
        (lambda db: db.seals.update_one({}, {"$unset": {"more": ""}}), f"seal {SESSION}: altered"),
        (lambda db: db.intervals.update_one({"index": 1}, {"$set": {"score": 40}}), f"intervals {VIDEO}: was altered"),
        (lambda db: db.intervals.delete_one({"index": 2}), f"intervals {SESSION}-2: gone"),
        (lambda db: db.checks.update_one({"number": 0}, {"$set": {"readings": [1.5, 3]}}), f"checks {SESSION}-0: was altered"),
        (lambda db: db.acts.insert_one({"_id": f"{SESSION}:b", "session_id": SESSION}), f"acts {SESSION}:b: was added afterwards"),
        (lambda db: db.intervals.update_one({"index": 1}, {"$set": {"clip.sha256": "0" * 64}}), f"clip {VIDEO}: its record was altered"),
        (lambda db: db.reviews.update_one({}, {"$set": {"decision": "dismissed"}}), f"decisions {VIDEO}: altered"),
        (lambda db: db.reviews.update_one({}, {"$set": {"note": "not seen"}}), f"decisions {VIDEO}: altered"),
        (lambda db: db.reviews.delete_many({}), f"decisions {VIDEO}: 1 are noted in the audit, 0 are stored"),
        (lambda db: db.sessions.delete_many({}), f"session {SESSION}: gone, and no deletion is noted"),
        (lambda db: db.seals.update_one({}, {"$set": {"session": "0" * 64}}), f"seal {SESSION}: altered"),
        (lambda db: db.seals.delete_many({}), f"seal {SESSION}: gone"),
        (lambda db: db.audit.delete_one({"what": SEALED}), "audit"),
    ],
)
def test_what_was_altered_is_named(exam: Database, stored: Any, clips: Path, change: Callable[[Any], object], said: str) -> None:
    head = {verify(stored, clips).seq: verify(stored, clips).head}
    change(stored)
    assert any(line.startswith(said) for line in found(stored, clips, heads=head)), found(stored, clips, heads=head)


def test_a_seal_of_before_there_was_more_in_it_is_as_it_was() -> None:
    records: dict[str, tuple[()]] = dict.fromkeys(ORDERED, ())
    seal, now = (seal_of({"user_id": "ann", "doubts": doubts}, records) for doubts in ([], ["dark"]))
    older = without(seal, "more")
    assert (is_other_session(seal, now), is_other_session(older, now)) == (True, False)
    assert seal_hash(older) == digest(older)


@pytest.mark.parametrize(
    ("which", "change"),
    [
        (1, {"$set": {"review.state": "dismissed"}}),
        (1, {"$set": {"review.second.by": "eve"}}),
        (1, {"$unset": {"review": ""}}),
        (0, {"$set": {"review.state": "confirmed"}}),
    ],
)
def test_a_flag_that_stands_otherwise_than_was_decided_is_named(
    exam: Database, stored: Any, clips: Path, monkeypatch: pytest.MonkeyPatch, which: int, change: dict[str, Any]
) -> None:
    assert Reviews(exam).decide(VIDEO, "dismissed", by="ada", reason="other")["state"] == "disputed"
    assert exam.audit({"who": "ada", "what": "review: dismissed", "video_id": VIDEO, "reason": "other", "note": ""}).wait(10)
    monkeypatch.setattr("records.verification_decisions.YOUNG", timedelta(0))
    assert found(stored, clips) == []
    stored.intervals.update_one({"_id": f"{SESSION}-{which}"}, change)
    assert [line.partition(": ")[0] for line in found(stored, clips)] == [f"decisions {SESSION}-{which}"]


def test_decisions_that_two_servers_noted_in_another_order_than_they_were_stored_are_whole(exam: Database, stored: Any, clips: Path) -> None:
    before = stored.reviews.find_one()["at"] - timedelta(seconds=1)
    said = {"video_id": VIDEO, "reason": "other", "note": "a book", "at": before}
    assert exam.write("reviews", "r0", {**said, "session_id": SESSION, "decision": "dismissed", "by": "ada"}).wait(10)
    assert exam.audit({**said, "who": "ada", "what": "review: dismissed"}).wait(10)
    assert found(stored, clips) == []
    stored.reviews.update_one({"_id": "r0"}, {"$set": {"by": "ben"}})
    assert found(stored, clips) == [f"decisions {VIDEO}: altered: they are not those noted in the audit"]


def test_a_clip_that_was_altered_or_taken_is_named(exam: Database, stored: Any, clips: Path) -> None:
    (clips / "ann" / "one.mp4").write_bytes(b"other pictures")
    assert [line.partition("/")[0] for line in found(stored, clips)] == [f"clip {VIDEO}: the file "]
    (clips / "ann" / "one.mp4").unlink()
    assert found(stored, clips) == [f"clip {VIDEO}: the file ann/one.mp4 is gone"]


def test_a_session_that_was_deleted_as_the_audit_says_is_no_alteration(exam: Database, stored: Any, clips: Path) -> None:
    for name in ("sessions", "intervals", "checks", "acts", "reviews", "seals"):
        stored[name].delete_many({})
    assert exam.audit({"who": "server", "what": "sessions: deleted", "count": 1, "sessions": [SESSION]}).wait(10)
    assert found(stored, clips) == []


def test_a_clip_that_is_being_made_is_waited_for(database: Database, stored: Any) -> None:
    now = utc_now()
    assert all_stored(
        [
            database.write("sessions", SESSION, {"state": "ended", "ended_at": now - timedelta(minutes=2)}),
            database.write("intervals", VIDEO, {"session_id": SESSION, "index": 1, "clip": {"state": "pending"}}),
        ]
    )
    seals = Seals(database)
    assert seals.seal_due() == 0
    assert database.write("intervals", VIDEO, {"clip.state": "failed"}).wait(10)
    assert seals.seal_due() == 1
    assert database.write("sessions", SESSION, {"state": "running", "ended_at": None, "sealed_at": None}).wait(10)
    assert verify(stored, Path()).findings == []  # one that was reopened goes on


def identify(exam: Database) -> None:
    """Two decisions about who took the exam, each noted."""
    at = utc_now() - timedelta(minutes=5)
    acts = [
        {"decision": "queried", "text": "The card is blurred.", "by": "ben", "at": at},
        {"decision": "accepted", "text": "", "by": "ada", "at": at},
    ]
    assert exam.write("identity", SESSION, {"session_id": SESSION, "history": acts, "decision": acts[1], "revision": 2}).wait(10)
    for act in acts:
        entry = {"at": at, "who": act["by"], "what": f"identity: {act['decision']}", "session_id": SESSION, "text": act["text"]}
        assert exam.audit(entry).wait(10)
    assert exam.audit({"at": at, "who": "ben", "what": "identity: picture looked at", "session_id": SESSION}).wait(10)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"$set": {"history.0.text": "It was fine."}}, "altered"),
        ({"$set": {"history.1.by": "ben", "decision.by": "ben"}}, "altered"),
        ({"$set": {"decision.decision": "queried"}}, "altered: what stands is not what its last act says"),
        ({"$set": {"revision": 1}}, "altered: what stands is not what its last act says"),
        ({"$set": {"history.0.at": START}}, "altered: it says another time than the audit"),
        ({"$pop": {"history": -1}}, "2 acts are noted in the audit, 1 are stored"),
        ({"$unset": {"history": "", "decision": ""}}, "2 acts are noted in the audit, 0 are stored"),
    ],
)
def test_decisions_about_who_took_an_exam_are_counted_and_an_altered_one_is_named(
    exam: Database, stored: Any, clips: Path, change: dict[str, Any], said: str
) -> None:
    identify(exam)
    verified = verify(stored, clips)
    assert (verified.findings, verified.decisions) == ([], 3)
    stored.identity.update_one({"_id": SESSION}, change)
    assert found(stored, clips) == [f"identity {SESSION}: {said}"]
