"""What changes at one server holds at the others: what they keep in memory is read anew, and their dashboards are told."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest
from flask.testing import FlaskClient

from basics.errors import Unauthorized
from basics.identifiers import key_of
from basics.times import utc_now
from cluster.notices import AttemptOver, StudentErased
from records.lti_attempts import Attempt
from scoring.exam import ExamDefinition
from sessions.ends import End
from tests.helpers.databases import START, add_interval
from tests.helpers.town import House, Town
from tests.helpers.waiting import until
from tests.helpers.web import local_client
from web.student.entry import Elsewhere, may_enter


def test_exams_and_accommodations_that_change_at_one_server_hold_at_the_others(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    wall = a.share() and b.share()
    made = a.parts.exams.make(ExamDefinition(exam_id="exam", title="Exam"), "teacher")
    until(lambda: b.parts.exams.known("exam"))
    a.parts.exams.set_state(made.key, "open", by="teacher")
    until(lambda: (known := b.parts.exams.known("exam")) is not None and known.state == "open")

    session = b.begin("ann")
    answer = local_client(a.app).post("/api/accommodations", json={"user_id": "ann", "exam_id": "exam", "extra_percent": 25})
    assert answer.status_code == 200, answer.text
    until(lambda: session.accommodation is not None and session.accommodation.extra_percent == 25)
    assert local_client(a.app).delete(f"/api/accommodations/{answer.get_json()['accommodation']['id']}").status_code == 200
    until(lambda: session.accommodation is None)

    before = b.parts.rosters.version
    imported = local_client(a.app).post(f"/api/exams/{made.key}/roster", json={"text": "id,extra time\nann,50%\n"})
    assert imported.status_code == 200, imported.text
    until(lambda: session.accommodation is not None and session.accommodation.extra_percent == 50)
    assert wall.hears("roster_changed")["exam_key"] == made.key
    assert b.parts.rosters.version > before

    link = b.monitor.create("bob", "exam", "browser", nonce="the-browser's")
    a.parts.exams.begin_removal(made.key)
    until(lambda: (known := b.parts.exams.known("exam")) is not None and known.deleting)
    b.monitor.end_abandoned()
    assert (b.has(link.session_id), b.has(session.session_id)) == (False, True), "a link that nobody has used ends with its exam"

    known = b.monitor.accommodations
    assert known._known
    a.parts.tell(StudentErased(key_of("Ann.")))
    until(lambda: not known._known)


def _has_ended(house: House, session_id: str, code: str) -> bool:
    return house.database.session(session_id).get("end_code") == code


def test_an_attempt_that_is_over_at_its_platform_ends_at_whatever_server_it_runs(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    assert a.share()
    assert b.share()
    attempts = a.parts.lti_attempts
    for number in (1, 2):
        session = b.begin("ann")
        attempt = Attempt("r-1", "1", "l-1", "u-1", number, "ann", "exam", "https://lms.example/start", session_id=session.session_id)
        attempts.keep(attempt)
        if number == 1:
            attempts.ended(attempt, "The timer stood still", "")
        else:
            attempts.left(attempt)
        a.parts.tell(AttemptOver(session.session_id))
        until(partial(_has_ended, b, session.session_id, "platform"))
        assert not b.has(session.session_id)


def test_logins_and_rights_that_end_at_one_server_end_at_the_others(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    wall = a.share() and b.share()
    people, there = a.parts.people, b.parts.people
    people.ready()
    there.ready()
    account = people.accounts.add("ann@example.org", "Ann", frozenset({"proctor"}), by="a test")
    people.changed()
    login, cookie = people.logins.begin(account, "password", "", "")
    found = until(lambda: there.of_login(cookie), what="whoever logged in at one server is logged in at all")
    assert found.name == "Ann"
    people.logins.end(login.id)
    people.changed()
    until(lambda: there.of_login(cookie) is None)

    _, again = people.logins.begin(account, "password", "", "")
    until(lambda: there.of_login(again))
    people.accounts.change(account.id, disabled=True)
    hour_ago = utc_now() - timedelta(hours=1)  # as where that machine's clock is wrong
    a.database.collection("users").update_one({"_id": account.id}, {"$set": {"changed_at": hour_ago}})
    people.changed()
    until(lambda: there.of_login(again) is None)

    wall._look_at = 1e12
    a.parts.access.logged_out("ab" * 32)
    until(lambda: wall._look_at == 0.0, what="its dashboards are asked at once who they are")
    assert bytes.fromhex("ab" * 32) in b.parts.access._ended


def test_a_login_in_use_at_another_server_does_not_lapse_here(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    account = a.parts.people.accounts.add("ann@example.org", "Ann", frozenset({"proctor"}), by="a test")
    mine, theirs = a.parts.people.logins, b.parts.people.logins
    mine.shared = theirs.shared = True
    login, cookie = mine.begin(account, "password", "", "")
    theirs.take_up(login.id)
    late = theirs._clock() + theirs._idle_s - 60
    for book in (mine, theirs):
        book._clock = lambda: late
    assert mine.of(cookie) is not None
    mine.tidy()
    theirs.tidy()  # it hears of the use there
    later = late + 120
    for book in (mine, theirs):
        book._clock = lambda: later
    assert theirs.of(cookie) is not None
    theirs.end(login.id)
    assert b.database.flush(10)
    mine.read()
    assert mine.of(cookie) is None, "it was ended there, and that was not heard"


def test_dashboards_are_told_of_what_happens_at_another_server(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    near, far = a.share(), b.share()
    session = a.begin("ann")
    started = far.hears("session_started", session_id=session.session_id)
    assert (started["instance"], started["user_id"], started["is_running"]) == ("a", "ann", True)

    assert add_interval(a.database, session.session_id, 7, flagged_at=START).wait(10)
    video_id = f"{session.session_id}-7"
    decided = local_client(b.app).post(f"/api/review/{video_id}", json={"decision": "confirmed", "by": "ben"})
    assert decided.status_code == 200, decided.text
    assert near.hears("interval_reviewed", video_id=video_id)["review"]["decision"] == "confirmed"

    with pytest.raises(Elsewhere):
        may_enter(b.parts, session.session_id)
    town.pass_time(1, a, b)  # a hears that it is asked
    until(lambda: a.owner(session.session_id)[0] is None)
    moved = near.hears("session_moved", session_id=session.session_id)
    assert moved["instance"] == ""
    assert "another server" in str(moved["text"])
    assert may_enter(b.parts, session.session_id) is not None
    assert near.hears("session_started", session_id=session.session_id, instance="b")["total_score"] == 0
    b.monitor.end_session(session.session_id, End("proctor", "enough"))
    ended = near.hears("session_ended", session_id=session.session_id)
    assert (ended["code"], ended["note"], ended["state"]) == ("proctor", "enough", "ended")
    assert [name for name, one in far.told if name == "session_ended"] == ["session_ended"], "nobody hears itself"


def test_links_and_codes_that_are_ended_at_one_server_open_nothing_at_the_others(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    a.share()
    b.share()
    made = a.parts.exams.make(ExamDefinition(exam_id="exam", title="Exam"), "teacher")
    a.parts.exams.set_state(made.key, "open", by="teacher")
    until(lambda: (known := b.parts.exams.known("exam")) is not None and known.state == "open")
    office, page = local_client(a.app), local_client(b.app)
    assert office.post(f"/api/exams/{made.key}/roster", json={"text": "id\nann\nben\n"}).status_code == 200
    rows = {row.user_id: row for row in a.parts.rosters.rows(made.key)}

    def entered(name: str, client: FlaskClient = page) -> list[int]:
        """By the first link, and by the first code."""
        keys = b.parts.rosters.keys
        by = ({"link": keys.link(rows[name].row_id, 1)}, {"code": keys.code(rows[name].row_id, 1)})
        return [client.post("/api/student/enter", json=one).status_code for one in by]

    def good(house: House, token: str) -> bool:
        try:
            return bool(house.parts.access.read_student_token(token))
        except Unauthorized:
            return False

    assert entered("ann") == entered("ben") == [200, 200]
    ann, ben = (b.monitor.find(name, "exam") for name in ("ann", "ben"))
    assert ann is not None
    assert ben is not None
    ann.begin()
    assert b.database.flush(10)
    tokens = [b.parts.access.make_student_token(one.session_id) for one in (ann, ben)]
    for action in ("renew", "revoke"):
        answer = office.post(f"/api/exams/{made.key}/roster/links", json={"action": action, "rows": [rows["ann"].row_id]})
        assert answer.get_json()["changed"] == 1
        assert entered("ann") == entered("ann", office) == [401, 401]
        until(lambda: not good(b, tokens[0]), what="the server at which it runs refuses the page's token")
        assert not good(a, tokens[0])
        assert good(a, tokens[1]), "the other student's holds"
        tokens[0] = b.parts.access.make_student_token(ann.session_id)
        assert good(a, tokens[0]), "both count the same"
    b.monitor.link_made(ann)  # as where a proctor makes a link there
    tokens[0] = b.parts.access.make_student_token(ann.session_id)
    assert b.bus is not None
    b.bus.stop()  # from now on it hears nothing
    office.post(f"/api/exams/{made.key}/roster/links", json={"action": "renew", "rows": [rows["ann"].row_id]})
    b.monitor.taking.give_up(ann.session_id)
    assert b.database.flush(10)
    assert not good(b, tokens[0]), "whoever takes it next knows"
    taken = b.monitor.taking.bring(ann.session_id)
    assert taken is not None
    assert taken.watch_over.link_number == 4
    assert not good(b, tokens[0])
