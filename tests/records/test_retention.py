"""Sessions are deleted with all that belongs to them once they were kept for long enough, and nothing else is."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from basics.errors import Conflict, StorageError
from basics.looks import look
from database import Database
from media.clip import Clip
from media.recorder import Recorder
from records.clip_sweep import ClipSweep
from records.holds import Holds
from records.retention import OF_A_SESSION, Retention
from records.retention_kinds import PAGE
from tests.helpers.databases import PATIENT_S, opened
from tests.helpers.sessions import UNKNOWN, store_interval
from tests.helpers.waiting import until

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
KEEP_DAYS = 30


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    clips, stills = tmp_path / "flagged_videos", tmp_path / "stills"
    clips.mkdir()
    stills.mkdir()
    return clips, stills


@pytest.fixture
def retention(database: Database, folders: tuple[Path, Path]) -> Retention:
    return made(database, folders, KEEP_DAYS)


def made(database: Database, folders: tuple[Path, Path], keep_days: int) -> Retention:
    temp = folders[0].parent / "temp"
    return Retention(database, *folders, keep_days, clips=ClipSweep(database, folders[0], temp), recorder=Recorder(folders[0], temp))


def add_session(database: Database, folders: tuple[Path, Path], name: str, ended: datetime | None, clip: str | None = None) -> str:
    """A session with one document of each kind, a clip and a still; the id is `name` in 32 characters."""
    session_id = name.ljust(32, "0")
    clip = clip if clip is not None else f"{name}/flagged_1.mp4"
    database.write("sessions", session_id, {"state": "ended" if ended else "running", "ended_at": ended, "user_id": name, "exam_id": None})
    for kind in OF_A_SESSION:
        database.write(kind, f"{session_id}-1", {"session_id": session_id, "clip": {"path": clip}})
    clips, stills = folders
    path = clips / clip
    if path.resolve().is_relative_to(clips.resolve()):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"a clip")
    (stills / f"still-{session_id}-1-abc-100.jpg").write_bytes(b"a still")
    assert database.flush(10)
    return session_id


def left_of(database: Database, folders: tuple[Path, Path], session_id: str) -> dict[str, int]:
    with database.reading():
        left = {kind: database.collection(kind).count_documents({"session_id": session_id}) for kind in OF_A_SESSION}
        left["sessions"] = database.collection("sessions").count_documents({"_id": session_id})
    return left | {"stills": len(list(folders[1].glob(f"still-{session_id}-*")))}


def test_what_was_kept_for_long_enough_goes_and_the_rest_stays(database: Database, folders: tuple[Path, Path], retention: Retention) -> None:
    old = add_session(database, folders, "old", NOW - timedelta(days=KEEP_DAYS, seconds=1))
    young = add_session(database, folders, "young", NOW - timedelta(days=KEEP_DAYS, seconds=-1))
    running = add_session(database, folders, "running", None)
    database.write("rehearsals", "a", {"at": NOW - timedelta(days=KEEP_DAYS + 1)})
    database.write("rehearsals", "b", {"at": NOW})
    database.write("accommodations", "c", {"at": NOW - timedelta(days=1000)})
    assert database.flush(10)

    assert retention.sweep(NOW) == 1
    assert set(left_of(database, folders, old).values()) == {0}
    for kept in (young, running):
        assert set(left_of(database, folders, kept).values()) == {1}
    assert sorted(path.relative_to(folders[0]).as_posix() for path in folders[0].rglob("*")) == [
        "running",
        "running/flagged_1.mp4",
        "young",
        "young/flagged_1.mp4",
    ]
    assert database.get("rehearsals", "a") is None
    assert database.get("rehearsals", "b") is not None
    with database.reading():
        assert database.collection("accommodations").count_documents({}) == 1
    assert database.flush(10)
    assert [(entry["what"], entry["count"]) for entry in database.audit_entries()] == [("sessions: deleted", 1)]
    assert retention.sweep(NOW) == 0
    late = database.write("intervals", f"{old}-2", {"session_id": old})
    assert (late.wait(10), type(late.error)) == (False, Conflict), "nothing of it comes back"
    with database.reading():  # as a server of an older version does that was away meanwhile
        database.collection("intervals").insert_one({"_id": f"{old}-2", "session_id": old})
        database.collection("sessions").insert_one({"_id": old, "state": "running"})
    retention.sweep(NOW)
    assert set(left_of(database, folders, old).values()) == {0}


def test_what_another_server_had_in_its_spool_of_a_deleted_session_stays_away(
    database: Database, folders: tuple[Path, Path], retention: Retention, mongo_uri: str, db_name: str, tmp_path: Path
) -> None:
    old = add_session(database, folders, "old", NOW - timedelta(days=KEEP_DAYS + 1))
    with opened("mongodb://127.0.0.1:9/?directConnection=true", "unused", tmp_path / "dead") as dead:
        assert dead.write("intervals", f"{old}-7", {"session_id": old, "user_id": "old"}, epoch=1).wait(30)
    assert retention.sweep(NOW) == 1
    with opened(mongo_uri, db_name, tmp_path / "dead", PATIENT_S) as back:
        assert back.flush(60)
    assert set(left_of(database, folders, old).values()) == {0}


def test_a_rehearsal_of_a_student_whom_a_hold_names_stays(database: Database, retention: Retention) -> None:
    for name in ("Ann", "bob"):
        database.write("rehearsals", name, {"at": NOW - timedelta(days=KEEP_DAYS + 1), "user_id": name})
    assert database.flush(10)
    Holds(database).set(by="Ada", note="", user_id="ann")
    retention.sweep(NOW)
    assert [database.get("rehearsals", name) is not None for name in ("Ann", "bob")] == [True, False]


def test_a_student_keeps_the_folder_that_has_other_clips(database: Database, folders: tuple[Path, Path], retention: Retention) -> None:
    add_session(database, folders, "old", NOW - timedelta(days=31), clip="ann/flagged_1.mp4")
    add_session(database, folders, "young", NOW, clip="ann/flagged_2.mp4")
    assert retention.sweep(NOW) == 1
    assert [path.name for path in (folders[0] / "ann").iterdir()] == ["flagged_2.mp4"]


def test_a_record_never_leads_out_of_the_folder_of_clips(
    database: Database, folders: tuple[Path, Path], retention: Retention, tmp_path: Path
) -> None:
    (tmp_path / "other.mp4").write_bytes(b"not ours")
    add_session(database, folders, "old", NOW - timedelta(days=31), clip="../other.mp4")
    assert retention.sweep(NOW) == 1
    assert (tmp_path / "other.mp4").exists()


def test_a_session_whose_clip_cannot_be_deleted_keeps_its_records(
    database: Database, folders: tuple[Path, Path], retention: Retention, caplog: pytest.LogCaptureFixture
) -> None:
    stuck = add_session(database, folders, "stuck", NOW - timedelta(days=40), clip="stuck.mp4")
    (folders[0] / "stuck.mp4").unlink()
    (folders[0] / "stuck.mp4").mkdir()  # what no unlink deletes, whoever asks
    other = add_session(database, folders, "other", NOW - timedelta(days=35))
    assert retention.sweep(NOW) == 1
    assert left_of(database, folders, stuck)["sessions"] == 1
    assert left_of(database, folders, other)["sessions"] == 0
    assert "stuck.mp4 can't be deleted" in caplog.text
    (folders[0] / "stuck.mp4").rmdir()
    assert retention.sweep(NOW) == 1


def test_more_than_one_page_is_deleted_in_one_sweep(database: Database, retention: Retention) -> None:
    for number in range(PAGE + 5):
        database.write("sessions", f"{number:032}", {"state": "ended", "ended_at": NOW - timedelta(days=31, seconds=number), "user_id": str(number)})
    assert database.flush(10)
    assert retention.sweep(NOW) == PAGE + 5


def test_zero_days_delete_nothing_and_clips_are_looked_at_all_the_same(
    database: Database, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("records.retention.FIRST_S", 0)
    old = add_session(database, folders, "old", NOW - timedelta(days=9999))
    key = store_interval(database, UNKNOWN, 0, clip=Clip("ready", "gone.mp4").to_dict())
    never = made(database, folders, 0)
    never.start()
    until(lambda: database.interval(key)["clip"]["state"] == "failed")
    never.stop()
    assert left_of(database, folders, old)["sessions"] == 1


def test_an_old_session_is_found_by_an_index(database: Database) -> None:
    with database.reading():
        plan: dict[str, Any] = (
            database.collection("sessions").find({"ended_at": {"$lt": NOW}, "state": {"$ne": "running"}}).sort("ended_at", 1).explain()
        )
    assert "by_end" in str(plan["queryPlanner"]["winningPlan"])


def test_a_clock_that_leapt_is_first_believed_after_a_day(database: Database, folders: tuple[Path, Path]) -> None:
    session_id = add_session(database, folders, "young", NOW - timedelta(days=KEEP_DAYS - 10))

    def sweep(now: datetime) -> tuple[int, object]:
        retention = made(database, folders, KEEP_DAYS)  # the server is started anew each time
        return retention.sweep(now), retention.health()["state"]

    assert sweep(NOW) == (0, "ok")
    years_ahead = NOW + timedelta(days=3650)
    assert sweep(years_ahead) == (0, "degraded")
    assert sweep(NOW + timedelta(hours=1)) == (0, "ok"), "the clock was set right"
    assert sweep(years_ahead) == (0, "degraded")
    assert sweep(years_ahead + timedelta(days=300)) == (0, "degraded"), "it leapt again"
    assert sweep(years_ahead + timedelta(days=300, hours=20)) == (0, "degraded")
    assert set(left_of(database, folders, session_id).values()) == {1}
    assert sweep(years_ahead + timedelta(days=301)) == (1, "ok")
    assert set(left_of(database, folders, session_id).values()) == {0}


def test_an_exam_that_was_held_while_the_clock_stood_in_another_year_is_not_deleted_when_it_is_set(
    database: Database, folders: tuple[Path, Path], retention: Retention
) -> None:
    assert retention.sweep(NOW) == 0
    years_ago = NOW - timedelta(days=1000)
    session_id = add_session(database, folders, "exam", years_ago)
    assert retention.sweep(years_ago) == 0
    assert retention.health()["state"] == "degraded"
    assert retention.sweep(NOW + timedelta(hours=1)) == 0
    assert retention.health()["state"] == "ok"
    assert set(left_of(database, folders, session_id).values()) == {1}
    assert retention.sweep(NOW + timedelta(days=5)) == 0
    for week in range(1, 5):
        retention.sweep(NOW + timedelta(days=5 + 6 * week))
    assert set(left_of(database, folders, session_id).values()) == {1}
    assert retention.sweep(NOW + timedelta(days=KEEP_DAYS + 1)) == 1


def test_an_exam_of_a_clock_that_leaps_to_the_right_year_is_kept(database: Database, folders: tuple[Path, Path], retention: Retention) -> None:
    years_ago = NOW - timedelta(days=1000)
    session_id = add_session(database, folders, "exam", years_ago)
    assert retention.sweep(years_ago) == 0
    assert retention.sweep(NOW) == 0
    assert retention.sweep(NOW + timedelta(days=2)) == 0
    assert retention.health()["state"] == "ok"
    assert set(left_of(database, folders, session_id).values()) == {1}


def test_what_was_deleted_is_in_the_audit_though_the_rest_could_not_be(
    database: Database, folders: tuple[Path, Path], retention: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first", "second"):
        add_session(database, folders, name, NOW - timedelta(days=KEEP_DAYS + 1))
    delete = retention.delete_session

    def once(session_id: str) -> bool:
        monkeypatch.setattr(retention, "delete_session", failing)
        return delete(session_id)

    def failing(session_id: str) -> bool:
        raise StorageError("The database is away.")

    monkeypatch.setattr(retention, "delete_session", once)
    with pytest.raises(StorageError):
        retention.sweep(NOW)
    assert database.flush(10)
    with database.reading():
        assert [entry["count"] for entry in database.collection("audit").find({"what": "sessions: deleted"})] == [1]


def test_records_that_were_set_aside_are_deleted_with_the_sessions_of_their_time(
    database: Database, folders: tuple[Path, Path], retention: Retention
) -> None:
    folder = database.set_aside_in
    old, young = folder / "rejected.1.jsonl", folder / "000000000007.damaged"
    for path, days in ((old, KEEP_DAYS + 1), (young, 1)):
        path.write_bytes(b"{}")
        os.utime(path, ((NOW - timedelta(days=days)).timestamp(),) * 2)
    retention.sweep(NOW)
    assert (old.exists(), young.exists()) == (False, True)


def test_clips_that_can_not_be_compared_keep_no_old_session_from_its_end(
    database: Database, folders: tuple[Path, Path], retention: Retention, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = add_session(database, folders, "old", NOW - timedelta(days=KEEP_DAYS + 4000))

    def forbidden(self: ClipSweep, **options: object) -> None:
        raise PermissionError(13, "Permission denied", "a clip of root's")

    monkeypatch.setattr(ClipSweep, "sweep", forbidden)
    monkeypatch.setattr("records.retention.FIRST_S", 0.01)
    retention.start()
    until(lambda: not left_of(database, folders, session_id)["sessions"])
    until(lambda: retention.health()["state"] == "degraded")
    retention.stop()
    assert "Permission denied" in str(retention.health()["reason"])


def test_the_list_of_an_exam_that_is_over_for_long_goes_but_for_whom_something_is_kept(
    database: Database, folders: tuple[Path, Path], retention: Retention
) -> None:
    old, new = NOW - timedelta(days=KEEP_DAYS + 2), NOW - timedelta(days=1)
    exams: dict[str, dict[str, Any]] = {
        "over": {"state": "closed", "changed_at": old},
        "past": {"state": "open", "changed_at": old - timedelta(days=9), "closes": old},
        "open": {"state": "open", "changed_at": old},
        "young": {"state": "open", "changed_at": old, "closes": new},
        "own": {"state": "archived", "changed_at": old, "keep_days": {"records": 90}},
    }
    for exam_id, fields in exams.items():
        database.write("exams", exam_id, {"exam_id": exam_id, "exam_look": look(exam_id), **fields})
        for who in ("ada", "held", "late", "took"):
            whose = {"user_id": who, "user_look": look(who)}
            row = {"exam_key": exam_id, "exam_id": exam_id, "name": "Ada", "code_hash": exam_id + who, "added_at": new if who == "late" else old}
            database.write("roster", f"{exam_id}-{who}", row | whose)
            database.write("letters", f"{exam_id}-{who}", {"exam_key": exam_id, "text": "Come"} | whose)
            database.write("accommodations", f"{exam_id}-{who}", {"exam_id": exam_id, "extra_min": 30, "at": old} | whose)
    database.write("accommodations", "every", {"exam_id": None, "user_id": "ada", "user_look": "ada", "at": old})
    took = {"state": "ended", "ended_at": new, "user_id": "TOOK", "exam_id": "OVER", "exam_look": look("over")}
    database.write("sessions", "b" * 32, took)
    Holds(database).set(by="Ben", note="", user_id="HELD")
    assert database.flush(10)
    told: list[str] = []
    retention.lists_deleted = told.append
    retention.sweep(NOW)
    assert sorted(told) == ["over", "past"]
    assert database.flush(10)
    gone = {"over-ada", "past-ada", "past-took"}
    with database.reading():
        for name in ("roster", "letters", "accommodations"):
            there = set(database.collection(name).distinct("_id"))
            assert {f"{exam}-{who}" for exam in exams for who in ("ada", "held", "late", "took")} - there == gone, name
        assert "every" in database.collection("accommodations").distinct("_id"), "it holds for later exams, too"
        noted = {(one["exam_id"], one["count"]) for one in database.collection("audit").find({"what": "lists: deleted"})}
    assert noted == {("over", 1), ("past", 2)}
