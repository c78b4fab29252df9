"""Letters to students: sent through a real SMTP server on this machine, kept over an outage of it, and told where they can't be sent."""

from __future__ import annotations

import email
import email.policy
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from flask.testing import FlaskClient

from basics.errors import ConfigError
from basics.times import utc_now
from tests.helpers.web import MakeApp, error_of, local_client, settings_for
from web.parts import parts_of

TEXT = "Dear {name},\nyour exam {exam} opens {opens}.\n{link}\nCode: {code}\n"


class Box:
    """What came by post. `refuse` maps addresses to the server's answer."""

    def __init__(self) -> None:
        self.letters: list[Any] = []
        self.refuse: dict[str, str] = {}

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.letters.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def box() -> Box:
    return Box()


def server_of(box: Box, port: int) -> Controller:
    """An SMTP server that is not started."""
    return Controller(box, hostname="127.0.0.1", port=port, ready_timeout=60)  # it would give up after five seconds


@pytest.fixture
def post(box: Box, port: int) -> Iterator[Controller]:
    """The SMTP server."""
    controller = server_of(box, port)
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture
def mailing(make_app: MakeApp, port: int) -> FlaskClient:
    settings = {"smtp_url": f"smtp://127.0.0.1:{port}", "mail_from": "exams@uni.example", "mail_per_min": 6000}
    return local_client(make_app(**settings))


def exam_with(client: FlaskClient, student: str, text: str) -> str:
    more = {"opens": "2990-06-01T09:00", "time_zone": "Europe/Berlin"}
    key: str = client.post("/api/exams", json={"exam_id": f"mail-{student}", "title": "Algebra", **more}).get_json()["exam"]["exam_key"]
    assert client.post(f"/api/exams/{key}/roster", json={"text": text}).status_code == 200
    return key


def send(client: FlaskClient, key: str, **more: Any) -> Any:
    return client.post(f"/api/exams/{key}/roster/mail", json={"subject": "Your exam {exam}", "text": TEXT, **more})


def students(client: FlaskClient, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(f"/api/exams/{key}/roster").get_json()["students"]
    return found


@pytest.mark.usefixtures("post")
def test_each_student_gets_their_own_link_and_a_refused_address_is_told(mailing: FlaskClient, box: Box, student: str) -> None:
    box.refuse = {"gone@uni.example": "550 no such user"}
    key = exam_with(mailing, student, f"id,name,e-mail\n{student},Änne {{code}},a@uni.example\n{student}-b,Bo,gone@uni.example\n{student}-c,Cy,\n")
    assert send(mailing, key).get_json() == {"success": True, "queued": 2, "without_address": 1}
    assert [one["mail"] for one in students(mailing, key)] == ["queued", "queued", ""]
    mailer = parts_of(mailing.application).mailer
    mailer.send_due()
    (letter,) = box.letters
    assert (letter["To"], letter["From"], letter["Subject"]) == ("a@uni.example", "exams@uni.example", "Your exam Algebra")
    body = letter.get_content()
    assert "Dear Änne {code}," in body
    assert "2990-06-01 09:00 (Europe/Berlin)" in body
    entered = mailing.post("/api/student/enter", json={"link": body.partition("#r=")[2].split()[0]}).get_json()
    assert entered["user_id"] == student
    found = students(mailing, key)
    assert [(one["mail"], one["mail_error"]) for one in found[:2]] == [("sent", ""), ("failed", "550 no such user")]
    assert found[0]["invited_at"]
    assert mailer.health()["failed"] == 1
    assert send(mailing, key, only_new=True).get_json()["queued"] == 1


def test_letters_wait_while_the_mail_server_is_away(mailing: FlaskClient, box: Box, port: int, student: str) -> None:
    key = exam_with(mailing, student, f"id,e-mail\n{student},a@uni.example\n")
    send(mailing, key)
    parts = parts_of(mailing.application)
    parts.mailer.send_due()
    assert (parts.mailer.health()["state"], parts.mailer.health()["waiting"] > 0) == ("degraded", True)
    assert students(mailing, key)[0]["mail"] == "queued"
    post = server_of(box, port)
    post.start()
    try:
        parts.mailer.send_due()
        assert box.letters == []  # not before it is due again
        parts.database.collection("letters").update_many({"exam_key": key}, {"$set": {"due_at": utc_now() - timedelta(seconds=1)}})
        parts.mailer.send_due()
    finally:
        post.stop()
    assert [letter["To"] for letter in box.letters] == ["a@uni.example"]
    assert students(mailing, key)[0]["mail"] == "sent"
    assert parts.mailer.health()["state"] == "ok"


@pytest.mark.usefixtures("post")
def test_a_letter_whose_link_was_renewed_meanwhile_is_not_sent(mailing: FlaskClient, box: Box, student: str) -> None:
    key = exam_with(mailing, student, f"id,e-mail\n{student},a@uni.example\n")
    send(mailing, key)
    mailing.post(f"/api/exams/{key}/roster/links", json={"action": "renew"})
    parts_of(mailing.application).mailer.send_due()
    assert box.letters == []
    assert students(mailing, key)[0]["mail"] == ""


@pytest.mark.parametrize(("subject", "text", "field"), [("{link}", "{link}", "subject"), ("Exam", "Come", "text"), ("Exam", "{link} {mark}", "text")])
def test_a_letter_by_which_nobody_could_enter_is_refused(mailing: FlaskClient, student: str, subject: str, text: str, field: str) -> None:
    key = exam_with(mailing, student, f"{student}\n")
    error = error_of(mailing.post(f"/api/exams/{key}/roster/mail", json={"subject": subject, "text": text}), 422)
    assert error["field"] == field


def test_without_a_mail_server_it_is_said(client: FlaskClient, student: str) -> None:
    key = exam_with(client, student, f"{student}\n")
    assert "SMTP_URL" in error_of(send(client, key), 409)["message"]


@pytest.mark.parametrize("url", ["http://mail.example", "smtp://", "smtp://mail.example:99999"])
def test_what_is_no_mail_server_is_refused_at_the_start(tmp_path: Any, url: str) -> None:
    with pytest.raises(ConfigError, match="SMTP_URL"):
        settings_for(tmp_path, smtp_url=url, mail_from="a@b.example")


@pytest.mark.usefixtures("post")
def test_two_servers_that_would_send_each_letter_send_it_once(mailing: FlaskClient, make_app: MakeApp, box: Box, port: int, student: str) -> None:
    settings = {"smtp_url": f"smtp://127.0.0.1:{port}", "mail_from": "exams@uni.example", "mail_per_min": 6000}
    mailers = [parts_of(app).mailer for app in (mailing.application, make_app(**settings))]
    key = exam_with(mailing, student, "id,e-mail\n" + "".join(f"{student}-{number},{number}@uni.example\n" for number in range(12)))
    send(mailing, key)
    threads = [threading.Thread(target=mailer.send_due) for mailer in mailers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(letter["To"] for letter in box.letters) == sorted(f"{number}@uni.example" for number in range(12))
    assert {one["mail"] for one in students(mailing, key)} == {"sent"}
    assert len({letter["Message-ID"] for letter in box.letters}) == 12


@pytest.mark.usefixtures("post")
def test_a_letter_whose_server_died_while_it_sent_it_is_sent_again_under_its_name(mailing: FlaskClient, box: Box, student: str) -> None:
    key = exam_with(mailing, student, f"id,e-mail\n{student},a@uni.example\n")
    send(mailing, key)
    parts = parts_of(mailing.application)
    (letter,) = parts.mailer.letters.due(10)
    assert parts.mailer.letters.claim(letter) is not None
    assert parts.mailer.letters.claim(letter) is None
    parts.mailer.send_due()
    assert box.letters == []
    parts.database.collection("letters").update_many({"exam_key": key}, {"$set": {"due_at": utc_now() - timedelta(seconds=1)}})
    parts.mailer.is_mine = lambda: False
    parts.mailer.send_due()
    assert box.letters == []  # another server's to send
    parts.mailer.is_mine = lambda: True
    parts.mailer.send_due()
    assert [one["Message-ID"] for one in box.letters] == [f"<{letter.name}@uni.example>"]
