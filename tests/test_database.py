"""What `Database` promises: nothing acknowledged is lost, everything arrives in order, each query has its index. With a real mongod."""

from __future__ import annotations

import json
import random
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from basics.errors import ConfigError, Conflict, InvalidInput, NotFound, StorageError
from database import Database
from records.accommodations import Accommodations
from records.reviews import Reviews
from scoring.accommodations import Accommodation
from storage import migrations
from storage.writes import Ticket
from tests.helpers.databases import PATIENT_S, START, add_interval, all_stored, opened


def test_a_ticket_comes_true_when_others_can_see_the_write(database: Database, stored: Any) -> None:
    assert database.write("sessions", "s1", {"user_id": "ann", "started_at": START}).wait(10)
    assert stored.sessions.find_one() == {"_id": "s1", "user_id": "ann", "started_at": START}


def test_later_writes_add_to_the_document_and_dotted_keys_reach_inside(database: Database) -> None:
    database.write("intervals", "s-0", {"score": 4, "clip": {"state": "pending", "reason": ""}})
    assert database.write("intervals", "s-0", {"score": 12, "clip.state": "ready"}).wait(10)
    assert database.interval("s-0") == {"_id": "s-0", "score": 12, "clip": {"state": "ready", "reason": ""}}


def test_insert_only_leaves_an_existing_document_as_it_is(database: Database) -> None:
    database.write("acts", "s:1", {"session_id": "s", "at": 1.0, "detail": "first"}, insert_only=True)
    assert database.write("acts", "s:1", {"session_id": "s", "at": 2.0, "detail": "again", "more": 1}, insert_only=True).wait(10)
    assert database.acts("s") == [{"_id": "s:1", "session_id": "s", "at": 1.0, "detail": "first"}]


def test_fields_are_those_of_the_moment_of_the_call(mongo_uri: str, db_name: str, tmp_path: Path) -> None:
    with opened(mongo_uri, db_name, tmp_path, timeout_s=PATIENT_S, start=False) as database:
        fields: dict[str, Any] = {"session_id": "s", "readings": [1]}
        ticket = database.write("checks", "c", fields)
        fields["readings"].append(2)
        database.start()
        assert ticket.wait(10)
        assert database.checks("s", limit=1)[0]["readings"] == [1]


def test_writes_of_one_document_keep_their_order(database: Database) -> None:
    tickets = [database.write("sessions", "s", {"total_score": value, f"seen_{value % 7}": value}) for value in range(3000)]
    assert all_stored(tickets)
    assert database.session("s") == {"_id": "s", "total_score": 2999} | {f"seen_{k}": max(v for v in range(3000) if v % 7 == k) for k in range(7)}


def test_a_deletion_keeps_its_place_among_the_writes(database: Database) -> None:
    database.write("tokens", "t", {"by": "ann", "uses": 1})
    database.delete("tokens", "t")
    assert database.write("tokens", "t", {"by": "ben"}).wait(10)
    assert database.get("tokens", "t") == {"_id": "t", "by": "ben"}
    assert database.delete("tokens", "t").wait(10)
    assert database.get("tokens", "t") is None


def test_merging_in_a_batch_gives_what_one_after_the_other_gives(mongo_uri: str, db_name: str, tmp_path: Path) -> None:
    choose = random.Random(7)
    expected: dict[str, dict[str, Any]] = {}
    with opened(mongo_uri, db_name, tmp_path, timeout_s=PATIENT_S, start=False) as database:
        for value in range(600):
            name = f"t{choose.randrange(4)}"
            kind = choose.choice(["set", "set", "set", "insert", "delete", "inside"])
            keys = choose.sample(["a", "b", "c"], choose.randrange(1, 4))
            if kind == "delete":
                database.delete("tokens", name)
                expected.pop(name, None)
            elif kind == "insert":
                database.write("tokens", name, dict.fromkeys(keys, value), insert_only=True)
                expected.setdefault(name, dict.fromkeys(keys, value))
            elif kind == "inside":
                database.write("tokens", name, {"d.x": value})
                expected.setdefault(name, {}).setdefault("d", {})["x"] = value
            else:
                database.write("tokens", name, dict.fromkeys(keys, value))
                expected.setdefault(name, {}).update(dict.fromkeys(keys, value))
        database.start()
        assert database.flush(30)
        assert {row.pop("_id"): row for row in database.documents("tokens")} == expected


def test_many_writes_share_few_commands(database: Database, stored: Any) -> None:
    def commands() -> int:
        return int(stored.client.admin.command("serverStatus")["metrics"]["commands"]["update"]["total"])

    before = commands()
    tickets = [database.write("acts", f"s:{number}", {"session_id": "s", "at": number}) for number in range(5000)]
    assert all_stored(tickets)
    assert stored.acts.count_documents({}) == 5000
    assert commands() - before < 500


def test_eight_threads_write_and_wait_at_once(database: Database, stored: Any) -> None:
    failed = []

    def work(thread: int) -> None:
        for number in range(100):
            ticket = database.write("acts", f"{thread}:{number}", {"session_id": str(thread), "at": number})
            if not ticket.wait(20) or stored.acts.find_one(f"{thread}:{number}") is None:
                failed.append((thread, number))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert stored.acts.count_documents({}) == 800


def test_stop_brings_everything_to_the_database(mongo_uri: str, db_name: str, tmp_path: Path, stored: Any) -> None:
    with opened(mongo_uri, db_name, tmp_path, timeout_s=PATIENT_S) as database:
        assert database.wait_ready(20)
        tickets = [database.write("acts", f"s:{number}", {"at": number}) for number in range(3000)]
    assert all(ticket.done and ticket.wait(0) for ticket in tickets)
    assert stored.acts.count_documents({}) == 3000
    late = database.write("acts", "late", {"at": 0})
    assert not late.wait(0)
    assert isinstance(late.error, StorageError)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"$bad": 1}, "MongoDB refused"),
        ({"a..b": 1}, "MongoDB refused"),
        ({"known.inside": 1}, "MongoDB refused"),  # `known` is a number there
        ({"_id": "another"}, "MongoDB refused"),
    ],
)
def test_a_write_that_can_never_succeed_is_set_aside_and_its_neighbours_are_stored(
    mongo_uri: str, db_name: str, tmp_path: Path, fields: Any, reason: str
) -> None:
    with opened(mongo_uri, db_name, tmp_path, timeout_s=PATIENT_S, start=False) as database:
        before = [database.write("checks", "c", {"known": 1, "session_id": "s"}), database.write("checks", "d", {"session_id": "s", "number": 0})]
        bad = database.write("checks", "c", fields)
        after = [database.write("checks", f"e{number}", {"session_id": "s", "number": number}) for number in range(1, 5)]
        database.start()
        assert all_stored(before + after)
        assert not bad.wait(10)
        assert isinstance(bad.error, StorageError)
        assert reason in str(bad.error)
        assert len(database.checks("s")) == 6
        health = database.health()
        assert (health["rejected"], health["state"]) == (1, "degraded")
        assert reason in health["reason"]
        assert "rejected.jsonl" in health["todo"]
        (tmp_path / "spool" / "rejected.jsonl").rename(tmp_path / "seen.jsonl")
        assert database.health()["state"] == "ok"
        (tmp_path / "spool" / "000000000001.damaged").write_bytes(b"?")
        health = database.health()
        assert (health["state"], "000000000001.damaged" in health["reason"]) == ("degraded", True)
    lines = [json.loads(line) for line in (tmp_path / "seen.jsonl").read_text("utf-8").splitlines()]
    assert [(line["collection"], line["id"]) for line in lines] == [("checks", "c")]
    assert reason in lines[0]["reason"]


def test_an_earlier_write_is_not_lost_with_a_later_one_that_is_refused(mongo_uri: str, db_name: str, tmp_path: Path) -> None:
    with opened(mongo_uri, db_name, tmp_path, timeout_s=PATIENT_S, start=False) as database:
        good = database.write("sessions", "s", {"total_score": 1})
        bad = database.write("sessions", "s", {"total_score": 2, "_id": "another"})
        database.start()
        assert good.wait(10)
        assert not bad.wait(10)
        assert database.session("s")["total_score"] == 1


def test_a_second_running_session_of_the_same_student_and_exam_is_a_conflict(database: Database) -> None:
    def begin(session: str, exam: str | None) -> Ticket:
        return database.write("sessions", session, {"user_id": "ann", "exam_id": exam, "state": "running", "started_at": START})

    assert all_stored([begin("s1", None), begin("s2", "math")])
    again = begin("s3", None)
    assert not again.wait(10)
    assert isinstance(again.error, Conflict)
    assert database.health()["state"] == "ok"  # whoever began it was told
    database.write("sessions", "s1", {"state": "ended"})
    assert begin("s4", None).wait(10)
    (running,) = [one for one in database.running_sessions() if one["exam_id"] is None]
    assert running["_id"] == "s4"
    latest = database.latest_session("ann", "math")
    assert latest is not None
    assert latest["_id"] == "s2"


def test_sessions_are_found_by_their_state_and_dates_are_utc(database: Database) -> None:
    for number in range(3):
        state = "running" if number else "ended"
        fields = {"user_id": f"u{number}", "exam_id": None, "state": state, "started_at": START - timedelta(hours=number)}
        database.write("sessions", f"s{number}", fields)
    assert database.flush(10)
    assert [row["_id"] for row in database.running_sessions()] == ["s2", "s1"]
    assert database.session("s1")["started_at"] == START - timedelta(hours=1)
    assert database.session("s1")["started_at"].tzinfo is timezone.utc
    with pytest.raises(NotFound, match="nobody"):
        database.session("nobody")
    with pytest.raises(NotFound):
        database.interval("nobody-1")


def test_a_sessions_lists_are_paged_in_order_without_gap_or_repeat(database: Database) -> None:
    order = list(range(25))
    random.Random(1).shuffle(order)
    for number in order:
        add_interval(database, "s", number)
        database.write("checks", f"s-{number}", {"session_id": "s", "number": number})
        database.write("acts", f"s:{number}", {"session_id": "s", "at": number // 3})  # three at one time
        add_interval(database, "other", number)
    assert database.flush(10)
    for read, expected in (
        (database.intervals, [f"s-{number}" for number in range(25)]),
        (database.checks, [f"s-{number}" for number in range(25)]),
        (database.acts, sorted((f"s:{number}" for number in range(25)), key=lambda name: (int(name[2:]) // 3, name))),
    ):
        seen: list[str] = []
        while rows := read("s", seen[-1] if seen else None, 4):
            seen += [row["_id"] for row in rows]
        assert seen == expected
    with pytest.raises(InvalidInput, match="nothing"):
        database.intervals("s", after="nothing")
    assert len(database.intervals("s", limit=0)) == 1  # 0 would be "all" to MongoDB


def test_flagged_intervals_come_newest_first_across_sessions_and_filtered(database: Database) -> None:
    expected: list[tuple[datetime, str, str, str | None]] = []
    for number in range(40):
        session, user = f"s{number % 3}", f"u{number % 2}"
        exam = "math" if number % 4 else None
        flagged_at = START + timedelta(seconds=number // 2) if number % 5 else None
        add_interval(database, session, number, flagged_at=flagged_at, user_id=user, exam_id=exam)
        if flagged_at:
            expected.append((flagged_at, f"{session}-{number}", user, exam))
    expected.sort(reverse=True)
    assert database.flush(10)
    for wanted_user, wanted_exam in ((None, None), ("u1", None), (None, "math"), ("u1", "math"), ("u0", "nothing")):
        wanted = [name for _, name, u, e in expected if wanted_user in (None, u) and wanted_exam in (None, e)]
        seen: list[str] = []
        while rows := database.flagged(7, seen[-1] if seen else None, wanted_exam, wanted_user):
            seen += [row["_id"] for row in rows]
        assert seen == wanted


def test_stats_count_sessions_flags_and_risk(database: Database) -> None:
    assert database.stats(3) == {"total_sessions": 0, "active_sessions": 0, "flagged_intervals": 0, "high_risk": 0}
    for number in range(6):
        state = "running" if number < 2 else "ended"
        database.write("sessions", f"s{number}", {"user_id": f"u{number}", "state": state, "started_at": START, "flagged_intervals": number})
    for number in range(10):
        add_interval(database, "s", number, flagged_at=START if number % 2 else None)
    assert database.flush(10)
    assert database.stats(3) == {"total_sessions": 6, "active_sessions": 2, "flagged_intervals": 5, "high_risk": 3}


def test_clips_that_were_still_to_be_made_are_found(database: Database) -> None:
    for number, state in enumerate(["none", "pending", "ready", "pending"]):
        add_interval(database, "s", 9 - number, clip={"state": state})
    assert database.flush(10)
    assert [row["_id"] for row in database.pending_clips()] == ["s-6", "s-8"]


def test_the_audit_is_listed_newest_first(database: Database) -> None:
    for number in range(5):
        database.audit({"who": "proctor", "what": f"act {number}", "at": START + timedelta(seconds=number)})
    assert database.audit({"who": "proctor", "what": "now"}).wait(10)
    first = database.audit_entries(limit=2)
    rest = database.audit_entries(after=first[-1]["_id"])
    assert [row["what"] for row in first + rest] == ["now", "act 4", "act 3", "act 2", "act 1", "act 0"]


def test_users_and_tokens_are_listed_by_id(database: Database) -> None:
    for name in ("b", "a", "c"):
        database.write("users", name, {"role": "proctor"})
    assert database.flush(10)
    assert [row["_id"] for row in database.documents("users", limit=2)] == ["a", "b"]
    assert [row["_id"] for row in database.documents("users", after="b")] == ["c"]
    assert database.get("users", "z") is None


def test_an_older_versions_indexes_are_dropped_and_others_stay(mongo_uri: str, db_name: str, stored: Any, tmp_path: Path) -> None:
    stored.migrations.delete_many({})  # that version knew of none
    for name, key in (("tally", "exam_id"), ("an_operators_own", "user_id")):
        stored.intervals.create_index([(key, 1)], name=name)
    database = Database(mongo_uri, db_name, tmp_path / "spool", timeout_s=PATIENT_S)
    database.start()
    try:
        assert database.wait_ready(30)
        names = set(stored.intervals.index_information())
        assert "tally" not in names
        assert {"an_operators_own", "stand"} <= names
    finally:
        database.stop(10)


def test_every_query_uses_an_index(database: Database, stored: Any) -> None:
    for number in range(30):
        add_interval(database, "s", number, flagged_at=START + timedelta(seconds=number), exam_id="math", clip={"state": "pending"})
        database.write("checks", f"s-{number}", {"session_id": "s", "number": number})
        database.write("acts", f"s:{number}", {"session_id": "s", "at": number})
        database.write("reviews", f"r{number}", {"video_id": "s-1", "at": START})
        database.write("audit", f"a{number}", {"at": START})
        database.write("users", f"u{number}", {"at": START})
        Accommodations(database).set(Accommodation(f"u{number}", "math" if number % 2 else "art"))
        state = "running" if number % 2 else "ended"
        session = {"user_id": f"u{number}", "exam_id": None, "state": state, "started_at": START, "flagged_intervals": number}
        database.write("sessions", f"s{number}", session)
    for number in range(300):  # others' rows, newer and older: a query that wades through them is noticed
        flagged_at = START + timedelta(hours=number - 150)
        add_interval(database, f"o{number}", number, flagged_at=flagged_at, exam_id="art", user_id="ben", clip={"state": "ready"})
        database.write("checks", f"o-{number}", {"session_id": f"o{number}", "number": number})
        database.write("acts", f"o:{number}", {"session_id": f"o{number}", "at": number})
        database.write("reviews", f"o{number}", {"video_id": f"o-{number}", "at": START})
        session = {"user_id": "ben", "exam_id": f"e{number}", "state": "ended", "started_at": START, "flagged_intervals": 0}
        database.write("sessions", f"o{number}", session)
    assert database.flush(10)
    stored.command("profile", 2)
    database.running_sessions()
    database.session("s1")
    database.latest_session("u1", None)
    for after in (None, "s-3"):
        database.intervals("s", after)
        database.checks("s", after)
        database.flagged(5, after)
        database.flagged(50, after, exam_id="math")
        database.flagged(50, after, user_id="ann")
        database.flagged(50, after, exam_id="math", user_id="ann")
    database.acts("s")
    database.acts("s", "s:3")
    database.interval("s-1")
    database.pending_clips()
    database.stats(3)
    Reviews(database).history("s-1")
    Accommodations(database).find("u1", "math")
    for user_id, exam_id in ((None, None), ("u1", None), (None, "math")):
        Accommodations(database).listed(user_id, exam_id, limit=5)
    database.audit_entries(5, "a1")
    database.get("users", "u1")
    database.documents("users", "u1")
    assert migrations.refusal(stored) == ""
    stored.command("profile", 0)
    seen = list(stored["system.profile"].find({"ns": {"$ne": f"{stored.name}.system.profile"}, "planSummary": {"$exists": True}}))
    assert len(seen) > 25
    for query in seen:
        assert "COLLSCAN" not in query["planSummary"], query["command"]
        assert "hasSortStage" not in query, query["command"]
        assert query.get("docsExamined", 0) <= query.get("nreturned", 0) + 3, query["command"]


@pytest.mark.parametrize("uri", ["localhost", "mongodb://", "mongodb://host:99999", "http://host/"])
def test_a_wrong_uri_stops_the_start(uri: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="MONGO_URI"):
        Database(uri, "name", tmp_path / "spool")


def test_two_servers_can_not_share_a_spool(mongo_uri: str, tmp_path: Path) -> None:
    with opened(mongo_uri, "one", tmp_path, start=False), pytest.raises(StorageError, match="in use by another server"):
        Database(mongo_uri, "two", tmp_path / "spool")
    with opened(mongo_uri, "two", tmp_path, start=False):
        pass


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://h/?compressors=zlib",
        "mongodb+srv://h.example/x?w=1&Compressors=snappy,zlib",
        "mongodb://h/?compressors=%7Alib",
        "mongodb://h/?w=1;compressors=zlib",
    ],
)
def test_a_compressor_that_gave_memory_away_is_refused(uri: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="CVE-2025-14847"):
        Database(uri, "x", tmp_path, timeout_s=1, spool_max_mb=1)
