"""The figures against what was stored, and the tables as a spreadsheet reads them."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta, timezone
from typing import Any

import pymongo
import pytest
from flask.testing import FlaskClient

from database import Database
from records.analytics import Analytics, Span
from records.exams import exam_key
from tests.helpers.web import error_of
from web.parts import Parts
from web.proctor.tables import SESSIONS, cell

START = datetime(2024, 10, 5, 22, 30, tzinfo=timezone.utc)  # half past midnight of the 6th in Berlin


def add_session(database: Database, number: int, scores: list[dict[str, int]], *, days: int = 0, state: str = "ended", **more: Any) -> str:
    """A session of one interval for each of `scores`: points by kind."""
    session_id = f"{number:032x}"
    begun = START + timedelta(days=days)
    flags = sum(sum(points.values()) >= 10 for points in scores)
    fields: dict[str, Any] = {
        "user_id": f"s{number}",
        "exam_id": "math",
        "state": state,
        "source": "browser",
        "started_at": begun,
        "intervals": len(scores),
        "flagged_intervals": flags,
        "total_score": sum(sum(points.values()) for points in scores),
    } | more
    database.write("sessions", session_id, fields)
    for index, points in enumerate(scores):
        at = begun + timedelta(seconds=30 * index)
        score = sum(points.values())
        interval = {
            "session_id": session_id,
            "user_id": fields["user_id"],
            "exam_id": fields["exam_id"],
            "index": index,
            "started_at": at,
            "ended_at": at + timedelta(seconds=30),
            "score": score,
            "flagged": score >= 10,
            "flagged_at": at if score >= 10 else None,
            "violations": [{"kind": kind, "points": count, "occurrences": 2 if kind == "tab_switch" else 1} for kind, count in points.items()],
            "clip": {"state": "none"},
        }
        database.write("intervals", f"{session_id}-{index}", interval)
    assert database.flush(10)
    return session_id


@pytest.fixture
def stored(parts: Parts) -> list[str]:
    """Two sessions of maths and one of art, a day later; three flags in the first."""
    database = parts.database
    ids = [
        add_session(database, 1, [{"multiple_faces": 10}, {"multiple_faces": 10, "speech": 3}, {}, {"tab_switch": 8, "gaze_distracted": 2}, {}]),
        add_session(database, 2, [{"gaze_distracted": 2}, {}], state="running"),
        add_session(database, 3, [{"no_face": 9}, {"multiple_voices": 10, "multiple_faces": 20}], days=1, exam_id="art"),
    ]
    parts.reviews.decide(f"{ids[0]}-0", "confirmed", by="Ada")
    parts.reviews.decide(f"{ids[0]}-1", "dismissed", by="Ada", reason="other_person_harmless")
    return ids


def test_the_figures_are_what_was_stored(client: FlaskClient, stored: list[str]) -> None:
    figures = client.get("/api/analytics").get_json()
    assert (figures["sessions"], figures["intervals"], figures["flags"]) == (3, 9, 4)
    assert figures["by_day"] == [
        {"day": "2024-10-05", "sessions": 2, "flags": 3, "violations": {"multiple_faces": 2, "speech": 1, "tab_switch": 2, "gaze_distracted": 2}},
        {"day": "2024-10-06", "sessions": 1, "flags": 1, "violations": {"no_face": 1, "multiple_voices": 1, "multiple_faces": 1}},
    ]
    assert figures["by_exam"] == [
        {"exam_id": "math", "sessions": 2, "flags": 3, "high_risk": 1},
        {"exam_id": "art", "sessions": 1, "flags": 1, "high_risk": 0},
    ]
    assert figures["score_distribution"] == [
        {"from": 0, "to": 0, "intervals": 3},
        {"from": 1, "to": 4, "intervals": 1},
        {"from": 5, "to": 9, "intervals": 1},
        {"from": 10, "to": 14, "intervals": 3},
        {"from": 15, "to": 19, "intervals": 0},
        {"from": 20, "to": 29, "intervals": 0},
        {"from": 30, "to": None, "intervals": 1},
    ]
    named = {"session_id": stored[0], "user_id": "s1", "student_name": "", "exam_id": "math"}
    assert figures["high_risk"] == [{**named, "flagged_intervals": 3, "total_score": 33}]
    by_kind = {row["kind"]: row for row in figures["by_kind"]}
    assert by_kind["multiple_faces"] == {"kind": "multiple_faces", "flags": 3, "confirmed": 1, "dismissed": 1, "disputed": 0, "open": 1}
    assert by_kind["speech"]["dismissed"] == 1
    assert "no_face" not in by_kind, "it is in no flagged interval"


def test_figures_of_an_exam_and_of_days(client: FlaskClient, stored: list[str]) -> None:
    def flags(**query: str) -> tuple[int, int]:
        figures = client.get("/api/analytics", query_string=query).get_json()
        return figures["sessions"], figures["flags"]

    assert flags(exam_id="art") == (1, 1)
    assert flags(exam_id="biology") == (0, 0)
    assert flags(**{"from": "2024-10-06"}) == (1, 1)
    assert flags(to="2024-10-05") == (2, 3)
    assert flags(**{"from": "2024-10-05", "to": "2024-10-06"}) == (3, 4)
    assert flags(**{"from": "2025-01-01"}) == (0, 0)


def test_days_begin_as_they_do_where_the_viewer_is(client: FlaskClient, stored: list[str]) -> None:
    days = client.get("/api/analytics?tz=Europe/Berlin").get_json()["by_day"]
    assert [day["day"] for day in days] == ["2024-10-06", "2024-10-07"]
    only = client.get("/api/analytics?tz=Europe/Berlin&from=2024-10-06&to=2024-10-06").get_json()
    assert (only["sessions"], only["flags"]) == (2, 3)


def test_figures_of_nothing_are_zero(client: FlaskClient) -> None:
    figures = client.get("/api/analytics").get_json()
    assert (figures["sessions"], figures["intervals"], figures["by_day"], figures["high_risk"], figures["by_kind"]) == (0, 0, [], [], [])
    assert {band["intervals"] for band in figures["score_distribution"]} == {0}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=yesterday", "from"),
        ("from=0001-01-01", "from"),
        ("to=9999-12-31", "to"),
        ("from=2024-02-02&to=2024-02-01", "to"),
        ("tz=Mars/Olympus", "tz"),
        ("tz=../../etc/passwd", "tz"),
        ("tz=localtime", "tz"),
        ("exam_id=a%5Cb", "exam_id"),
    ],
)
def test_wrong_queries_are_refused_by_name(client: FlaskClient, query: str, field: str) -> None:
    for path in ("analytics", "analytics.csv"):
        assert error_of(client.get(f"/api/{path}?{query}"), 422)["field"] == field
    assert error_of(client.get("/api/analytics.csv?table=passwords"), 422)["field"] == "table"


def test_exams_are_listed_by_their_latest_session(client: FlaskClient, stored: list[str]) -> None:
    undefined = {
        "exam_key": None,
        "definition": None,
        "roster": None,
        "identity": None,
        "title": "",
        "course": "",
        "state": None,
        "is_open": False,
        "opens": None,
        "closes": None,
        "time_zone": "",
    }
    assert client.get("/api/exams").get_json() == {
        "exams": [
            undefined
            | {
                "exam_id": "art",
                "results": f"/exams/{exam_key('art')}/results",
                "sessions": 1,
                "running": 0,
                "flags": 1,
                "confirmed": 0,
                "dismissed": 0,
                "disputed": 0,
                "open": 1,
            },
            undefined
            | {
                "exam_id": "math",
                "results": f"/exams/{exam_key('math')}/results",
                "sessions": 2,
                "running": 1,
                "flags": 3,
                "confirmed": 1,
                "dismissed": 1,
                "disputed": 0,
                "open": 1,
            },
        ],
        "count": 2,
        "next_after": None,
    }
    first = client.get("/api/exams?limit=1").get_json()
    assert ([one["exam_id"] for one in first["exams"]], first["next_after"]) == (["art"], exam_key("art"))
    rest = client.get(f"/api/exams?limit=1&after={first['next_after']}").get_json()
    assert ([one["exam_id"] for one in rest["exams"]], rest["next_after"]) == (["math"], None)
    assert error_of(client.get(f"/api/exams?after={'0' * 32}"), 422)["field"] == "after"


def test_an_exam_that_many_newer_ones_follow_keeps_title_and_list(client: FlaskClient, stored: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for exam_id in ("math", "newer-1", "newer-2"):
        assert client.post("/api/exams", json={"exam_id": exam_id, "title": exam_id.upper()}).status_code == 200
    monkeypatch.setattr("web.proctor.analytics.LIMIT_MAX", 1)
    shown = {one["exam_id"]: one for one in client.get("/api/exams").get_json()["exams"]}
    assert (shown["math"]["title"], shown["math"]["roster"]) == ("MATH", f"/exams/{exam_key('math')}/roster")


def test_sessions_of_some_days_with_how_their_flags_stand(client: FlaskClient, stored: list[str]) -> None:
    def listed(query: str) -> list[tuple[str, dict[str, int]]]:
        return [(line["user_id"], line["decisions"]) for line in client.get(f"/api/sessions?{query}").get_json()["sessions"]]

    assert listed("from=2024-10-06") == [("s3", {"open": 1})]
    of_the_day = [("s2", {}), ("s1", {"confirmed": 1, "dismissed": 1, "open": 1})]
    assert listed("to=2024-10-05") == of_the_day
    assert listed("from=2024-10-06&to=2024-10-06&tz=Europe/Berlin") == of_the_day
    first = client.get("/api/sessions?to=2024-10-05&limit=1").get_json()
    assert listed(f"to=2024-10-05&after={first['next_after']}") == of_the_day[1:]
    assert error_of(client.get("/api/sessions?from=yesterday"), 422)["field"] == "from"


def test_pages_of_a_table_stay_within_its_days(client: FlaskClient, stored: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("records.analytics.ROWS_AT_ONCE", 1)
    assert [row["user_id"] for row in rows_of(client, "table=sessions&to=2024-10-05")] == ["s1", "s2"]


# Tables


def rows_of(client: FlaskClient, query: str) -> list[dict[str, str]]:
    answer = client.get(f"/api/analytics.csv?{query}")
    assert answer.mimetype == "text/csv"
    assert answer.data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))


def test_the_table_of_intervals_has_what_was_found_and_decided(client: FlaskClient, stored: list[str]) -> None:
    rows = rows_of(client, "table=intervals&exam_id=math")
    assert len(rows) == 7
    row = next(row for row in rows if row["video_id"] == f"{stored[0]}-1")
    assert (row["score"], row["flagged"], row["violations"], row["state"]) == ("13", "yes", "multiple_faces 10; speech 3", "dismissed")
    assert (row["reason"], row["decided_by"], row["started_at"]) == ("other_person_harmless", "Ada", "2024-10-05T22:30:30.000Z")


def test_the_table_says_the_share_that_could_be_read_and_why_not() -> None:
    sums = {
        "gaze": {"of_s": 200.0, "unread_s": 150.0, "reasons": {"dark": 149.5, "blurred": 0.5}},
        "sound": {"of_s": 0, "unread_s": 0, "reasons": {}},
    }
    known = {name: value({"unread": sums}) for name, value in SESSIONS.items() if "read_" in name}
    assert known == {
        "gaze_read_share": 0.25,
        "people_read_share": None,
        "sound_read_share": None,
        "unread_because": "gaze dark 149.5 s; gaze blurred 0.5 s",
    }
    assert {value({}) for name, value in SESSIONS.items() if "read_" in name} == {None, ""}, "nothing is said of sessions of older versions"


def test_the_tables_of_sessions_and_kinds(client: FlaskClient, stored: list[str]) -> None:
    rows = rows_of(client, "table=sessions")
    assert [(row["user_id"], row["flagged_intervals"], row["state"]) for row in rows] == [
        ("s1", "3", "ended"),
        ("s2", "0", "running"),
        ("s3", "1", "ended"),
    ]
    kinds = {row["kind"]: row for row in rows_of(client, "table=kinds")}
    assert (kinds["multiple_faces"]["flags"], kinds["multiple_faces"]["confirmed"]) == ("3", "1")


def test_a_long_table_comes_whole(client: FlaskClient, parts: Parts) -> None:
    session_id = add_session(parts.database, 7, [{} for _ in range(1203)])
    rows = rows_of(client, "table=intervals")
    assert [row["video_id"] for row in rows] == [f"{session_id}-{index}" for index in range(1203)]


def test_an_exam_whose_student_has_not_come_does_not_run(client: FlaskClient, parts: Parts, stored: list[str]) -> None:
    add_session(parts.database, 9, [], state="running", begun=False)
    exams = client.get("/api/exams").get_json()["exams"]
    assert [(exam["exam_id"], exam["sessions"], exam["running"]) for exam in exams if exam["exam_id"] == "math"] == [("math", 3, 1)]


@pytest.mark.parametrize("dangerous", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x")'])
def test_a_text_that_is_a_formula_is_disarmed(client: FlaskClient, parts: Parts, dangerous: str) -> None:
    add_session(parts.database, 8, [{}], end_reason=dangerous)
    (row,) = rows_of(client, "table=sessions")
    assert row["end_reason"] == f"'{dangerous}".replace("\r", "\r'")


@pytest.mark.parametrize(("text", "cell_text"), [("a;=1+1;b", "a;'=1+1;b"), ('a; "=1', "a;' \"=1"), ("a\n@x", "a\n'@x"), ("on; off", "on; off")])
def test_a_text_that_holds_a_formula_behind_a_semicolon_is_disarmed(text: str, cell_text: str) -> None:
    assert cell(text) == cell_text


def test_every_cell_is_quoted(client: FlaskClient, stored: list[str]) -> None:
    lines = client.get("/api/analytics.csv?table=sessions").data.decode("utf-8-sig").splitlines()
    assert all(line.startswith('"') and line.endswith('"') and len(line.split('","')) == len(SESSIONS) for line in lines)


def test_numbers_and_times_stay_what_they_are() -> None:
    values = (-3, 2.5, None, True, START, "plain", "a=b")
    assert [cell(value) for value in values] == [
        "-3",
        "2.5",
        "",
        "yes",
        "2024-10-05T22:30:00.000Z",
        "plain",
        "a=b",
    ]


def test_figures_are_read_by_indexes(database: Database, mongo_uri: str, db_name: str) -> None:
    for number in range(1, 4):
        add_session(database, number, [{"speech": 3}, {}, {"multiple_faces": 10}])
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        stored = client[db_name]
        stored.command("profile", 2)
        for span in (Span(), Span("math"), Span("math", START.date(), START.date())):
            Analytics(database, 3).figures(span)
            list(Analytics(database, 3).rows("intervals", span))
            list(Analytics(database, 3).rows("sessions", span))
        Analytics(database, 3).exams()
        stored.command("profile", 0)
        seen = list(stored["system.profile"].find({"ns": {"$in": [f"{db_name}.intervals", f"{db_name}.sessions"]}}))
    assert len(seen) > 20
    for query in seen:
        assert "COLLSCAN" not in query["planSummary"], query["command"]
