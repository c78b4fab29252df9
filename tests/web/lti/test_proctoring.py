"""Proctoring Services: a platform's attempt from LtiStartProctoring to LtiEndAssessment, and what of it is not believed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from flask import Flask

from basics.errors import StorageError
from records import lti_links
from records.lti_attempts import Attempt
from records.lti_registrations import Registration
from scoring.exam import ExamDefinition
from sessions.ends import End
from tests.helpers.fixtures_web import Clock
from tests.helpers.identity import jpeg
from tests.helpers.lti import HERE, INSTRUCTOR, begin, launch, on_loopback, post, said
from tests.helpers.lti_proctoring import Proctored, sit
from tests.helpers.people import administrator, browser_of, someone
from tests.helpers.web import PASSWORD, MakeApp, error_of
from web.integrations.lti.attempt_claims import DATA_MAX, is_of_platform, problem_of, started
from web.integrations.lti.claims import LTI, PROCTORING, Launch
from web.integrations.lti.errors import Refused
from web.parts import Parts, parts_of


@pytest.fixture(scope="module")
def server() -> Iterator[Proctored]:
    with on_loopback(Proctored) as found:
        yield found


@pytest.fixture
def app(make_app: MakeApp, server: Proctored, clock: Clock) -> Flask:
    clock.stand()  # so that a picture that was read is of now, however long the page to the exam takes to open
    app = make_app(proctor_password=PASSWORD, public_url=HERE, lti_private_hosts="127.0.0.1")
    server.register(app)
    return app


@pytest.fixture
def parts(app: Flask) -> Parts:
    return parts_of(app)


@pytest.fixture
def exam(app: Flask, server: Proctored) -> str:
    """The key of the exam to which the platform's link leads."""
    return linked(app, server)


def linked(app: Flask, platform: Proctored, **more: Any) -> str:
    answer = launch(app, platform, sub="t-1", roles=[INSTRUCTOR], **more)
    assert answer.status_code == 303, said(answer)
    key: str = answer.headers["Location"].rpartition("/exams/")[2]
    parts_of(app).exams.set_state(key, "open", by="a test")
    return key


def test_a_whole_attempt(app: Flask, parts: Parts, server: Proctored, exam: str) -> None:
    sitting = sit(app, server, custom={"password": "secret-1", "$a.b": "é"}, given_name="Ann", family_name="Lee")
    assert f"exam={exam}" in sitting.page
    assert sitting.page.endswith("&at=platform")
    portal = sitting.browser.get(sitting.page, base_url=HERE)
    assert 'id="exam-open"' in portal.text
    assert portal.headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"
    assert 'id="exam-open"' not in sitting.browser.get(sitting.page.removesuffix("&at=platform"), base_url=HERE).text
    (row,) = parts.rosters.rows(exam)
    assert (row.user_id, row.name) == (sitting.session.user_id, "Ann Lee")

    assert sitting.shown()["at"] == "platform", "so that a proctor's new link leads there, too"
    early = sitting.open()
    assert (early.status_code, "JWT" in early.text, "lti-waits.js" in early.text) == (202, False, True)
    sitting.begin()
    page = sitting.open()
    claims = server.started(app, page)
    assert claims[f"{PROCTORING}session_data"] == "opaque.1.<&>"
    assert (claims[f"{PROCTORING}attempt_number"], claims[f"{PROCTORING}end_assessment_return"]) == (1, True)
    assert claims[f"{LTI}resource_link"] == {"id": "l-1", "title": "Mid-term"}
    assert (claims[f"{LTI}custom"], claims[f"{LTI}deployment_id"]) == ({"password": "secret-1", "$a.b": "é"}, "1")
    assert f"{PROCTORING}verified_user" not in claims, "nobody has verified anything"
    assert "form-action" not in page.headers["Content-Security-Policy"]
    assert page.headers["Cross-Origin-Opener-Policy"] == "unsafe-none"
    server.started(app, sitting.look().open())  # its window was closed: each message is a new one

    answer = launch(app, server, sitting.browser, **server.ends(errormsg="The grader\nfell over", errorlog="x" * 9000))
    assert answer.status_code == 303
    over = sitting.browser.get(answer.headers["Location"], base_url=HERE)
    assert "The grader fell over" in said(over)
    assert parts.database.flush(10)
    stored = parts.database.session(sitting.session_id)
    assert (stored["state"], stored["end_code"], stored["end_note"]) == ("ended", "platform", "The grader fell over")
    assert sitting.shown()["end_code"] == "platform"
    again = launch(app, server, sitting.browser, **server.ends())
    assert again.status_code == 303, "a page that was loaded anew"
    assert "has ended" in said(launch(app, server, **server.begins())), "an attempt is taken once"
    acts = {entry["what"] for entry in parts.database.audit_entries() if entry.get("session_id") == sitting.session_id}
    assert {"lti: proctoring begun", "lti: assessment started", "lti: assessment over"} <= acts
    kept = parts.database.collection("lti_attempts").find_one({"session_id": sitting.session_id})
    assert kept is not None
    assert (len(kept["problem_log"]), "secret-1" in str(kept)) == (4000, False)


def test_the_page_to_the_exam_opens_by_its_own_ticket_once_the_student_is_seen(app: Flask, parts: Parts, server: Proctored, exam: str) -> None:
    ann, ben = sit(app, server), sit(app, server, sub="u-2", name="Ben")
    address = ann.shown()["exam_url"]
    assert ann.open(address.replace(ann.session_id, ben.session_id)).status_code == 403
    assert ann.open(address.partition("?")[0]).status_code == 403
    parts.monitor.maker.prepare(ann.session)
    ann.session.begin()
    unchecked = ann.open(address)
    assert (unchecked.status_code, "lti-waits.js" in unchecked.text, "Call the proctor" in said(unchecked)) == (202, True, True)
    ann.begin()
    assert ann.open(address).status_code == 200
    parts.monitor.link_made(ann.session)
    assert ann.open(address).status_code == 403, "of a link that is over"
    (found,) = parts.lti.registrations.all()
    ben.begin()
    parts.lti.registrations.change(found.registration_id, enabled=False)
    assert "switched off" in said(ben.open())


def test_only_what_a_person_verified_is_told_and_under_the_names_of_that_time(app: Flask, parts: Parts, server: Proctored, exam: str) -> None:
    kept = parts.exams.by_key(exam)
    parts.exams.save(exam, kept.definition.model_copy(update={"identity_step": True}), revision=kept.revision, by="a test")
    names = {"given_name": "Ann", "family_name": "Lee"}
    sitting = sit(app, server, **names)

    def verified(**more: Any) -> Any:
        return server.started(app, sit(app, server, **{**names, **more}).look().open()).get(f"{PROCTORING}verified_user")

    def decide(decision: str, revision: int) -> None:
        body = {"decision": decision, "text": "Looks like it", "by": "Ada", "revision": revision}
        assert administrator(app).post(f"/api/session/{sitting.session_id}/identity", json=body).status_code == 200

    for kind in ("face", "card"):
        path = f"/api/student/identity/{kind}"
        assert sitting.browser.post(path, data=jpeg(), headers=sitting.bearer, content_type="image/jpeg", base_url=HERE).status_code == 200
    sitting.begin()
    assert verified() is None
    decide("accepted", 0)
    assert verified() == {"given_name": "Ann", "family_name": "Lee", "full_name": "Ann Lee"}
    assert verified(middle_name="Zoe") == {"given_name": "Ann", "family_name": "Lee", "full_name": "Ann Lee"}, "nobody was shown the middle one"
    assert verified(family_name="Smith", name="Ann Smith") is None, "a name that nobody compared"
    decide("queried", 1)
    assert verified() is None


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"number": None}, "attempt_number"),
    ({"number": True}, "attempt_number"),
    ({"number": 0}, "attempt_number"),
    ({"number": "1x"}, "attempt_number"),
    ({"session_data": ""}, "session_data"),
    ({"session_data": "x" * (DATA_MAX + 1)}, "session_data"),
    ({"session_data": {"a": 1}}, "session_data"),
    ({"start_assessment_url": "javascript:alert(1)"}, "start_assessment_url"),
    ({"start_assessment_url": "https://elsewhere.example/start"}, "elsewhere.example"),
    ({"resource_link": None}, "resource_link"),
    ({"resource_link": {"id": "l-1", "more": "x" * 5000}}, "resource_link"),
    ({"custom": {"password": "x" * 9000}}, "custom"),
    ({"deployment_id": "2"}, "deployment"),
    ({"resource_link": {"id": "another"}}, "No exam is set up here yet"),
    ({"custom": {"exam_id": "somebody's"}}, "has no exam"),
]


def test_what_is_refused(app: Flask, parts: Parts, server: Proctored, exam: str) -> None:
    for claims, words in REFUSED:
        answer = launch(app, server, **server.begins(**claims))
        assert (answer.status_code, words in said(answer)) == (403, True), (claims, said(answer))
    assert parts.monitor.active() == []


def test_half_a_letter_can_not_go_back_and_is_refused(server: Proctored) -> None:
    registration = Registration("r-1", "Moodle", server.issuer, "tool-1", server.issuer, server.issuer, server.issuer)
    assert started(Launch(registration, server.claims("n", **server.begins())), "e-1").number == 1
    for half in ({"session_data": "\ud800"}, {"custom": {"\udc00": 1}}, {"resource_link": {"id": "l-1", "title": "\ud800"}}):
        with pytest.raises(Refused):
            started(Launch(registration, server.claims("n", **server.begins(**half))), "e-1")


def test_what_went_wrong_is_read_as_tao_writes_it(server: Proctored) -> None:
    registration = Registration("r-1", "TAO", server.issuer, "tool-1", server.issuer, server.issuer, server.issuer)
    spaced = {f" {PROCTORING}errormsg": "The timer\nstood still", f" {PROCTORING}errorlog ": "E1", f"{PROCTORING}attempt_number": 1}
    assert problem_of(Launch(registration, spaced)) == ("The timer stood still", "E1")


@pytest.mark.parametrize(
    ("issuer", "address", "own"),
    [
        ("https://uni.example", "https://uni.example/start", True),
        ("https://uni.example", "https://exams.uni.example:8443/start", True),
        ("https://uni.example", "https://login.example/start", True),
        ("https://uni.example", "https://uni.example.evil.example/start", False),
        ("https://uni.example", "https://evil.example/?https://uni.example", False),
        ("https://blackboard.com", "https://learn.school.example/start", True),
        ("https://blackboard.com", "http://localhost/start", False),
    ],
)
def test_an_assessment_is_at_its_platforms_own_hosts(issuer: str, address: str, own: bool) -> None:
    registration = Registration("r-1", "LMS", issuer, "tool-1", "https://login.example/a", "https://login.example/t", "https://login.example/k")
    assert is_of_platform(registration, address) is own


def test_a_message_is_good_once_and_a_stranger_ends_nothing(app: Flask, parts: Parts, server: Proctored, exam: str) -> None:
    sitting = sit(app, server).begin()
    browser = browser_of(app)
    state, nonce = begin(browser, server)
    token = server.token(nonce, **server.ends(sub="u-2"))
    assert "none of that attempt was begun here" in said(post(browser, state=state, id_token=token))
    assert "used already" in said(post(browser, state=state, id_token=token))
    for claims in ({"number": 2}, {"deployment_id": "2"}, {"resource_link": {"id": "l-2"}}):
        assert launch(app, server, **server.ends(**claims)).status_code == 403, claims
    assert sitting.session.is_running
    end = parts.lti_attempts.of_session(sitting.session_id)
    assert end is not None
    assert end.ended_at is None


def test_a_later_attempt_ends_the_one_before_and_an_earlier_one_is_not_taken(app: Flask, parts: Parts, server: Proctored, exam: str) -> None:
    first = sit(app, server)
    assert sit(app, server, "1").session_id == first.session_id, "the same attempt, launched again, by another way of writing its number"
    first.begin()
    second = sit(app, server, 2)
    assert second.session_id != first.session_id
    assert parts.monitor.get(first.session_id) is None
    assert "Another attempt of yours" in said(launch(app, server, **server.begins(1)))
    assert launch(app, server, **server.ends(1)).status_code == 303, "the end of the first comes late"
    assert second.session.is_running
    claims = server.started(app, second.begin().open())
    assert (claims[f"{PROCTORING}attempt_number"], claims[f"{PROCTORING}session_data"]) == (2, "opaque.2.<&>")
    assert launch(app, server, **server.ends(2)).status_code == 303
    assert parts.monitor.active() == []
    third = sit(app, server, 3)
    assert third.session_id not in (first.session_id, second.session_id)


@pytest.mark.parametrize(("number", "meanwhile"), [(1, 2), (2, 1)])
def test_attempts_launched_in_the_same_moment_share_no_session(
    app: Flask, parts: Parts, server: Proctored, exam: str, number: int, meanwhile: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, came = parts.lti_attempts.keep, Event()

    def once_another_came(attempt: Attempt) -> bool:
        if not came.is_set():
            came.set()
            with ThreadPoolExecutor(1) as pool:
                assert pool.submit(launch, app, server, **server.begins(meanwhile)).result().status_code == 303
        return keep(attempt)

    monkeypatch.setattr(parts.lti_attempts, "keep", once_another_came)
    answer = launch(app, server, **server.begins(number))
    assert (answer.status_code == 303) is (number == 2), said(answer)
    (session,) = parts.monitor.active()
    rows = {row["nth"]: row["session_id"] for row in parts.database.collection("lti_attempts").find()}
    assert (rows.pop(2), session.session_id in rows.values()) == (session.session_id, False), "the later one has it alone"


def test_an_end_that_could_be_of_two_exams_ends_neither(app: Flask, parts: Parts, server: Proctored, exam: str) -> None:
    link = {"id": "l-2", "title": "Other"}
    linked(app, server, resource_link=link)
    one, other = sit(app, server).begin(), sit(app, server, resource_link=link).begin()
    assert "does not say which" in said(launch(app, server, **server.ends()))
    parts.monitor.end_session(other.session_id, End("student"))
    assert parts.database.flush(10)
    assert launch(app, server, **server.ends()).status_code == 303, "only one goes on"
    assert parts.monitor.get(one.session_id) is None
    assert launch(app, server, **server.ends(resource_link=link)).status_code == 303, "the other's comes late"


def test_who_takes_an_exam_goes_on_in_it_where_the_link_leads_to_another_now(app: Flask, parts: Parts, server: Proctored, exam: str) -> None:
    other = linked(app, server, resource_link={"id": "l-2", "title": "Other"})
    sitting = sit(app, server).begin()
    assert sit(app, server, custom={"exam_id": parts.exams.by_key(other).exam_id}).session_id == sitting.session_id
    assert parts.monitor.active() == [sitting.session]


def test_an_end_is_told_only_once_recording_has_stopped(app: Flask, parts: Parts, server: Proctored, exam: str) -> None:
    sitting = sit(app, server).begin()
    address, session = sitting.shown()["exam_url"], sitting.session
    parts.monitor.remove(sitting.session_id)  # as of a server that has just started
    assert (sitting.open(address).status_code, sitting.open(address).text.count("lti-waits.js")) == (202, 1)
    answer = launch(app, server, sitting.browser, **server.ends())
    assert answer.status_code == 303
    early = sitting.browser.get(answer.headers["Location"], base_url=HERE)
    assert (early.status_code, "lti-waits.js" in early.text, "has stopped" in said(early)) == (202, True, False)
    parts.monitor.add(session)  # it was taken up
    over = sitting.browser.get(answer.headers["Location"], base_url=HERE)
    assert (over.status_code, "has stopped" in said(over), session.is_running) == (200, True, False)


def test_what_was_over_elsewhere_ends_when_it_is_launched_again(app: Flask, parts: Parts, server: Proctored, exam: str) -> None:
    sitting = sit(app, server).begin()
    session, attempt = sitting.session, parts.lti_attempts.of_session(sitting.session_id)
    assert attempt is not None
    parts.lti_attempts.ended(attempt, "", "")  # by a launch that came to another server, and a page that did not follow
    assert "has ended here already" in said(launch(app, server, **server.begins()))
    assert not session.is_running


def test_a_page_that_fails_for_a_moment_asks_again(app: Flask, parts: Parts, server: Proctored, exam: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sitting = sit(app, server).begin()
    address = sitting.shown()["exam_url"]

    def away(_session_id: str) -> None:
        raise StorageError("The database is away.")

    monkeypatch.setattr(parts.lti_attempts, "of_session", away)
    page = sitting.open(address)
    assert (page.status_code, "lti-waits.js" in page.text, "tries again by itself" in said(page)) == (503, True, True)
    assert int(page.headers["Retry-After"]) > 0


def test_which_exam_is_meant(app: Flask, parts: Parts, server: Proctored, exam: str) -> None:
    other = linked(app, server, resource_link={"id": "l-2", "title": "Other"})
    exam_id = parts.exams.by_key(other).exam_id
    assert f"exam={other}&" in sit(app, server, custom={"exam_id": exam_id}).page
    assert f"exam={other}&" in sit(app, server, sub="u-2", proctoring_settings={"data": exam_id}).page
    assert f"exam={exam}&" in sit(app, server, sub="u-3", proctoring_settings={"data": "no id of ours"}).page


def test_a_platform_that_sends_students_alone_has_an_exam_once_an_administrator_lets_it(app: Flask, parts: Parts, server: Proctored) -> None:
    chief, tess = administrator(app), someone(app, "tess", "teacher")
    whole = ExamDefinition(exam_id="whole", title="Whole", teachers=[tess.account.id])
    made = parts.exams.set_state(parts.exams.make(whole, "a test").key, "open", by="a test")
    parts.people.exams_changed()
    (platform,), path = parts.lti.registrations.all(), f"/api/exams/{made.key}/courses"
    wanted = {"platform": platform.registration_id}
    named: dict[str, Any] = {"custom": {"exam_id": "whole"}}
    assert "no exam 'whole' here" in said(launch(app, server, **server.begins(**named)))

    seen = tess.get(path).get_json()
    assert (seen["courses"], seen["any_registered"], seen["platforms"]) == ([], True, []), "which there are is administrators' to know"
    assert tess.post(path, **wanted).status_code == 403
    first = chief.post(path, json=wanted).get_json()
    assert first["platforms"] == [{"registration_id": platform.registration_id, "name": "Moodle", "issuer": server.issuer}]
    assert [(one["course"], one["platform"], one["whole_platform"]) for one in first["courses"]] == [(platform.registration_id, "Moodle", True)]
    assert chief.post(path, json=wanted).get_json() == first
    assert parts.database.flush(10)
    assert [act["exam_id"] for act in parts.database.audit_entries() if act["what"] == "lti: platform linked"] == ["whole"]

    sitting = sit(app, server, **named)
    assert f"exam={made.key}&" in sitting.page
    server.started(app, sitting.begin().open())
    assert launch(app, server, sub="t-1", roles=[INSTRUCTOR], **named).status_code == 403, "nobody there teaches it"
    assert tess.client.delete(f"{path}/{platform.registration_id}").status_code == 200
    assert launch(app, server, **server.begins(sub="u-2", **named)).status_code == 403
    assert [row.name for row in parts.rosters.rows(made.key)] == ["Ann Lee"]


def test_which_platforms_an_exam_is_not_let_to(app: Flask, parts: Parts, server: Proctored, monkeypatch: pytest.MonkeyPatch) -> None:
    chief = administrator(app)
    paths = [f"/api/exams/{parts.exams.make(ExamDefinition(exam_id=one, title=one), 'a test').key}/courses" for one in ("one", "two")]
    edx, _secret = parts.openedx.installations.add("Open edX", server.issuer, "proctor", "there", by="a test")
    (platform,) = parts.lti.registrations.all()
    for given, status in (("nobody", 404), (edx.id, 409), ("a b", 422), (["x"], 422)):
        assert error_of(chief.post(paths[0], json={"platform": given}), status)["field"] == "platform"
    wanted = {"platform": platform.registration_id}
    with monkeypatch.context() as full:
        full.setattr(lti_links, "EXAMS_OF_PLATFORM_MAX", 1)
        assert [chief.post(path, json=wanted).status_code for path in (paths[0], paths[0], paths[1])] == [200, 200, 409]
    parts.lti.registrations.change(platform.registration_id, enabled=False)
    assert error_of(chief.post(paths[1], json=wanted), 409)["field"] == "platform"
    assert chief.get(paths[1]).get_json()["platforms"] == []


def test_who_teaches_and_tries_the_exam_goes_on_teaching(app: Flask, parts: Parts, server: Proctored, exam: str) -> None:
    sit(app, server, sub="t-1", name="Tess")
    known = parts.lti.people.by_user_id(next(session.user_id for session in parts.monitor.active()))
    assert known is not None
    assert [role for role, _until in known.courses.values()] == ["teacher"]
