"""Decisions about flagged intervals: what stands after them, in which order they are asked for, and how they are called."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from basics.errors import Conflict, NotFound
from database import Database
from records.reviews import Reviews, stand
from tests.helpers.web import error_of
from web.parts import Parts

START = datetime(2024, 10, 5, 14, 30, tzinfo=timezone.utc)
SESSION = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"


def add_flag(database: Database, index: int, *, session_id: str = SESSION, kinds: tuple[str, ...] = ("multiple_faces",), **more: Any) -> str:
    """A flagged interval, stored."""
    video_id = f"{session_id}-{index}"
    fields: dict[str, Any] = {
        "session_id": session_id,
        "user_id": "ann",
        "exam_id": "math",
        "index": index,
        "start": 30.0 * index,
        "end": 30.0 * index + 30,
        "started_at": START + timedelta(seconds=30 * index),
        "score": 10,
        "flagged": True,
        "flagged_at": START + timedelta(seconds=30 * index + 9),
        "closed": True,
        "violations": [{"kind": kind, "start": 30.0 * index, "end": 30.0 * index + 9, "points": 10} for kind in kinds],
        "clip": {"state": "none"},
    }
    assert database.write("intervals", video_id, fields | more).wait(10)
    return video_id


@pytest.fixture
def reviews(database: Database) -> Reviews:
    return Reviews(database)


# What stands


def made(*entries: tuple[str, str | None]) -> list[dict[str, Any]]:
    return [
        {"by": by, "decision": decision, "reason": "", "note": "", "at": START + timedelta(seconds=number)}
        for number, (by, decision) in enumerate(entries)
    ]


@pytest.mark.parametrize(
    ("entries", "state", "decision", "second"),
    [
        ([], "open", None, None),
        ([("a", "confirmed")], "confirmed", "confirmed", None),
        ([("a", "confirmed"), ("a", "dismissed")], "dismissed", "dismissed", None),
        ([("a", "confirmed"), ("a", None)], "open", None, None),
        ([("a", "confirmed"), ("a", "dismissed"), ("a", None)], "confirmed", "confirmed", None),
        ([("a", "confirmed"), ("b", "confirmed")], "confirmed", "confirmed", "confirmed"),
        ([("a", "confirmed"), ("b", "dismissed")], "disputed", "confirmed", "dismissed"),
        ([("a", "confirmed"), ("b", "dismissed"), ("b", None)], "confirmed", "confirmed", None),
        ([("a", "confirmed"), ("b", "dismissed"), ("a", "dismissed")], "dismissed", "dismissed", "dismissed"),
        ([("a", "confirmed"), ("b", "dismissed"), ("a", None)], "dismissed", "dismissed", None),
        ([("a", "confirmed"), ("b", "dismissed"), ("c", "confirmed")], "confirmed", "confirmed", "dismissed"),
        ([("a", "confirmed"), ("b", "dismissed"), ("c", "dismissed")], "dismissed", "confirmed", "dismissed"),
        ([("a", "confirmed"), ("b", "dismissed"), ("c", "dismissed"), ("c", None)], "disputed", "confirmed", "dismissed"),
        ([("a", "confirmed"), ("b", "dismissed"), ("c", "dismissed"), ("b", "confirmed")], "confirmed", "confirmed", "confirmed"),
        ([("a", "confirmed"), ("b", "dismissed"), ("c", "dismissed"), ("d", "confirmed")], "disputed", "confirmed", "dismissed"),
        ([("a", "confirmed"), ("b", "dismissed"), ("a", "dismissed"), ("a", "confirmed")], "disputed", "confirmed", "dismissed"),
        ([("b", None), ("a", "confirmed")], "confirmed", "confirmed", None),
    ],
)
def test_where_an_interval_stands(entries: list[tuple[str, str | None]], state: str, decision: str | None, second: str | None) -> None:
    standing = stand(made(*entries))
    assert (standing["state"], standing["decision"], (standing["second"] or {}).get("decision")) == (state, decision, second)


def test_a_third_opinion_is_kept_as_one_beside_the_two_that_differ() -> None:
    standing = stand(made(("a", "confirmed"), ("b", "dismissed"), ("c", "dismissed"), ("d", "confirmed"), ("e", "confirmed")))
    assert (standing["by"], standing["second"]["by"], standing["third"]["by"], standing["state"]) == ("a", "b", "e", "confirmed")


decisions = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["confirmed", "dismissed"])), max_size=6)


@given(decisions, st.tuples(st.sampled_from("abc"), st.sampled_from(["confirmed", "dismissed"])))
def test_taking_back_leaves_it_as_it_was(entries: list[tuple[str, str | None]], last: tuple[str, str]) -> None:
    assert stand(made(*entries, last, (last[0], None))) == stand(made(*entries))


# Stored


def test_a_decision_is_kept_in_the_interval_and_in_the_history(database: Database, reviews: Reviews) -> None:
    video_id = add_flag(database, 1)
    reviews.decide(video_id, "confirmed", by="Ada")
    standing = reviews.decide(video_id, "dismissed", by="Ada", reason="glasses", note="reflections")
    stored = database.interval(video_id)["review"]
    assert (stored["decision"], stored["reason"], stored["note"], stored["by"], stored["state"]) == (
        "dismissed",
        "glasses",
        "reflections",
        "Ada",
        "dismissed",
    )
    assert standing["state"] == "dismissed"
    assert [entry["decision"] for entry in reviews.history(video_id)] == ["confirmed", "dismissed"]


def test_a_note_that_is_written_later_is_taken_back_with_its_decision(database: Database, reviews: Reviews) -> None:
    video_id = add_flag(database, 0)
    reviews.decide(video_id, "dismissed", by="Ada", reason="glasses")
    reviews.decide(video_id, "dismissed", by="Ada", reason="glasses", note="they shine", amends=True)
    reviews.decide(video_id, "confirmed", by="Bob")
    assert reviews.decide(video_id, None, by="Ada")["by"] == "Bob"
    reviews.decide(video_id, "confirmed", by="Ada", note="after all", amends=True)
    reviews.decide(video_id, "dismissed", by="Ada", reason="light", amends=True)
    assert reviews.decide(video_id, None, by="Ada")["second"]["note"] == "after all", "another decision amends nothing"
    assert len(reviews.history(video_id)) == 7


def test_a_decision_that_waits_holds_up_its_own_interval_alone(database: Database) -> None:
    slow, quick = add_flag(database, 0), add_flag(database, 1)
    waits, goes_on = threading.Event(), threading.Event()

    class Slow(Reviews):
        """Waits in the middle of the first decision about one interval, as a storage that does not answer lets it."""

        def _stored(self, video_id: str) -> list[dict[str, Any]]:
            if video_id == slow and not waits.is_set():
                waits.set()
                assert goes_on.wait(20)
            return super()._stored(video_id)

    reviews = Slow(database)
    first = threading.Thread(target=lambda: reviews.decide(slow, "confirmed", by="Ada"))
    first.start()
    assert waits.wait(20)
    second = threading.Thread(target=lambda: reviews.decide(slow, "dismissed", by="Bob", reason="other"))
    second.start()
    assert reviews.decide(quick, "confirmed", by="Ada")["state"] == "confirmed"
    assert first.is_alive()
    goes_on.set()
    for thread in (first, second):
        thread.join(20)
    assert [entry["by"] for entry in reviews.history(slow)] == ["Ada", "Bob"]
    assert database.interval(slow)["review"]["state"] == "disputed"


def test_what_is_not_flagged_is_not_decided(database: Database, reviews: Reviews) -> None:
    calm = add_flag(database, 2, flagged=False)
    with pytest.raises(NotFound):
        reviews.decide(f"{SESSION}-9", "confirmed", by="Ada")
    with pytest.raises(NotFound, match="not flagged"):
        reviews.decide(calm, "confirmed", by="Ada")
    with pytest.raises(Conflict, match="nothing"):
        reviews.decide(add_flag(database, 3), None, by="Ada")


def test_a_score_that_is_stored_again_keeps_the_decision(database: Database, reviews: Reviews) -> None:
    video_id = add_flag(database, 1)
    reviews.decide(video_id, "confirmed", by="Ada")
    add_flag(database, 1, score=14)
    assert database.interval(video_id)["review"]["state"] == "confirmed"


def test_the_queue_is_ranked_and_paged_without_gap_or_repeat(database: Database, reviews: Reviews) -> None:
    ids = [add_flag(database, index, score=10 + index % 3) for index in range(9)]
    by_score = sorted(ids, key=lambda video_id: (int(video_id.rpartition("-")[2]) % 3, int(video_id.rpartition("-")[2])), reverse=True)
    for rank, expected in (("score", by_score), ("newest", ids[::-1]), ("student", ids)):
        found: list[str] = []
        while page := reviews.queue(rank=rank, limit=2, after=found[-1] if found else None):  # type: ignore[arg-type]
            found += [row["_id"] for row in page]
        assert found == expected


def test_the_queue_by_student_keeps_each_students_flags_together(database: Database, reviews: Reviews) -> None:
    students = ["ben", "ann", "ben", "ann", "cleo"]
    for index, user_id in enumerate(students):
        add_flag(database, index, user_id=user_id)
    assert [row["user_id"] for row in reviews.queue(rank="student")] == sorted(students)


def test_paging_goes_on_behind_an_interval_that_was_decided_meanwhile(database: Database, reviews: Reviews) -> None:
    ids = [add_flag(database, index) for index in range(4)]
    first = reviews.queue(rank="newest", limit=1)[0]["_id"]
    reviews.decide(first, "confirmed", by="Ada")
    assert [row["_id"] for row in reviews.queue(rank="newest", after=first)] == ids[2::-1]


def test_states_and_filters(database: Database, reviews: Reviews) -> None:
    opened = add_flag(database, 0)
    confirmed = add_flag(database, 1, exam_id="art")
    disputed = add_flag(database, 2, user_id="ben", kinds=("speech", "no_face"))
    reviews.decide(confirmed, "confirmed", by="Ada")
    reviews.decide(disputed, "confirmed", by="Ada")
    reviews.decide(disputed, "dismissed", by="Bob", reason="light")
    taken_back = add_flag(database, 3)
    reviews.decide(taken_back, "confirmed", by="Ada")
    reviews.decide(taken_back, None, by="Ada")

    def ids(*state: Any, **filters: Any) -> set[str]:
        return {row["_id"] for row in reviews.queue(*state, **filters)}

    assert ids("open") == {opened, taken_back}
    assert ids("confirmed") == {confirmed}
    assert ids("disputed") == {disputed}
    assert ids("all") == {opened, confirmed, disputed, taken_back}
    assert ids("all", kind="no_face") == {disputed}
    assert ids("all", user_id="ben") == {disputed}
    assert ids("all", exam_id="art") == {confirmed}
    assert ids("all", search="BE") == {disputed}
    assert ids("all", search="be", user_id="ann") == set()
    assert ids("all", search=".") == set()
    assert (reviews.count("open"), reviews.count("open", exam_id="art"), reviews.count("open", user_id="ann")) == (2, 0, 2)
    assert (reviews.count("disputed"), reviews.count("disputed", search="an")) == (1, 0)


def test_the_queue_reads_an_index_in_its_order(database: Database, reviews: Reviews, mongo_uri: str, db_name: str) -> None:
    import pymongo

    for index in range(50):
        add_flag(database, index, score=10 + index % 7)
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        stored = client[db_name]
        stored.command("profile", 2)
        reviews.queue("all", rank="score", limit=5)
        reviews.queue("open", rank="score", limit=5, after=f"{SESSION}-3")
        reviews.queue("open", rank="newest", limit=5)
        reviews.queue("open", rank="student", limit=5)
        reviews.count("open")
        stored.command("profile", 0)
        seen = list(stored["system.profile"].find({"ns": f"{db_name}.intervals"}))
    assert len(seen) >= 6
    for query in seen:
        assert "COLLSCAN" not in query["planSummary"], query["command"]
        assert "hasSortStage" not in query, query["command"]


# As a script calls it


def test_a_review_by_rest(client: FlaskClient, parts: Parts) -> None:
    first, second = add_flag(parts.database, 1, score=14), add_flag(parts.database, 2, session_id=OTHER)
    queue = client.get("/api/review/queue").get_json()
    assert [item["video_id"] for item in queue["items"]] == [first, second]
    assert (queue["count"], queue["left"], queue["next_after"]) == (2, 2, None)
    assert queue["items"][0]["review"]["state"] == "open"
    assert queue["items"][0]["reasons"] == ["More than one person in view for 9 s (+10)"]
    answer = client.post(
        f"/api/review/{first}", json={"decision": "dismissed", "reason": "other_person_harmless", "note": " his mother ", "by": "Ada"}
    )
    assert answer.status_code == 200, answer.data
    decided = answer.get_json()
    assert decided["left"] == 1
    assert decided["review"].items() >= {"decision": "dismissed", "note": "his mother", "by": "Ada", "second": None, "state": "dismissed"}.items()
    answer = client.post(f"/api/review/{first}", json={"decision": "confirmed", "by": "Bob"})
    assert answer.get_json()["review"]["state"] == "disputed"
    assert answer.get_json()["review"]["second"]["by"] == "Bob"
    assert [item["video_id"] for item in client.get("/api/review/queue?state=disputed").get_json()["items"]] == [first]
    history = client.get(f"/api/review/{first}/history").get_json()
    assert [(entry["by"], entry["decision"]) for entry in history["history"]] == [("Ada", "dismissed"), ("Bob", "confirmed")]
    undone = client.post(f"/api/review/{first}", json={"decision": None, "by": "Bob"}).get_json()
    assert (undone["review"]["state"], undone["review"]["second"]) == ("dismissed", None)
    assert parts.database.flush(10)
    decisions = [(entry["who"], entry["what"]) for entry in parts.database.audit_entries() if entry["what"].startswith("review: ")]
    assert decisions[-1] == ("Ada", "review: dismissed")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"decision": "dismissed", "by": "Ada"}, "reason"),
        ({"decision": "dismissed", "reason": "bored", "by": "Ada"}, "reason"),
        ({"decision": "guilty", "by": "Ada"}, "decision"),
        ({"decision": "confirmed"}, "by"),
        ({"decision": "confirmed", "by": " "}, "by"),
        ({"decision": "confirmed", "by": "Ada\nBob"}, "by"),
        ({"decision": "confirmed", "by": "Ada", "note": "x" * 501}, "note"),
        ({"by": "Ada"}, "decision"),
    ],
)
def test_a_decision_that_cannot_be_used_is_refused_by_name(client: FlaskClient, parts: Parts, body: dict[str, Any], field: str) -> None:
    video_id = add_flag(parts.database, 1)
    assert error_of(client.post(f"/api/review/{video_id}", json=body), 422)["field"] == field
    assert parts.reviews.history(video_id) == []


@pytest.mark.parametrize("reason", ["nothing_to_see", "accommodation", "agreed", "connection", "other"])
def test_each_reason_is_taken(client: FlaskClient, parts: Parts, reason: str) -> None:
    video_id = add_flag(parts.database, 1)
    answer = client.post(f"/api/review/{video_id}", json={"decision": "dismissed", "reason": reason, "by": "Ada"})
    assert answer.get_json()["review"]["reason"] == reason
    assert reason in client.get("/api/analytics.csv?table=intervals").get_data(as_text=True)
