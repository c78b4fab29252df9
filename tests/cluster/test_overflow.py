"""A student whose server is full begins at another that has room; nobody else leaves, and nobody comes where there is none."""

from __future__ import annotations

import pytest
from werkzeug.test import TestResponse

from basics.errors import TooMany
from sessions.overflow import KEY_S
from sessions.session import ExamSession
from tests.helpers.town import House, Town
from tests.helpers.waiting import until
from tests.helpers.web import local_client

KEY, OTHER = "b" * 32, "c" * 32


def ask(at: House, session: ExamSession, query: str = "") -> TestResponse:
    bearer = {"Authorization": f"Bearer {at.parts.access.make_student_token(session.session_id)}"}
    return local_client(at.app).post(f"/api/student/admission{query}", headers=bearer)


def waiting(at: House, user_id: str) -> ExamSession:
    session = at.monitor.create(user_id, "exam", "browser", nonce="the-browser's")
    assert at.database.flush(10)
    return session


def hear(town: Town, *houses: House) -> None:
    """What each says of its room is known to the others."""
    for house in houses:
        house.monitor.overflow.tell()
    town.pass_time(2, *houses)


def test_who_would_wait_begins_at_a_server_with_room_and_the_next_goes_straight_there(town: Town) -> None:
    a, b = town.house("a", capacity=1), town.house("b", capacity=2)
    a.begin("ann")
    bob = waiting(a, "bob")
    hear(town, a, b)
    said = ask(a, bob).get_json()
    assert (said["position"], said["elsewhere"]) == (1, ""), "which key leads there is still to be found"
    assert ask(a, bob, f"?room=only&e={OTHER}").get_json()["position"] == 1, "this one led home"
    assert ask(b, bob, f"?room=only&e={KEY}").status_code == 503, "it is on its way"
    town.pass_time(1, a, b)
    until(lambda: a.owner(bob.session_id)[0] is None)
    there = ask(b, bob, f"?room=only&e={KEY}").get_json()
    assert (there["position"], there["route"]) == (0, KEY)
    assert b.has(bob.session_id)
    assert not a.has(bob.session_id)
    assert b.database.session(bob.session_id)["route"] == KEY, "who watches goes by it, too"
    hear(town, a, b)
    carl, dora = waiting(a, "carl"), waiting(a, "dora")
    assert ask(a, carl).get_json()["elsewhere"] == KEY
    assert ask(a, dora).get_json()["elsewhere"] is None, "there is room for one more"
    assert ask(b, carl, f"?room=only&e={KEY}").status_code == 503
    assert ask(b, dora, f"?room=only&e={KEY}").status_code == 429
    town.pass_time(1, a, b)
    until(lambda: a.owner(carl.session_id)[0] is None)
    assert a.has(dora.session_id), "her place is kept"
    assert ask(a, dora).get_json()["position"] == 1


def test_nobody_leaves_a_server_with_room_and_no_exam_that_has_begun(town: Town) -> None:
    a, b = town.house("a", capacity=2), town.house("b", capacity=2)
    ann, bob = a.begin("ann"), waiting(a, "bob")
    hear(town, a, b)
    for session in (ann, bob):
        with pytest.raises(TooMany):
            b.monitor.overflow.take_in(session.session_id, KEY)
    assert ask(a, bob).get_json()["elsewhere"] is None
    b.membership.drain()
    waiting(a, "carl")
    a.begin("dora")
    hear(town, a, b)
    with pytest.raises(TooMany):
        b.monitor.overflow.take_in(bob.session_id, KEY)
    assert "way" not in b.membership._facts


def test_a_server_is_found_by_one_key_as_long_as_somebody_comes_by_it(town: Town) -> None:
    overflow = town.house("a").monitor.overflow
    at = 0.0
    overflow._clock = lambda: at
    assert [overflow._way_by(key) for key in (KEY, OTHER, KEY)] == [KEY] * 3
    at = KEY_S + 1
    assert [overflow._way_by(key) for key in (OTHER, KEY)] == [OTHER] * 2
