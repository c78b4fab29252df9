"""By which key an exam goes to one of several servers: the keys, who has which, and where they stand."""

from __future__ import annotations

from collections import Counter
from urllib.parse import parse_qs, urlsplit

import pytest

from basics.errors import StorageError
from cluster.route import KEYS_MAX, ROUTE, keys_for, route_of, stored_route
from records.exams import exam_key
from records.rosters import RosterRow
from sessions.routing import COUNTED_S, Routing
from tests.helpers.town import Town
from tests.helpers.web import local_client

SESSION = "f" * 32
ROWS = [{"_id": f"{number:032x}", "exam_key": exam_key("ethics"), "code_hash": str(number)} for number in range(50)]


def test_an_exam_has_one_key_for_all_its_spellings_and_students_and_it_is_its_name_in_addresses() -> None:
    assert {route_of(SESSION, user, exam) for user in ("ann", "bob") for exam in ("Ethics & Law", "ethics & law")} == {exam_key("Ethics & Law")}
    assert route_of(SESSION, "ann", None) == SESSION
    assert ROUTE.fullmatch(SESSION)


def test_a_very_large_exam_has_several_keys_and_each_student_one_of_them() -> None:
    shares = Counter(route_of(SESSION, f"student-{number}", "ethics", 5) for number in range(2000))
    assert set(shares) == {f"{exam_key('ethics')}.{part}" for part in range(1, 6)}
    assert min(shares.values()) > 300
    assert route_of(SESSION, "ANN", "ETHICS", 5) == route_of("another", "ann", "ethics", 5)
    assert all(ROUTE.fullmatch(route) for route in shares)


@pytest.mark.parametrize(("students", "keys"), [(0, 1), (200, 1), (201, 2), (1200, 6), (10**9, KEYS_MAX)])
def test_how_many_keys_an_exam_has(students: int, keys: int) -> None:
    assert keys_for(students, 200) == keys


@pytest.mark.parametrize("damaged", [None, 7, ["x"], "e-1", "0" * 31, f"{'0' * 32}.0", f"{'0' * 32}\n"])
def test_a_damaged_key_is_none(damaged: object) -> None:
    assert stored_route({"route": damaged}) == ""


def test_links_sessions_and_the_overview_lead_to_the_sessions_server(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    client = local_client(a.app)
    made = client.post("/api/session/create", json={"user_id": "ann", "exam_id": "Ethics", "source": "browser"}).get_json()
    key = exam_key("ethics")
    link = urlsplit(made["portal_url"])
    assert parse_qs(link.query)["e"] == [key]
    answer = client.get("/api/sessions/active").get_json()
    assert (answer["alone"], [session["route"] for session in answer["sessions"]]) == (False, [key])
    bearer = {"Authorization": f"Bearer {link.fragment.removeprefix('t=')}"}
    assert client.get("/api/student/session?e=no-key", headers=bearer).get_json()["route"] == key
    assert a.database.flush(10)
    for house in (a, b):
        assert f'data-route="{key}"' in local_client(house.app).get(f"/session/{made['session_id']}").text
    b.membership.stop()
    town.pass_time(1, a)
    assert client.get("/api/sessions/active").get_json()["alone"] is True


def test_a_long_list_is_spread_and_a_session_keeps_its_key_when_the_list_grows(town: Town) -> None:
    a = town.house("a")
    now = [0.0]
    routing = Routing(a.database, 20, a.membership, lambda: now[0])
    assert routing.of("ann", "Ethics") == exam_key("Ethics")
    a.database.collection("roster").insert_many(ROWS)
    assert routing.of("ann", "Ethics") == exam_key("Ethics"), "it was counted just now"
    now[0] += COUNTED_S
    assert {routing.of(f"s{number}", "ethics") for number in range(50)} == {f"{exam_key('ethics')}.{part}" for part in (1, 2, 3)}
    a.monitor.maker.routing = routing
    row = RosterRow("0" * 32, exam_key("ethics"), "Ethics", "s0")
    assert f"&e={routing.of('s0', 'ethics')}#r=" in a.parts.rosters.address("https://exams.example.org", row)
    session = a.monitor.create("s0", "Ethics", "browser")
    a.database.collection("roster").delete_many({})
    now[0] += COUNTED_S
    assert routing.of("s0", "ethics") != session.identity.route
    assert a.database.flush(10)
    assert stored_route(a.database.session(session.session_id)) == session.identity.route


def test_while_the_database_is_away_keys_are_as_they_were(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    a = town.house("a")
    now = [0.0]
    routing = Routing(a.database, 20, a.membership, lambda: now[0])
    a.database.collection("roster").insert_many(ROWS)
    before = routing.of("ann", "ethics")
    now[0] += COUNTED_S

    def away() -> None:
        raise StorageError("away")

    monkeypatch.setattr(a.database, "reading", away)
    assert routing.of("ann", "ethics") == before != exam_key("ethics")


def test_where_there_can_be_no_other_server_nothing_has_a_key(town: Town) -> None:
    a = town.house("a")
    assert Routing(a.database, 20, None).of("ann", "ethics", SESSION) == ""
