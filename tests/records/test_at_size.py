"""What pages ask for is found by indexes: what is read for an answer does not grow with what nobody asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pymongo
import pymongo.database
import pytest

from database import Database
from records.flag_counts import flags_of_sessions
from records.results import Results
from records.reviews import Rank, Reviews, ReviewState
from records.sought import VALUES_MAX, with_part
from records.spellings import looks_of
from records.stored_audit import Wanted, audit_page
from tests.helpers.databases import add_interval, all_stored

Stored = pymongo.database.Database[dict[str, Any]]
START = datetime(2024, 3, 2, 9, tzinfo=timezone.utc)
STATES: tuple[ReviewState, ...] = ("confirmed", "dismissed", "disputed")


@pytest.fixture
def stored(mongo_uri: str, db_name: str) -> Iterator[Stored]:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri, tz_aware=True) as client:
        yield client[db_name]


@pytest.fixture
def read(stored: Stored) -> Callable[[Callable[[], object]], dict[str, int]]:
    """How many documents of each collection are looked at for something."""

    def count(task: Callable[[], object]) -> dict[str, int]:
        stored.command("profile", 0)
        stored.drop_collection("system.profile")
        stored.command("profile", 2)
        task()
        stored.command("profile", 0)
        found: dict[str, int] = {}
        for row in stored["system.profile"].find({"docsExamined": {"$exists": True}}):
            name = row["ns"].partition(".")[2]
            found[name] = found.get(name, 0) + row["docsExamined"]
        return found

    return count


@pytest.fixture
def flags(database: Database) -> None:
    """300 flags that are decided, with high scores, and 6 that are open, with low ones; of two exams and 30 students."""
    writes = []
    for number in range(306):
        decided = number < 300
        review = {"review": {"state": STATES[number % 3], "decision": "confirmed", "by": f"p{number % 2}"}} if decided else {}
        named = {"user_id": f"s{number % 30:02d}", "exam_id": ("math", "art")[number % 2], "score": 30 if decided else 10}
        kinds = {"violations": [{"kind": ("speech", "no_face", "no_face")[number % 3]}]}
        at = START + timedelta(minutes=number)
        writes.append(add_interval(database, f"{number % 50:032x}", number, flagged_at=at, **named, **kinds, **review))
    assert all_stored(writes)


@pytest.mark.parametrize("rank", ["score", "newest", "student"])
def test_what_was_decided_is_not_waded_through(database: Database, flags: None, read: Any, rank: Rank) -> None:
    reviews = Reviews(database)
    assert len(reviews.queue("open", rank=rank)) == 6
    assert read(lambda: reviews.queue("open", rank=rank))["intervals"] <= 8
    assert read(lambda: reviews.queue("disputed", rank=rank, limit=5))["intervals"] <= 7


@pytest.mark.parametrize("filters", [{}, {"kind": "no_face"}, {"search": "S1"}, {"user_id": "s07"}, {"exam_id": "math"}])
def test_counting_reads_no_flag(database: Database, flags: None, read: Any, stored: Stored, filters: dict[str, Any]) -> None:
    reviews = Reviews(database)
    counts = {state: reviews.count(state, **filters) for state in ("open", *STATES)}
    named = {"violations.kind" if name == "kind" else name: value for name, value in filters.items() if name != "search"}
    rows = [row for row in stored["intervals"].find({"flagged": True, **named}) if filters.get("search", "").lower() in row["user_id"]]
    assert counts == {state: sum((row.get("review") or {}).get("state", "open") == state for row in rows) for state in counts}
    assert len(rows) > 5
    assert read(lambda: [reviews.count(state, **filters) for state in ("open", *STATES)]).get("intervals", 0) == 0


def test_results_are_counted_from_indexes(database: Database, flags: None, read: Any, stored: Stored) -> None:
    for number in range(50):
        fields = {
            "user_id": f"s{number}",
            "exam_id": "math",
            **looks_of(f"s{number}", "math"),
            "started_at": START,
            "total_score": 3,
            "state": "ended",
        }
        database.write("sessions", f"{number:032x}", fields | ({"unread": {"gaze": {"of_s": 100.0, "unread_s": 20.0}}} if number % 2 else {}))
    assert database.flush(10)
    results = Results(database, lambda _exam_id: {})
    rows = {row["_id"]: row for row in results.of_exam("math")}
    assert [("unread" in rows[f"{number:032x}"]) for number in range(4)] == [False, True, False, True]
    assert sum(sum(row["flags"].values()) for row in rows.values()) == stored["intervals"].count_documents({"exam_id": "math"})
    assert {key: row["flags"] for key, row in rows.items() if any(row["flags"].values())} == flags_of_sessions(database, ["math"])
    assert read(lambda: results.of_exam("math")).get("sessions", 0) == 0
    assert read(lambda: results.of_exam("math")).get("intervals", 0) == 0
    people = {row["by"]: row["confirmed"] for row in results.people_of("math")}
    assert people == {"p0": stored["intervals"].count_documents({"exam_id": "math", "review.by": "p0"})}
    assert read(lambda: results.people_of("math")).get("intervals", 0) == 0


def test_nobodys_name_in_the_audit_is_found_by_an_index(database: Database, read: Any) -> None:
    assert all_stored([database.audit({"who": "Ada", "what": f"act {number % 3}", "at": START + timedelta(seconds=number)}) for number in range(200)])
    assert audit_page(database, Wanted(who="nobody"), None, 10) == []
    assert read(lambda: audit_page(database, Wanted(who="nobody"), None, 10)).get("audit", 0) == 0
    assert {row["what"] for row in audit_page(database, Wanted(who="aD", what="T 2"), None, 100)} == {"act 2"}
    assert read(lambda: audit_page(database, Wanted(what="act 1"), None, 10))["audit"] <= 12


def test_part_of_a_name_that_too_many_have_is_sought_row_by_row(database: Database) -> None:
    few = {"$in": ["Äb.1"]}
    assert all_stored([database.write("users", f"u{number}", {"name": f"äb{number}"}) for number in range(VALUES_MAX + 1)])
    assert database.write("users", "one", {"name": "Äb.1"}).wait(10)
    assert with_part(database, "users", "name", "ÄB.", {}) == few
    assert with_part(database, "users", "name", "äb", {}) == {"$regex": "äb", "$options": "i"}
    assert with_part(database, "users", "name", "c", {}) == {"$in": []}


def test_part_of_a_students_id_is_looked_for_in_an_index(database: Database, read: Any) -> None:
    sessions = [{"user_id": f"s{number}", "exam_id": "e", "state": "ended", "started_at": START + timedelta(hours=number)} for number in range(200)]
    assert all_stored([database.write("sessions", f"{number:032x}", fields) for number, fields in enumerate(sessions)])
    assert [row["user_id"] for row in database.sessions(search="S19")] == [f"s{number}" for number in (*range(199, 189, -1), 19)]
    assert read(lambda: database.sessions(search="S19"))["sessions"] == 11
    assert read(lambda: database.sessions(search="nobody")).get("sessions", 0) == 0


def test_check_records_come_without_their_readings(database: Database) -> None:
    assert database.write("checks", "s-1", {"session_id": "s", "number": 1, "voices": 1, "readings": {"gaze": [[1.0]]}}).wait(10)
    assert database.checks("s", readings=False) == [{"_id": "s-1", "session_id": "s", "number": 1, "voices": 1}]
    assert database.checks("s")[0]["readings"] == {"gaze": [[1.0]]}
