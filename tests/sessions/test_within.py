"""Acts and intervals far outside a session, as an older version took them from a page: the next start takes the session up all the same."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from basics.readings import ScreenAct
from score import Scorer
from scoring.rules import Rules
from sessions.score_book import MAX_ACTS
from sessions.within import AHEAD_MAX_S, act_within
from settings.settings import load_settings
from tests.helpers.sessions import create, live, stop_server, store_interval
from web.calls.values import check_video_id
from web.parts import Parts

YEARS = 30 * 365 * 86400.0


@pytest.mark.parametrize(
    ("at", "within"),
    [(50.0, 50.0), (100.0 + AHEAD_MAX_S, 100.0 + AHEAD_MAX_S), (YEARS, 100.0), (1e300, 100.0), (math.inf, 100.0), (math.nan, 100.0), (-1e9, 0.0)],
)
def test_an_act_that_no_session_holds_lies_at_its_nearer_end(at: float, within: float) -> None:
    assert act_within(ScreenAct("abcdefgh", at, "copy"), 100.0) == ScreenAct("abcdefgh", within, "copy")


def test_results_are_those_that_began_and_those_that_have_something() -> None:
    scorer = Scorer(Rules.from_settings(load_settings(_env_file=None, interval_duration=30)))
    scorer.take_acts([ScreenAct("far-ahead", YEARS, "copy")])
    assert [result.index for result in scorer.results(61.0)] == [0, 1, 2, int(YEARS / 30)]


def test_an_act_from_the_far_future_counts_now(client: FlaskClient, parts: Parts, student: str) -> None:
    session = live(parts, create(client, student, source="browser"))
    session.begin()
    tickets = session.take_acts([ScreenAct("far-ahead", 1e300, "paste"), ScreenAct("far-behind", -1e300, "copy")])
    assert all(ticket.wait(10) for ticket in tickets)
    assert [one["index"] for one in session.intervals()] == [0]
    assert session.status().total_score == 10


def test_an_act_is_written_once_however_often_it_comes(client: FlaskClient, parts: Parts, student: str) -> None:
    session = live(parts, create(client, student, source="browser"))
    session.begin()
    acts = [ScreenAct(f"act-{number:06}", 0.0, "window_focus") for number in range(MAX_ACTS // 50)]
    first = session.take_acts(acts)
    assert all(ticket.wait(10) for ticket in first)
    assert session.take_acts(acts) == first


def test_a_session_with_records_from_the_future_is_taken_up_and_mended(client: FlaskClient, parts: Parts, student: str) -> None:
    session = live(parts, create(client, student, source="browser"))
    session.begin()
    assert all(ticket.wait(10) for ticket in session.take_acts([ScreenAct("in-order", 0.0, "copy")]))
    session.checkpoint()
    # As the older version stored it: an act thirty years ahead, its interval flagged and waiting for a clip, and one that is closed.
    session_id, far = session.session_id, int(YEARS / 30)
    wall = session.started_at + timedelta(seconds=YEARS)
    fields = {"session_id": session_id, "kind": "paste", "at": YEARS, "wall": wall, "detail": ""}
    assert parts.database.write("acts", f"{session_id}:from-afar", fields).wait(10)
    store_interval(parts.database, session_id, far, clip={"state": "pending"})
    store_interval(parts.database, session_id, far + 1)
    assert parts.database.flush(10)
    stop_server(parts)
    parts.monitor.resume()
    again = parts.monitor.get(session_id)
    assert again is not None
    assert parts.database.flush(10)
    assert again.status().total_score == 10
    assert [one["index"] for one in again.intervals()] == [0]
    assert [one["index"] for one in parts.database.intervals(session_id, None, 100)] == [0]
    assert all(0 <= act["at"] < 60 for act in parts.database.acts(session_id))
    again.tick()
    assert client.get(f"/api/session/{session_id}/details").status_code == 200
    assert client.post(f"/api/session/{session_id}/end", json={}).status_code == 200
    assert client.get(f"/api/session/{session_id}/details").get_json()["session"]["intervals"] == 1


def test_the_queue_is_paged_past_an_interval_of_any_number_that_was_ever_stored(client: FlaskClient, parts: Parts) -> None:
    session_id = "0123456789abcdef0123456789abcdef"
    stored = [store_interval(parts.database, session_id, index) for index in (3, 1_234_567_890, 8_000_000_000)]
    found: list[str] = []
    after = None
    for _ in range(4):
        answer = client.get("/api/flagged/all", query_string={"limit": 1, "rank": "newest"} | ({"after": after} if after else {}))
        assert answer.status_code == 200, answer.data
        found += [one["video_id"] for one in answer.get_json()["flagged"] if one["video_id"].startswith(session_id)]
        after = answer.get_json().get("next_after")
        if after is None:
            break
    assert found == stored[::-1]
    for video_id in stored:
        check_video_id(video_id)
        assert client.get(f"/api/session/{session_id}/details", query_string={"after": video_id}).status_code != 422
        assert client.get(f"/api/video/{video_id}").get_json()["error"]["code"] == "not_found"
        decided = client.post(f"/api/review/{video_id}", json={"decision": "dismissed", "by": "Ada", "reason": "light"})
        assert decided.status_code == 200, decided.data
