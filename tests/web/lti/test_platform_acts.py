"""What people ask of the platform that has a session proctored: sent on a person's word only, in order, and again where it is away."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import wait
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from basics.times import utc_now
from records.outbox import Outbox
from records.platform_acts import ACTS_MAX, PlatformActs
from tests.helpers.lti import HERE, INSTRUCTOR, launch, on_loopback
from tests.helpers.lti_proctoring import CONTROL, SCOPE, Proctored, sit, taken
from tests.helpers.people import administrator, someone
from tests.helpers.waiting import until
from tests.helpers.web import API_TOKEN, PASSWORD, MakeApp, error_of, local_client
from web.integrations.lti.act_sender import FAILED_MAX, ActSender
from web.operator.health import part_states
from web.parts import parts_of


class Clock:
    """A time that only the test moves."""

    def __init__(self) -> None:
        self.began, self.ahead = utc_now().replace(microsecond=0), timedelta()

    def __call__(self) -> datetime:
        return self.began + self.ahead


class Desk:
    """A proctor at a session's page, and what sends."""

    def __init__(self, app: Flask, platform: Proctored) -> None:
        self.app, self.parts, self.platform, self.clock = app, parts_of(app), platform, Clock()
        parts, tool = self.parts, self.parts.lti
        self.outbox = outbox = Outbox(parts.database, self.clock)
        parts.platform_acts = PlatformActs(parts.database, outbox, self.clock)
        self.sender = parts.act_sender = ActSender(
            parts.platform_acts, outbox, tool.registrations, parts.lti_attempts, parts.platforms, now=self.clock
        )
        opened = launch(app, platform, sub="t-1", roles=[INSTRUCTOR])
        parts.exams.set_state(opened.headers["Location"].rpartition("/exams/")[2], "open", by="a test")
        self.sitting = sit(app, platform)
        self.path = f"/api/session/{self.sitting.session_id}/platform"
        self.client: FlaskClient = administrator(app)

    def ask(self, action: str, **more: Any) -> dict[str, Any]:
        answer = self.client.post(self.path, json={"action": action, **more})
        assert answer.status_code == 200, answer.text
        return dict(answer.get_json()["act"])

    def send(self, later: float = 0.0) -> list[str]:
        """Send what is due so many seconds later, until nothing more is; the acts that came there, in their order."""
        self.clock.ahead += timedelta(seconds=later)
        before = len(self.platform.controls)
        while begun := self.sender.turn():
            wait(begun)
        return [one["action"] for one in self.platform.controls[before:]]

    def acts(self) -> list[dict[str, Any]]:
        """As its page shows them, oldest first."""
        answer = self.client.get(self.path)
        assert answer.status_code == 200, answer.text
        return list(reversed(answer.get_json()["acts"]))

    def take(self) -> dict[str, Any]:
        """What another server takes to send it."""
        (platform,) = self.parts.platform_acts.platforms()
        (row,) = self.outbox.due(platform, 1)
        return row

    def newest(self) -> tuple[str, str, int | None]:
        act = self.acts()[-1]
        return act["state"], act["why"], act["status"]


@pytest.fixture(scope="module")
def server() -> Iterator[Proctored]:
    with on_loopback(Proctored) as found:
        yield found


@pytest.fixture
def desk(make_app: MakeApp, server: Proctored) -> Iterator[Desk]:
    server.controls, server.scopes, server.control, server.takes = [], [], taken, CONTROL
    server.tokens, server.says_how_long = 1000, True
    app = make_app(proctor_password=PASSWORD, api_token=API_TOKEN, public_url=HERE, lti_private_hosts="127.0.0.1")
    server.register(app)
    made = Desk(app, server)
    yield made
    made.sender.stop()


def test_each_act_goes_out_in_its_order_as_the_service_takes_it(desk: Desk) -> None:
    shown = desk.client.get(desk.path).get_json()
    assert (shown["platform"], shown["attempt"], shown["actions"]) == ("Moodle", 1, ["flag", "pause", "resume", "terminate", "update"])
    assert f'data-platform="{desk.sitting.session_id}"' in desk.client.get(f"/session/{desk.sitting.session_id}").text
    desk.ask("flag", severity=0.5, reason="Somebody else is in the room", by="Ada")
    desk.ask("pause")
    desk.ask("resume")
    desk.ask("update", extra_min=10)
    desk.ask("terminate", severity=1, reason_code="25")
    assert desk.platform.controls == [], "never in the person's own call"
    assert desk.send() == ["flag", "pause", "resume", "update", "terminate"]
    flag, _pause, _resume, update, terminate = desk.platform.controls
    assert flag["user"] == {"iss": desk.platform.issuer, "sub": "u-1"}
    assert (flag["resource_link"], flag["attempt_number"], flag["incident_severity"]) == ({"id": "l-1"}, 1, "0.50")
    assert (flag["reason_msg"], flag["incident_time"][-1]) == ("Somebody else is in the room", "Z")
    assert (update["extra_time"], terminate["reason_code"]) == (10, "25")
    assert "control.all" in desk.platform.scopes[0].replace("%2F", "/")
    assert len(desk.platform.scopes) == 1, "one token"
    assert SCOPE.rpartition("/")[2] == "control.all"
    assert [(one["state"], one["attempt_state"], one["extra_min"]) for one in desk.acts()] == [
        ("taken", "running", None), ("taken", "paused", None), ("taken", "running", None), ("taken", "running", 10), ("taken", "terminated", None),
    ]  # fmt: skip
    kept = desk.parts.database.collection("outbox")
    assert kept.count_documents({"expires_at": {"$exists": True}}) == 0, "they go with their session, and not before"
    assert desk.parts.database.flush(10)
    noted = [entry for entry in desk.parts.database.audit_entries() if entry["what"] == "platform: asked"]
    assert sorted(entry["action"] for entry in noted) == ["flag", "pause", "resume", "terminate", "update"]


def test_while_it_is_away_acts_wait_in_their_order_and_what_was_meant_for_the_moment_is_not_sent_later(desk: Desk) -> None:
    desk.platform.control = lambda _act: (503, "text/html", b"<h1>Down</h1>")
    desk.ask("flag")
    desk.ask("pause")
    assert desk.send() == ["flag"], "the second waits for the first"
    assert (desk.sender.health()["state"], desk.sender.health()["waiting"]) == ("ok", 2)
    assert [(one["state"], one["why"], one["tries"]) for one in desk.acts()] == [("waiting", "away", 1), ("waiting", "", 0)]
    assert desk.send(3) == ["flag"]
    desk.platform.control = taken
    desk.clock.ahead += timedelta(minutes=16)
    desk.sender._count()
    health = part_states(desk.parts)["platforms"]
    assert (health["state"], health["waiting"], "16 min" in str(health["reason"]), health["failed"]) == ("degraded", 2, True, 2)
    assert {one.name: one.value for one in desk.sender.figures()}["platform_acts_waiting"] == 2
    desk.sender._is_mine = lambda: False
    assert (desk.sender.turn(), desk.sender.health()) == ([], health), "another server sends"
    desk.sender._is_mine = lambda: True
    assert desk.send() == ["flag"], "a quarter of an hour later"
    assert [(one["state"], one["why"], one["tries"]) for one in desk.acts()] == [("taken", "", 3), ("not_taken", "late", 0)]
    desk.platform.control = lambda _act: (503, "text/plain", b"")
    desk.ask("flag")
    desk.send()
    desk.send(3 * 86_400)
    assert desk.newest()[:2] == ("not_taken", "late")


def test_what_a_platform_answers_is_shown_and_a_web_page_is_no_answer(desk: Desk) -> None:
    desk.platform.control = lambda _act: (200, "text/html", b"<!doctype html><title>Sign in</title>")
    desk.ask("flag")
    assert desk.send() == ["flag"]
    assert desk.newest() == ("not_taken", "page", 200)
    assert desk.send(60) == [], "whether it was taken is for a person to look"
    desk.platform.takes = "application/json"
    desk.platform.control = lambda _act: (200, "application/json", b'"Flagged by \\u202e the tool"')  # as Open edX takes it, and answers
    desk.ask("flag")
    desk.send()
    assert desk.newest() == ("taken", "", 200)
    assert desk.acts()[-1]["said"] == "Flagged by the tool"
    desk.platform.control = lambda _act: (400, CONTROL, b'{"error": "no reason_code", "status": "nonsense", "extra_time": true}')
    desk.ask("terminate")
    desk.send()
    assert desk.newest() == ("not_taken", "refused", 400)
    assert (desk.acts()[-1]["said"], desk.acts()[-1]["attempt_state"]) == ("no reason_code", None)
    desk.platform.control = lambda _act: (500, "text/plain", b"")
    desk.ask("flag")
    tries = sum(len(desk.send(later)) for later in (0, 10, 100, 1000))
    assert (tries, desk.newest()) == (FAILED_MAX, ("not_taken", "refused", 500)), "what waits behind it is not to wait for days"


def test_more_time_is_not_given_twice(desk: Desk) -> None:
    desk.platform.control = lambda _act: (503, "text/plain", b"")
    desk.ask("update", extra_min=5)
    assert desk.send() == ["update"]
    assert desk.send(60) == []
    assert desk.newest()[:2] == ("not_taken", "refused")
    act = desk.ask("update", extra_min=5)
    row = desk.take()
    assert (row["_id"], desk.parts.platform_acts.sends(row)) == (act["id"], "first")  # and then its server died
    assert desk.send() == []
    assert desk.send(61) == []
    assert desk.newest()[:2] == ("not_taken", "unsure")
    desk.ask("resume", extra_min=5)
    assert desk.send() == ["resume"]
    assert desk.send(60) == []
    assert desk.newest()[:2] == ("not_taken", "refused")


def test_what_surely_was_not_taken_is_told_apart_from_what_may_have_been(desk: Desk) -> None:
    desk.platform.control, desk.platform.tokens = (lambda _act: (401, "application/json", b"{}")), 1  # nor does it give another token
    desk.ask("update", extra_min=5)
    assert desk.send() == ["update"]
    assert desk.newest()[:2] == ("waiting", "away")
    desk.platform.control, desk.platform.tokens = taken, 1000
    assert desk.send(3) == ["update"]
    assert desk.newest() == ("taken", "", 200)

    desk.platform.control = lambda _act: (504, "text/html", b"")
    desk.ask("update", extra_min=5)
    assert desk.send() == ["update"]
    assert (desk.newest(), desk.send(60)) == (("not_taken", "unsure", 504), [])
    desk.ask("pause")
    assert desk.send() == ["pause"]
    desk.platform.control = lambda _act: (503, "text/html", b"")
    assert desk.send(3) == ["pause"]
    assert desk.send(3600) == []
    assert desk.newest()[:2] == ("not_taken", "unsure"), "the first try may have been taken"
    desk.platform.control = lambda _act: (504, "text/html", b"")
    waits = desk.ask("flag")
    desk.send()
    assert desk.client.delete(f"{desk.path}/{waits['id']}").status_code == 200
    assert desk.newest()[:2] == ("not_taken", "unsure"), "withdrawn, and perhaps there"


def test_an_act_asks_for_one_token_where_the_platform_does_not_say_how_long_it_is_good(desk: Desk) -> None:
    desk.platform.says_how_long, desk.platform.tokens = False, 1
    desk.ask("update", extra_min=5)
    assert desk.send() == ["update"]
    assert (desk.newest()[0], len(desk.platform.scopes)) == ("taken", 1)


def test_an_act_is_one_servers_for_as_long_as_it_may_take_to_send_it(desk: Desk) -> None:
    others: list[list[dict[str, Any]]] = []

    def slowly(act: dict[str, Any]) -> tuple[int, str, bytes]:
        desk.clock.ahead += timedelta(seconds=150)
        others.append([row for platform in desk.parts.platform_acts.platforms() for row in desk.outbox.due(platform, 5)])
        return taken(act)

    desk.platform.control = slowly
    desk.ask("pause")
    desk.ask("resume")
    assert desk.send() == ["pause", "resume"]
    assert others == [[], []], "a second server would have it twice, or in another order"


def test_a_platforms_own_errors_are_counted_apart_from_its_absence(desk: Desk) -> None:
    answers = [503, 503, 500]
    desk.platform.control = lambda act: (answers.pop(0), "text/plain", b"") if answers else taken(act)
    desk.ask("flag")
    assert sum(len(desk.send(later)) for later in (0, 10, 100, 1000)) == 4
    assert desk.newest()[:2] == ("taken", "")


def test_nothing_is_sent_that_the_platform_does_not_take_or_that_no_person_asks(desk: Desk, student: str) -> None:
    for body in ({"action": "update"}, {"action": "flag", "extra_min": 3}, {"action": "flag", "severity": 2}, {"action": "erase"}):
        assert desk.client.post(desk.path, json=body).status_code == 422, body
    token = {"Authorization": f"Bearer {API_TOKEN}"}
    assert "Only a person" in error_of(desk.app.test_client().post(desk.path, json={"action": "flag"}, headers=token), 403)["message"]
    acs = {"assessment_control_url": f"{desk.platform.issuer}/control", "actions": ["flagRequest", "nonsense", 3]}
    desk.sitting = sit(desk.app, desk.platform, acs=acs)
    assert error_of(desk.client.post(desk.path, json={"action": "terminate"}), 409)["field"] == "action"
    desk.ask("flag")
    assert desk.send() == ["flag"]
    for elsewhere in ("https://elsewhere.example/control", "nonsense"):
        sit(desk.app, desk.platform, acs={"assessment_control_url": elsewhere, "actions": ["flag"]})
        assert desk.client.get(desk.path).get_json()["actions"] == []
    other = desk.client.post("/api/session/create", json={"user_id": student, "exam_id": "plain", "source": "browser"}).get_json()["session_id"]
    assert desk.client.get(f"/api/session/{other}/platform").get_json()["platform"] == ""
    assert "data-platform" not in desk.client.get(f"/session/{other}").text
    assert error_of(desk.client.post(f"/api/session/{other}/platform", json={"action": "flag"}), 409)["field"] == "action"
    auditor = someone(desk.app, f"{student}@uni.example", "auditor")
    assert auditor.post(desk.path, action="flag").status_code == 403


def test_a_script_on_this_machine_is_no_person_unless_it_says_whose_word_it_brings(make_app: MakeApp, student: str) -> None:
    app = make_app()
    local, script, browser = parts_of(app).access.local, local_client(app), local_client(app)
    assert local is not None
    created = script.post("/api/session/create", json={"user_id": student, "exam_id": "plain", "source": "browser"})
    path, act = f"/api/session/{created.get_json()['session_id']}/platform", {"action": "flag"}
    token, firefox = {"Authorization": f"Bearer {local.token}"}, {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
    nothing: dict[str, str] = {}
    for headers in (nothing, token, firefox | token):
        for answer in (script.post(path, json=act, headers=headers), script.delete(f"{path}/an-act", headers=headers)):
            assert error_of(answer, 403)["field"] == "by"
    assert browser.get(f"/?local={local.token}", headers=firefox).status_code == 303
    for client, headers, by in ((script, nothing, {"by": "Ada"}), (script, token, {"by": "Ada"}), (browser, firefox, nothing)):
        assert error_of(client.post(path, json={**act, **by}, headers=headers), 409)["field"] == "action", "a person, and no platform"
        assert error_of(client.delete(f"{path}/an-act", query_string=by, headers=headers), 404)["field"] == "act_id"


def test_what_waits_can_be_withdrawn_and_names_no_platform_that_is_gone(desk: Desk) -> None:
    parts = desk.parts
    desk.platform.control = lambda _act: (503, "text/plain", b"")
    fresh = desk.ask("flag")
    assert desk.client.delete(f"{desk.path}/{fresh['id']}?by=Somebody").status_code == 200, "before it was ever tried"
    assert parts.database.flush(10)
    (noted,) = [entry for entry in parts.database.audit_entries() if entry["what"] == "platform: withdrawn"]
    assert noted["who"] == "Somebody"
    first, second = desk.ask("flag"), desk.ask("pause")
    platform = parts.platform_acts.platforms()[0]
    assert len(Outbox(parts.database, desk.clock).due(platform, 1)) == 1
    assert error_of(desk.client.delete(f"{desk.path}/{first['id']}"), 409)["message"].startswith("This is being sent")
    desk.send(61)
    assert desk.client.delete(f"{desk.path}/{first['id']}").status_code == 200
    desk.platform.control = taken
    assert desk.send(1) == ["pause"]
    told = [(one["state"], one["why"], one["tries"]) for one in desk.acts()]
    assert told == [("not_taken", "withdrawn", 0), ("not_taken", "withdrawn", 1), ("taken", "", 1)]
    assert desk.client.delete(f"{desk.path}/{second['id']}").status_code == 409
    assert desk.client.delete(f"{desk.path}/nonsense").status_code == 404
    third = desk.ask("flag")
    assert desk.client.delete(f"{desk.path}/{third['id']}").status_code == 200, "before it was tried"
    fourth = desk.ask("flag")
    row = desk.take()
    assert "being sent" in error_of(desk.client.delete(f"{desk.path}/{fourth['id']}"), 409)["message"]
    desk.clock.ahead += timedelta(minutes=5)  # who had it in hand is away
    assert desk.client.delete(f"{desk.path}/{fourth['id']}").status_code == 200
    assert parts.platform_acts.sends(row) == "not", "nor does that one send it, should it come back"
    assert desk.send() == []


def test_acts_go_to_no_platform_that_is_gone_or_elsewhere_now(desk: Desk) -> None:
    parts = desk.parts
    attempts = parts.database.collection("lti_attempts")
    attempts.update_one({"session_id": desk.sitting.session_id}, {"$set": {"acts": ACTS_MAX}})
    assert desk.client.post(desk.path, json={"action": "flag"}).status_code == 409
    (found,) = parts.lti.registrations.all()
    attempts.update_one({"session_id": desk.sitting.session_id}, {"$set": {"acts": 5}})
    desk.ask("flag")
    there = {name: f"https://other.example/{name}" for name in ("auth_login_url", "auth_token_url", "key_set_url")}
    parts.lti.registrations.change(found.registration_id, issuer="https://other.example", **there)
    assert desk.send() == []
    assert desk.newest()[:2] == ("not_taken", "off"), "its address is not that platform's any more"
    desk.ask("flag")
    parts.lti.registrations.remove(found.registration_id)
    assert desk.sender._work() > 0, "though no platform is registered any more"
    until(lambda: desk.newest()[:2] == ("not_taken", "gone"))
    assert "not registered any more" in desk.client.get(desk.path).get_json()["platform"]
    attempts.update_one({"session_id": desk.sitting.session_id}, {"$set": {"session_id": "0" * 32}})  # it goes on in a session of its own
    assert "data-platform" in desk.client.get(f"/session/{desk.sitting.session_id}").text
