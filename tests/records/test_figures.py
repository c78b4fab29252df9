"""Figures that are kept in segments are those that are counted anew: while people decide, sessions go, and servers break off."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pymongo
import pymongo.database
import pytest

from basics.errors import StorageError
from basics.times import utc_now
from database import Database
from records.analytics import BANDS, Analytics, Span
from records.figure_store import GOING, GOING_LEAST, SEGMENTS, SESSIONS_MAX, FigureKeeper, FigureReader, leaves
from records.figures import STATES
from records.reviews import Reviews

START = datetime(2024, 3, 30, 22, 10, tzinfo=timezone.utc)  # in Berlin the clocks go forward in the night to the 31st
KINDS = ("speech", "copy_paste", "no_face", "of_tomorrow")
SPANS = (
    Span(),
    Span("math"),
    Span(first=date(2024, 3, 31), tz="Europe/Berlin"),
    Span(last=date(2024, 3, 30), tz="Asia/Kathmandu"),
    Span("none such"),
)


def add(database: Database, number: int, exam_id: str | None, *, over: bool = True, intervals: int = 6) -> str:
    """A session with intervals of any points, every third with 10 or more."""
    chance, session_id = random.Random(number), f"{number:032x}"
    begun = START + timedelta(minutes=7 * number)
    rows: list[dict[str, Any]] = []
    for index in range(intervals):
        flagged = index % 3 == 1
        score = chance.randrange(10, 40) if flagged else chance.choice((0, 0, 3, 7))
        kinds = chance.sample(KINDS, 2) if score else []
        rows.append(
            {
                "session_id": session_id,
                "user_id": f"s{number}",
                "exam_id": exam_id,
                "index": index,
                "started_at": begun + timedelta(minutes=9 * index),
                "score": score,
                "flagged": flagged,
                "flagged_at": begun if flagged else None,
                "violations": [{"kind": kind, "points": 5, **({"occurrences": 3} if kind == "copy_paste" else {})} for kind in kinds],
            }
        )
        if flagged and chance.random() < 0.5:
            rows[-1]["review"] = {"state": chance.choice(STATES)}
        database.write("intervals", f"{session_id}-{index}", rows[-1])
    session = {"user_id": f"s{number}", "exam_id": exam_id, "state": "ended", "started_at": begun, "intervals": intervals}
    session |= {"flagged_intervals": sum(row["flagged"] for row in rows), "total_score": 9}
    database.write("sessions", session_id, session | ({"ended_at": begun + timedelta(hours=1)} if over else {"state": "running", "ended_at": None}))
    return session_id


@pytest.fixture
def ids(database: Database) -> list[str]:
    """Sessions of three exams, one of them without an id; the last two run."""
    made = [add(database, number, ("math", "art", None)[number % 3], over=number < 12) for number in range(14)]
    assert database.flush(10)
    return made


@pytest.fixture
def stored(mongo_uri: str, db_name: str) -> Any:
    with pymongo.MongoClient[dict[str, Any]](mongo_uri, tz_aware=True) as client:
        yield client[db_name]


def counted(stored: pymongo.database.Database[dict[str, Any]], span: Span) -> dict[str, Any]:
    """The figures as somebody counts them who reads every record, in words of one's own."""
    zone = ZoneInfo(span.tz)

    def has(row: dict[str, Any]) -> bool:
        day = row["started_at"].astimezone(zone).date()
        return span.exam_id in (None, row["exam_id"]) and (span.first or day) <= day <= (span.last or day)

    sessions = [row for row in stored["sessions"].find() if has(row)]
    intervals = [row for row in stored["intervals"].find() if has(row)]
    scored = [row for row in intervals if row["score"] > 0]
    kinds: Counter[tuple[str, str]] = Counter()
    days: dict[str, dict[str, Any]] = {}

    def day_of(row: dict[str, Any]) -> dict[str, Any]:
        name = str(row["started_at"].astimezone(zone).date())
        return days.setdefault(name, {"day": name, "sessions": 0, "flags": 0, "violations": {}})

    for row in sessions:
        day_of(row)["sessions"] += 1
    for row in scored:
        day = day_of(row)
        day["flags"] += row["flagged"]
        for one in row["violations"]:
            day["violations"][one["kind"]] = day["violations"].get(one["kind"], 0) + one.get("occurrences", 1)
            if row["flagged"]:
                kinds[one["kind"], (row.get("review") or {}).get("state", "open")] += 1
    bands = [sum(low <= row["score"] <= (high or 10**9) for row in scored) for low, high in BANDS[1:]]
    every = max(sum(row["intervals"] for row in sessions), sum(bands))
    return {
        "sessions": len(sessions),
        "intervals": every,
        "flags": sum(row["flagged"] for row in scored),
        "by_day": [days[name] for name in sorted(days)],
        "bands": [every - sum(bands), *bands],
        "by_kind": {kind: {state: kinds[kind, state] for state in STATES} for kind in {kind for kind, _state in kinds} - {"of_tomorrow"}},
        "high_risk": sorted(row["_id"] for row in sessions if row["flagged_intervals"] >= 2),
    }


def shown(database: Database, span: Span) -> dict[str, Any]:
    """The same of the answer."""
    figures = Analytics(database, 2).figures(span)
    return {
        **{name: figures[name] for name in ("sessions", "intervals", "flags", "by_day")},
        "bands": [band["intervals"] for band in figures["score_distribution"]],
        "by_kind": {row["kind"]: {state: row[state] for state in STATES} for row in figures["by_kind"]},
        "high_risk": sorted(row["session_id"] for row in figures["high_risk"]),
    }


def stands(stored: pymongo.database.Database[dict[str, Any]]) -> dict[str | None, Counter[str]]:
    found: dict[str | None, Counter[str]] = {}
    for row in stored["intervals"].find({"flagged": True}):
        found.setdefault(row["exam_id"], Counter())[(row.get("review") or {}).get("state", "open")] += 1
    return found


def check(database: Database, stored: pymongo.database.Database[dict[str, Any]]) -> None:
    """Everything that is shown is what is there."""
    for span in SPANS:
        assert shown(database, span) == counted(stored, span), span
    exams = {row["exam_id"]: Counter({state: row[state] for state in STATES}) for row in Analytics(database, 2).exams()}
    assert exams == stands(stored)


def reads_of_intervals(database: Database, stored: pymongo.database.Database[dict[str, Any]]) -> int:
    """How many intervals are looked at for all figures."""
    stored.command("profile", 0)
    stored.drop_collection("system.profile")
    stored.command("profile", 2)
    Analytics(database, 2).figures(Span())
    Analytics(database, 2).exams()
    stored.command("profile", 0)
    return sum(row.get("docsExamined", 0) for row in stored["system.profile"].find({"ns": {"$regex": r"\.intervals$"}}))


def test_figures_are_the_same_from_segments_as_counted(database: Database, stored: Any, ids: list[str]) -> None:
    check(database, stored)
    before = reads_of_intervals(database, stored)
    assert FigureKeeper(database).keep_due() == 12
    check(database, stored)
    assert reads_of_intervals(database, stored) < before / 4  # those of the two that run
    assert FigureKeeper(database).keep_due() == 0
    assert stored[SEGMENTS].count_documents({}) == 3


def test_a_segment_has_so_many_sessions_at_most(database: Database, stored: Any) -> None:
    for number in range(SESSIONS_MAX + 3):
        add(database, number, "math", intervals=2)
    assert database.flush(10)
    assert FigureKeeper(database).keep_due() == SESSIONS_MAX + 3
    assert sorted(row["sessions"] for row in stored[SEGMENTS].find()) == [3, SESSIONS_MAX]
    check(database, stored)


def test_a_decision_counts_at_once_and_its_segment_is_made_anew(database: Database, stored: Any, ids: list[str]) -> None:
    store, reviews = FigureKeeper(database), Reviews(database)
    store.keep_due()
    for decision in ("confirmed", "dismissed", None):
        reviews.decide(f"{ids[0]}-1", decision, by="ann", reason="light")
        check(database, stored)
        assert store.keep_due() == 4
        check(database, stored)
        assert store.keep_due() == 0


def test_nothing_is_kept_of_a_session_that_is_decided_about_in_this_moment(database: Database, stored: Any, ids: list[str]) -> None:
    store = FigureKeeper(database)
    store.keep_due()
    with Reviews(database)._changing(ids[0]):
        store.keep_due()
        stored["intervals"].update_one({"_id": f"{ids[0]}-1"}, {"$set": {"review": {"state": "confirmed"}}})
        check(database, stored)
    check(database, stored)
    store.keep_due()
    check(database, stored)


def test_sessions_that_go_are_counted_no_more_and_their_segments_go(database: Database, stored: Any, ids: list[str]) -> None:
    store = FigureKeeper(database)
    store.keep_due()
    for session_id in (ids[1], ids[2], ids[5], ids[8], ids[11]):  # one of an exam, and all of another
        stored["intervals"].delete_many({"session_id": session_id})
        stored["sessions"].delete_one({"_id": session_id})
    check(database, stored)
    store.keep_due()
    check(database, stored)
    stored[SEGMENTS].update_many({}, {"$set": {"made_at": START}})
    store.clean()
    assert {row["_id"] for row in stored[SEGMENTS].find()} == set(stored["sessions"].distinct("segment")) - {None}
    check(database, stored)


def test_an_older_versions_decisions_and_those_that_were_broken_off_are_found_at_the_start(database: Database, stored: Any, ids: list[str]) -> None:
    store = FigureKeeper(database)
    store.keep_due()
    store.settle()
    store.forget_wrong()
    assert stored["sessions"].count_documents({"segment": {"$gt": ""}}) == 12
    stored["intervals"].update_one({"_id": f"{ids[3]}-1"}, {"$set": {"review": {"state": "disputed"}}})
    stored["intervals"].update_one({"_id": f"{ids[3]}-4"}, {"$set": {"review": {"state": "disputed"}}})
    stored["sessions"].update_one({"_id": ids[4]}, {"$set": {"deciding": 1}})
    store.settle()
    assert stored["sessions"].count_documents({"deciding": 1}) == 1  # somebody may be in the middle of it, on another server
    store.settle()
    store.forget_wrong()
    check(database, stored)
    assert store.keep_due() == 12
    check(database, stored)
    assert stored["sessions"].count_documents({"deciding": {"$gt": 0}}) == 0


def test_a_session_that_ended_just_now_may_have_records_under_way(database: Database, stored: Any, ids: list[str]) -> None:
    stored["sessions"].update_one({"_id": ids[0]}, {"$set": {"ended_at": utc_now()}})
    assert FigureKeeper(database).keep_due() == 11
    assert {row["_id"] for row in stored["sessions"].find({"segment": None})} == {ids[0], *ids[12:]}
    check(database, stored)


def test_segments_of_another_form_are_made_anew(database: Database, stored: Any, ids: list[str]) -> None:
    store = FigureKeeper(database)
    store.keep_due()
    stored[SEGMENTS].update_many({}, {"$set": {"form": 0, "counts": b""}})
    check(database, stored)
    assert store.keep_due() == 12
    check(database, stored)


def test_figures_hold_while_many_decide_and_segments_are_made(database: Database, stored: Any, ids: list[str]) -> None:
    store, reviews, over, seen = FigureKeeper(database), Reviews(database), threading.Event(), list[int]()
    flags = stored["intervals"].count_documents({"flagged": True})

    def decide(who: str) -> None:
        chance = random.Random(who)
        for _number in range(12):
            reviews.decide(f"{chance.choice(ids)}-{chance.choice((1, 4))}", chance.choice(("confirmed", "dismissed")), by=who, reason="light")

    def keep() -> None:
        while not over.is_set():
            store.keep_due()

    def look() -> None:
        while not over.is_set():
            try:
                found = sum(sum(one.stands().values()) for one in FigureReader(database).read({}).figures)
            except StorageError:  # segments were made anew as often as it tried
                continue
            seen.append(found)

    workers = [threading.Thread(target=decide, args=(f"person {number}",)) for number in range(4)]
    others = [threading.Thread(target=task) for task in (keep, look)]
    for thread in (*workers, *others):
        thread.start()
    for thread in workers:
        thread.join(60)
    over.set()
    for thread in others:
        thread.join(60)
    assert set(seen) == {flags}
    check(database, stored)
    store.keep_due()
    check(database, stored)


# Of sessions that go on


def going(database: Database, count: int, *, ago: timedelta = timedelta(minutes=50)) -> list[str]:
    """Sessions that have gone on for a while, whose last interval began a moment ago."""
    begun = utc_now() - ago
    made = []
    for number in range(count):
        session_id = f"{number:031x}a"
        for index in range(int(ago.total_seconds() // 30)):
            flagged = index % 9 == number % 9
            interval(database, session_id, index, begun, score=12 if flagged else 4 if index % 4 == 0 else 0)
        session = {"user_id": f"g{number}", "exam_id": "now", "state": "running", "begun": True, "started_at": begun, "ended_at": None}
        database.write("sessions", session_id, session | {"intervals": 99, "flagged_intervals": 2, "rules": {"interval_duration": 30}})
        made.append(session_id)
    assert database.flush(10)
    return made


def interval(database: Database, session_id: str, index: int, begun: datetime, score: int) -> None:
    fields: dict[str, Any] = {"session_id": session_id, "user_id": "g", "exam_id": "now", "index": index}
    fields |= {"started_at": begun + timedelta(seconds=30 * index), "score": score, "flagged": score >= 10}
    fields |= {"flagged_at": begun + timedelta(seconds=30 * index + 9) if score >= 10 else None}
    database.write("intervals", f"{session_id}-{index}", fields | {"violations": [{"kind": "speech"}] if score else []})


def test_of_sessions_that_go_on_only_the_last_minutes_are_counted(database: Database, stored: Any) -> None:
    ids = going(database, GOING_LEAST)
    check(database, stored)
    before = reads_of_intervals(database, stored)
    keeper = FigureKeeper(database)
    assert keeper.keep_due(utc_now() - timedelta(minutes=3)) == GOING_LEAST
    check(database, stored)
    assert reads_of_intervals(database, stored) < before / 4
    (segment,) = stored[SEGMENTS].find()
    interval(database, ids[0], 100, utc_now() - timedelta(seconds=30 * 100), 15)
    assert database.flush(10)
    check(database, stored)
    assert keeper.keep_due() == 0
    (later,) = stored[SEGMENTS].find()
    assert later["until"] > segment["until"]
    check(database, stored)


def test_fewer_are_counted_when_they_are_asked_for(database: Database, stored: Any) -> None:
    going(database, GOING_LEAST - 1)
    assert FigureKeeper(database).keep_due() == 0
    assert stored[SEGMENTS].count_documents({}) == 0


def test_what_is_decided_ends_or_changes_late_is_counted_anew(database: Database, stored: Any) -> None:
    ids = going(database, GOING_LEAST + 2)
    keeper = FigureKeeper(database)
    keeper.keep_due()
    flag = stored["intervals"].find_one({"session_id": ids[0], "flagged": True})["_id"]
    Reviews(database).decide(flag, "confirmed", by="ann")
    check(database, stored)
    keeper.keep_due()
    check(database, stored)
    late = stored["intervals"].find_one({"session_id": ids[1], "index": 8})
    interval(database, ids[1], 8, late["started_at"] - timedelta(seconds=240), 25)
    database.write("sessions", ids[1], leaves())  # as the session does it
    assert database.flush(10)
    check(database, stored)
    keeper.keep_due()
    check(database, stored)
    assert stored[SEGMENTS].count_documents({"form": GOING}) > 0
    stored["sessions"].update_one({"_id": ids[2]}, {"$set": {"state": "ended", "ended_at": utc_now() - timedelta(minutes=2)}})
    check(database, stored)
    keeper.keep_due()
    check(database, stored)
    named = stored["sessions"].find_one({"_id": ids[2]})["segment"]
    assert stored[SEGMENTS].find_one({"_id": named})["form"] != GOING
    keeper.keep_due()
    check(database, stored)


def test_one_that_changes_while_it_is_counted_is_in_no_segment(database: Database, stored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = going(database, GOING_LEAST)
    store = FigureKeeper._store
    late = stored["intervals"].find_one({"session_id": ids[1], "index": 8})

    def changes(self: FigureKeeper, *given: Any) -> None:
        interval(database, ids[1], 8, late["started_at"] - timedelta(seconds=240), 25)
        assert database.write("sessions", ids[1], leaves()).wait(10)
        store(self, *given)

    monkeypatch.setattr(FigureKeeper, "_store", changes)
    FigureKeeper(database).keep_due()
    assert stored["sessions"].find_one({"_id": ids[1]})["segment"] is None
    check(database, stored)
