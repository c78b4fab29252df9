"""Kinds of records go by their own time: clips by what was decided, readings, pictures; and whoever verifies finds nothing altered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from basics.times import utc_now
from commands.verify import report
from database import Database
from media.recorder import Recorder
from records.clip_sweep import ClipSweep
from records.holds import Holds
from records.keep_times import KeepTimes
from records.retention import Retention
from records.retention_kinds import KindSweep
from records.retention_report import survey
from records.seals import SEALED, Seals, seal_hash, stored_seal
from records.verification import verify
from settings.keeping import Kept
from tests.helpers.databases import all_stored

SESSION = "a" * 32
OTHER = "b" * 32
NOW = utc_now()
ENDED = NOW - timedelta(days=20)
STATES = ("dismissed", "confirmed", None, "disputed")  # of the intervals 0 to 3


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    made = {name: tmp_path / name for name in ("clips", "stills", "identity")}
    for folder in made.values():
        folder.mkdir()
    return made


def add(database: Database, folders: Mapping[str, Path], session_id: str = SESSION, **more: Any) -> None:
    """A session that ended 20 days ago, with four flags of which one was dismissed and one confirmed, each with a clip, stills and a check."""
    session = {"user_id": session_id[:3], "exam_id": "e", "state": "ended", "started_at": ENDED - timedelta(hours=1), "ended_at": ENDED, **more}
    writes = [database.write("sessions", session_id, session)]
    for index, state in enumerate(STATES):
        video_id, name = f"{session_id}-{index}", f"{session_id[0]}{index}.mp4"
        (folders["clips"] / name).write_bytes(name.encode())
        (folders["stills"] / f"still-{video_id}-abc-100.jpg").write_bytes(b"a still")
        clip = {"state": "ready", "path": name, "sha256": hashlib.sha256(name.encode()).hexdigest(), "reason": ""}
        fields = {"session_id": session_id, "index": index, "flagged": True, "score": 9, "clip": clip}
        writes.append(database.write("intervals", video_id, fields | ({"review": {"state": state, "reason": "glasses"}} if state else {})))
        if state:
            said = {"video_id": video_id, "reason": "glasses", "note": "", "at": ENDED}
            writes.append(database.write("reviews", f"r{video_id}", {**said, "session_id": session_id, "decision": state, "by": "ben"}))
            writes.append(database.audit({**said, "who": "ben", "what": f"review: {state}"}))
        writes.append(database.write("checks", video_id, {"session_id": session_id, "number": index, "scores": [1], "readings": {"gaze": [[0.5]]}}))
    for name in ("face.jpg", "card.jpg"):
        (folders["identity"] / f"identity-{session_id}-{name}").write_bytes(b"a face")
    writes.append(database.write("identity", session_id, {"session_id": session_id, "said": {"face": "given"}}))
    assert all_stored(writes)
    assert Seals(database).seal_due() >= 1
    assert database.flush(10)


def made(database: Database, folders: Mapping[str, Path], keep_days: int = 365, **kinds: int) -> Retention:
    temp = folders["clips"].parent / "temp"
    clips, recorder = ClipSweep(database, folders["clips"], temp), Recorder(folders["clips"], temp)
    days: dict[Kept, int] = kinds  # type: ignore[assignment]
    return Retention(
        database, folders["clips"], folders["stills"], keep_days, clips=clips, recorder=recorder, identity_dir=folders["identity"], kinds=days
    )


def sweep(retention: Retention) -> None:
    retention.sweep(NOW)
    assert retention._database.flush(10)


def clips_of(database: Database, session_id: str = SESSION) -> list[str]:
    return [database.interval(f"{session_id}-{index}")["clip"]["state"] for index in range(len(STATES))]


def findings(stored: Any, folders: Mapping[str, Path]) -> list[str]:
    return [f"{one.kind} {one.which}: {one.wrong}" for one in verify(stored, folders["clips"]).findings]


@pytest.mark.parametrize(
    ("kinds", "left"),
    [
        ({"clips_dismissed": 19}, ["deleted", "ready", "ready", "ready"]),
        ({"clips_confirmed": 19}, ["ready", "deleted", "ready", "ready"]),
        ({"clips_open": 19}, ["ready", "ready", "deleted", "deleted"]),
        ({"clips_dismissed": 21, "clips_open": 0}, ["ready"] * 4),
    ],
)
def test_a_clip_goes_by_what_was_decided_and_its_flag_stays(
    database: Database, stored: Any, folders: dict[str, Path], kinds: dict[str, int], left: list[str]
) -> None:
    add(database, folders)
    sweep(made(database, folders, **kinds))
    assert clips_of(database) == left
    for index, state in enumerate(left):
        interval = database.interval(f"{SESSION}-{index}")
        assert (folders["clips"] / f"a{index}.mp4").exists() == (state == "ready")
        assert bool(list(folders["stills"].glob(f"still-{SESSION}-{index}-*"))) == (state == "ready"), "stills are out of the clip"
        assert (interval["flagged"], interval["score"]) == (True, 9)
        assert (interval.get("review") or {}).get("state") == STATES[index]
        if state == "deleted":
            assert "(days: 19)" in interval["clip"]["reason"]
            assert interval["clip"]["deleted_at"] is not None
    assert findings(stored, folders) == []
    noted = [(one["what"], one["kind"], one["count"], one["sessions"]) for one in stored.audit.find({"what": "clips: deleted"})]
    assert noted == [("clips: deleted", kind, left.count("deleted"), [SESSION]) for kind, days in kinds.items() if days == 19]
    sweep(made(database, folders, **kinds))
    assert stored.audit.count_documents({"what": "clips: deleted"}) == len(noted), "nothing more went"


def test_a_clip_whose_decision_changes_has_the_other_kinds_time(database: Database, folders: dict[str, Path]) -> None:
    add(database, folders)
    kinds = {"clips_dismissed": 19, "clips_confirmed": 300}
    retention = made(database, folders, **kinds)
    sweep(retention)
    assert clips_of(database) == ["deleted", "ready", "ready", "ready"]
    database.write("intervals", f"{SESSION}-1", {"review.state": "dismissed"})
    database.write("intervals", f"{SESSION}-2", {"review": {"state": "dismissed", "answered_since": True}})
    sweep(retention)
    assert clips_of(database) == ["deleted", "deleted", "ready", "ready"], "counted from the session's end; an answer opens it again"


def test_the_exams_own_days_go_before_the_servers_and_both_are_those_of_the_sessions_start(database: Database, folders: dict[str, Path]) -> None:
    add(database, folders, exam={"keep_days": {"clips_dismissed": 300}}, keep_days={"clips_dismissed": 5, "clips_confirmed": 5})
    add(database, folders, OTHER, keep_days={"clips_dismissed": 400})
    sweep(made(database, folders, clips_dismissed=1, clips_open=1))
    assert clips_of(database) == ["ready", "deleted", "deleted", "deleted"]
    assert clips_of(database, OTHER) == ["ready", "ready", "deleted", "deleted"], "what it began with, and the server's where it began with none"


def test_an_exam_that_keeps_records_for_less_is_deleted_whole(database: Database, folders: dict[str, Path]) -> None:
    add(database, folders, exam={"keep_days": {"records": 7}})
    add(database, folders, OTHER)
    assert made(database, folders).sweep(NOW) == 1
    assert database.get("rehearsals", "x") is None
    with database.reading():
        assert [row["_id"] for row in database.collection("sessions").find()] == [OTHER]
        assert database.collection("identity").count_documents({}) == 1
    assert sorted(path.name[9:10] for path in folders["identity"].iterdir()) == ["b", "b"]


def test_readings_go_and_what_they_came_to_stays(database: Database, stored: Any, folders: dict[str, Path]) -> None:
    add(database, folders)
    retention = made(database, folders, readings=10)
    sweep(retention)
    assert [(row["scores"], "readings" in row) for row in stored.checks.find()] == [([1], False)] * 4
    session = database.session(SESSION)
    assert session["gone"]["readings"]["days"] == 10
    verified = verify(stored, folders["clips"])
    assert (verified.findings, verified.thinned) == ([], 1)
    assert "1 of them without their readings" in report(verified, 1.0)
    assert [(one["count"], one["sessions"]) for one in stored.audit.find({"what": "readings: deleted"})] == [(4, [SESSION])]
    newest = list(stored.audit.find({"what": SEALED, "session_id": SESSION}).sort("at", 1))[-1]
    assert newest["sha256"] == seal_hash(stored_seal(stored.seals.find_one({"_id": SESSION}))), "as a package has it"
    sweep(retention)
    assert stored.audit.count_documents({"what": "readings: deleted"}) == 1


def test_what_was_altered_before_the_readings_went_is_told_still(database: Database, stored: Any, folders: dict[str, Path]) -> None:
    add(database, folders)
    stored.checks.update_one({"number": 2}, {"$set": {"readings": {"gaze": [[0.7]]}}})
    sweep(made(database, folders, readings=10))
    assert findings(stored, folders) == [f"checks {SESSION}-2: was altered"]
    stored.checks.update_one({"number": 1}, {"$set": {"scores": [0]}})
    assert f"checks {SESSION}-1: was altered" in findings(stored, folders)


def test_a_server_that_stopped_while_readings_went_leaves_nothing_altered(
    database: Database, stored: Any, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(database, folders)
    before = stored.seals.find_one({"_id": SESSION})
    checks = list(stored.checks.find())
    sweep(made(database, folders, readings=10))
    after = stored.seals.find_one({"_id": SESSION})
    stored.checks.update_one({"_id": checks[0]["_id"]}, {"$set": {"readings": checks[0]["readings"]}})
    assert findings(stored, folders) == [], "some were not thinned yet"
    for check in checks:
        stored.checks.replace_one({"_id": check["_id"]}, check)
    assert findings(stored, folders) == [], "none was"
    stored.seals.replace_one({"_id": SESSION}, before)
    assert findings(stored, folders) == [], "the audit knew of it, and nothing else"
    stored.sessions.update_one({"_id": SESSION}, {"$unset": {"gone": ""}})
    sweep(made(database, folders, readings=10))
    assert stored.seals.find_one({"_id": SESSION})["checks"] == after["checks"]
    assert findings(stored, folders) == []


def test_pictures_of_identity_go_by_session_and_what_was_decided_stays(database: Database, stored: Any, folders: dict[str, Path]) -> None:
    add(database, folders)
    add(database, folders, OTHER, exam={"keep_days": {"identity": 60}})
    sweep(made(database, folders, identity=10))
    assert {path.name.split("-")[1] for path in folders["identity"].iterdir()} == {OTHER}
    kept = stored.identity.find_one({"_id": SESSION})
    assert kept["said"] == {"face": "given"}
    assert kept["pictures_deleted_at"] is not None
    assert [(one["count"], one["sessions"]) for one in stored.audit.find({"what": "identity: deleted"})] == [(2, [SESSION])]
    assert clips_of(database) == ["ready"] * 4


def test_stills_go_before_their_clips(database: Database, folders: dict[str, Path]) -> None:
    add(database, folders)
    sweep(made(database, folders, stills=10))
    assert list(folders["stills"].iterdir()) == []
    assert clips_of(database) == ["ready"] * 4


@pytest.mark.parametrize("held", [{"session_id": SESSION}, {"user_id": "AAA"}])
def test_a_legal_hold_spares_everything(database: Database, folders: dict[str, Path], held: dict[str, str]) -> None:
    add(database, folders, user_look="aaa")
    kinds = dict.fromkeys(("clips_dismissed", "clips_confirmed", "clips_open", "readings", "stills", "identity"), 1)
    Holds(database).set(by="ben", note="a lawsuit", **held)
    retention = made(database, folders, 1, **kinds)
    sweep(retention)
    assert clips_of(database) == ["ready"] * 4
    assert len(list(folders["identity"].iterdir())) == 2
    with database.reading():
        assert database.collection("checks").count_documents({"readings": {"$exists": True}}) == 4
    Holds(database).lift(**held)
    assert retention.sweep(NOW) == 1


def test_a_request_for_a_new_look_keeps_the_clips_until_it_is_answered(database: Database, folders: dict[str, Path]) -> None:
    add(database, folders)
    database.write("new_looks", SESSION, {"session_id": SESSION, "state": "open"})
    retention = made(database, folders, clips_open=1)
    sweep(retention)
    assert clips_of(database) == ["ready"] * 4
    database.write("new_looks", SESSION, {"state": "done"})
    sweep(retention)
    assert clips_of(database)[2:] == ["deleted", "deleted"]


def test_a_clip_that_only_says_that_its_time_was_over_is_told(database: Database, stored: Any, folders: dict[str, Path]) -> None:
    add(database, folders)
    add(database, folders, OTHER)
    stored.intervals.update_one({"_id": f"{SESSION}-1"}, {"$set": {"clip.state": "deleted", "clip.deleted_at": NOW}})
    (folders["clips"] / "a1.mp4").unlink()
    assert findings(stored, folders) == [f"clip {SESSION}-1: deleted, and no deletion is noted"]


def test_clips_that_went_before_the_server_was_killed_are_noted_by_the_next_sweep(
    database: Database, stored: Any, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(database, folders)
    retention = made(database, folders, clips_dismissed=1)
    with monkeypatch.context() as patch:
        patch.setattr(KindSweep, "_note", lambda self, swept: None)
        sweep(retention)
    assert clips_of(database)[0] == "deleted"
    assert findings(stored, folders) == [f"clip {SESSION}-0: deleted, and no deletion is noted"]
    sweep(retention)
    assert findings(stored, folders) == []
    sweep(retention)
    assert [(one["count"], one["sessions"]) for one in stored.audit.find({"what": "clips: deleted"})] == [(1, [SESSION])]


def test_a_clip_that_can_not_be_deleted_is_said_and_tried_again(database: Database, folders: dict[str, Path]) -> None:
    add(database, folders)
    (folders["clips"] / "a0.mp4").unlink()
    (folders["clips"] / "a0.mp4").mkdir()  # what no unlink deletes, whoever asks
    (folders["clips"] / "a0.mp4" / "x").touch()
    retention = made(database, folders, clips_dismissed=1, clips_confirmed=1)
    sweep(retention)
    assert clips_of(database) == ["ready", "deleted", "ready", "ready"]
    health = retention.health()
    assert (health["state"], health["reason"]) == ("degraded", "1 file whose time is over can't be deleted")
    assert health["deleted"] == {"records": 0, "lists": 0, "clips_confirmed": 1, "audit": 0}
    (folders["clips"] / "a0.mp4" / "x").unlink()
    (folders["clips"] / "a0.mp4").rmdir()
    sweep(retention)
    assert clips_of(database)[0] == "deleted"
    assert retention.health()["state"] == "ok"


def test_a_record_never_leads_out_of_the_folder_of_clips(database: Database, folders: dict[str, Path], tmp_path: Path) -> None:
    add(database, folders)
    (tmp_path / "other.mp4").write_bytes(b"not ours")
    database.write("intervals", f"{SESSION}-0", {"clip.path": "../other.mp4"})
    sweep(made(database, folders, clips_dismissed=1))
    assert (tmp_path / "other.mp4").exists()


def test_the_clips_that_are_there_are_found_by_an_index(database: Database) -> None:
    for index in range(300):
        clip = {"state": "none" if index else "ready"}
        database.write("intervals", f"{SESSION}-{index}", {"session_id": SESSION, "index": index, "clip": clip})
    assert database.flush(10)
    with database.reading():
        plan = database.collection("intervals").find({"session_id": {"$in": [SESSION]}, "clip.state": "ready"}).explain()
    assert "clips_of_session" in str(plan["queryPlanner"]["winningPlan"])


# Records that are damaged, and sweeps that were broken off


DAMAGES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "the exam": ("sessions", SESSION, {"exam": [{"keep_days": 3}]}),
    "the exam's days": ("sessions", SESSION, {"exam": {"keep_days": "long"}}),
    "the days": ("sessions", SESSION, {"keep_days": "long"}),
    "what is gone": ("sessions", SESSION, {"gone": "all"}),
    "a review": ("intervals", f"{SESSION}-0", {"review": [{"state": "dismissed"}]}),
    "what was decided": ("intervals", f"{SESSION}-0", {"review.state": {"dismissed": 1}}),
    "a clip": ("intervals", f"{SESSION}-0", {"clip": [{"state": "ready", "path": "a0.mp4"}]}),
    "a path": ("intervals", f"{SESSION}-0", {"clip.path": "a\0.mp4"}),
    "a path of no text": ("intervals", f"{SESSION}-0", {"clip.path": ["a0.mp4"]}),
    "the seal": ("seals", SESSION, {"checks": "none"}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_keeps_nothing_of_others(database: Database, stored: Any, folders: dict[str, Path], damage: str) -> None:
    add(database, folders)
    add(database, folders, OTHER)
    collection, named, fields = DAMAGES[damage]
    stored[collection].update_one({"_id": named}, {"$set": fields})
    retention = made(database, folders, clips_dismissed=1, readings=1, identity=1)
    sweep(retention)
    assert clips_of(database, OTHER) == ["deleted", "ready", "ready", "ready"]
    assert stored.checks.count_documents({"session_id": OTHER, "readings": {"$exists": True}}) == 0
    survey(database, KeepTimes({"records": 1}), 0, {"identity": folders["identity"]}, NOW)
    retention._sweep_clips()
    if damage not in ("the exam's days", "the days", "the exam"):
        stored.sessions.update_many({}, {"$unset": {"keep_days": ""}})
    assert made(database, folders, 1).sweep(NOW) == 2


def test_pictures_that_went_before_the_server_was_killed_are_said_to_be_gone_by_the_next_sweep(
    database: Database, stored: Any, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(database, folders)
    stored.identity.update_one({"_id": SESSION}, {"$set": {"pictures": {"face-1": {"kind": "face"}, "card-1": {"kind": "card"}}}})
    for path in folders["identity"].iterdir():
        path.unlink()  # and the server was killed
    retention = made(database, folders, identity=10)
    sweep(retention)
    assert stored.identity.find_one({"_id": SESSION})["pictures_deleted_at"] is not None
    assert database.session(SESSION)["gone"]["identity"]["days"] == 10
    sweep(retention)
    assert [(one["count"], one["sessions"]) for one in stored.audit.find({"what": "identity: deleted"})] == [(2, [SESSION])]
