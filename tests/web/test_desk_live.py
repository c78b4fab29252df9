"""The proctor's desk and the student's page on the real server: messages, breaks, live sound, stills of the screen."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

from bench.harness.server import Server
from bench.harness.student import Footage, StudentClient, page_ms
from bench.harness.viewer import Viewer
from tests.helpers.exams import QUICK, footage, student
from tests.helpers.waiting import until
from web.student.protocol import Media, pack_media

PATIENCE_S = 60.0  # of somebody who waits for an answer


@pytest.fixture(scope="module", params=["threading", "eventlet"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, in_mongod: Callable[[], dict[str, str]]) -> Iterator[Server]:
    settings = QUICK | in_mongod() | {"SOCKETIO_ASYNC_MODE": request.param, "SCREEN_CAPTURE": "optional"}
    with Server(tmp_path_factory.mktemp(f"desk-{request.param}"), settings) as running:
        yield running
        print("".join(running.output))  # shown where a test failed


@pytest.fixture(scope="module")
def show() -> Footage:
    """Media of five seconds."""
    return footage(5)


def of_type(client: StudentClient, kind: str) -> list[dict[str, Any]]:
    return [message for message in client.messages if message["type"] == kind]


def post(server: Server, session_id: str, call: str, **body: Any) -> requests.Response:
    return requests.post(f"{server.url}/api/session/{session_id}/{call}", json=body, timeout=PATIENCE_S)


def as_it_comes() -> float:
    """A time of the page that can't have been: what it did then counts as done when it comes in, however its clock is known to the server."""
    return page_ms() + 60_000


def live(server: Server, session_id: str) -> dict[str, Any]:
    sessions = server.call("GET", "/api/sessions/active")["sessions"]
    found: dict[str, Any] = next(session for session in sessions if session["session_id"] == session_id)
    return found


def test_a_message_reaches_the_page_and_one_to_a_page_that_was_away_too(server: Server, show: Footage) -> None:
    session = server.create("written-to", "exam")
    early = post(server, session["session_id"], "message", text="Welcome", by="Ada")
    assert early.status_code == 409
    delivered: list[dict[str, Any]] = []
    watcher = Viewer()
    watcher.on("message_delivered", delivered.append)
    watcher.connect(server.url, transports=["websocket"])
    watcher.call("join_exam", {})
    client = StudentClient(f"{server.link_url}?token={session['token']}", show)
    client.start()
    assert client.welcomed.wait(60)
    assert post(server, session["session_id"], "message", text="Light, please", level="warning", by="Ada").status_code == 200
    until(lambda: len(of_type(client, "message")) == 2)
    sent = [one["id"] for one in of_type(client, "message")]
    assert [one["id"] for one in until(lambda: len(delivered) == 2 and delivered)] == sent, "dashboards are told when a message is on the page"
    watcher.disconnect()
    client.say({"type": "read", "id": of_type(client, "message")[0]["id"]})
    until(lambda: server.details(session["session_id"])["session"]["messages"][0]["read"])
    client.drop_connection()
    until(lambda: len(of_type(client, "message")) == 3 and client.welcomed.is_set())
    assert [(one["text"], one["level"], one["from"]) for one in of_type(client, "message")] == [
        ("Welcome", "message", "Ada"),
        ("Light, please", "warning", "Ada"),
        ("Light, please", "warning", "Ada"),  # not read yet: the page may have lost it
    ]
    assert [(one["delivered"], one["read"]) for one in server.details(session["session_id"])["session"]["messages"]] == [(True, True), (True, False)]
    client.finish()


def test_a_proctors_break_is_told_to_the_page_also_after_a_lost_connection(server: Server, show: Footage) -> None:
    client, session_id = student(server, "paused", show)
    until(lambda: live(server, session_id)["devices"].get("camera", {}).get("state") == "ok")
    begun = post(server, session_id, "break", on=True, by="Ada", reason="fire drill")
    assert begun.status_code == 200
    start = begun.json()["breaks"][-1]["start"]
    until(lambda: live(server, session_id)["elapsed_s"] > start + 0.01)  # a picture that came before it may have seemed newer
    told = until(lambda: [one for one in of_type(client, "pause") if one["paused"]])[0]
    assert (told["paused"], told["by"], told["reason"], told["seconds_left"]) == (True, "Ada", "fire drill", None)
    client.act("copy", at_ms=as_it_comes())
    client.act("paste", at_ms=as_it_comes())
    client.drop_connection()
    until(lambda: len(of_type(client, "pause")) == 3 and client.welcomed.is_set())
    until(lambda: not client.unacknowledged())
    assert post(server, session_id, "break", on=False, by="Ada").status_code == 200
    until(lambda: len(of_type(client, "pause")) == 4)
    assert [one["paused"] for one in of_type(client, "pause")] == [False, True, True, False]
    assert live(server, session_id)["total_score"] == 0
    client.act("copy", at_ms=as_it_comes())
    until(lambda: live(server, session_id)["total_score"] == 5)
    client.finish()
    details = server.details(session_id)
    assert [one["by"] for one in details["session"]["breaks"]] == ["Ada"]
    assert details["session"]["total_score"] == 5


def test_a_student_takes_the_break_that_is_allowed_and_is_told_each_time_that_none_is_left(server: Server, show: Footage) -> None:
    server.call("POST", "/api/accommodations", json={"user_id": "rests", "breaks_allowed": 1, "break_minutes": 3})
    client, _ = student(server, "rests", show)
    client.say({"type": "break", "on": True})
    told = until(lambda: [one for one in of_type(client, "pause") if one["paused"]])[0]
    assert (told["by"], told["breaks_left"]) == ("student", 0)
    assert 150 < told["seconds_left"] <= 180
    client.say({"type": "break", "on": False})
    until(lambda: len(of_type(client, "pause")) == 3)
    for _ in range(2):
        client.say({"type": "break", "on": True})
    refused = until(lambda: errors if len(errors := of_type(client, "error")) == 2 else None)
    assert {(one["about"], one["code"]) for one in refused} == {("break", "conflict")}
    client.finish()


def test_sound_is_heard_by_those_who_ask_for_it(server: Server, show: Footage) -> None:
    client, session_id = student(server, "heard", show)
    heard: list[dict[str, Any]] = []
    watcher = Viewer()
    watcher.on("sound", heard.append)
    watcher.connect(server.url, transports=["websocket"])
    assert watcher.call("join_sound", {"session_id": "0" * 32})["error"]["code"] == "not_found"
    assert watcher.call("join_sound", {"session_id": session_id}) == {"ok": True}
    until(lambda: len(heard) >= 4)
    assert watcher.call("leave_sound", {"session_id": session_id}) == {"ok": True}
    sent = {sound.samples.astype("<i2").tobytes() for sound in show.sounds}
    assert all(message["session_id"] == session_id and message["pcm"] in sent for message in heard)
    times = [message["at"] for message in heard]
    assert times == sorted(times)
    watcher.disconnect()
    client.finish()


def test_a_decision_is_told_to_the_other_dashboards(server: Server, show: Footage) -> None:
    client, session_id = student(server, "reviewed", show)
    heard: list[dict[str, Any]] = []
    seen: list[dict[str, Any]] = []
    watcher = Viewer()
    watcher.on("interval_reviewed", heard.append)
    watcher.on("flags_seen", seen.append)
    watcher.connect(server.url, transports=["websocket"])
    watcher.call("join_exam", {})
    client.acts("copy", "paste")
    queue = until(lambda: server.call("GET", "/api/review/queue?user_id=reviewed")["items"])
    body = {"decision": "confirmed", "by": "Ada"}
    server.call("POST", f"/api/review/{queue[0]['video_id']}", json=body)
    message = until(lambda: heard)[0]
    assert (message["session_id"], message["video_id"], message["review"]["by"]) == (session_id, queue[0]["video_id"], "Ada")
    assert until(lambda: seen)[0] == {"session_id": session_id, "unseen": None}
    watcher.disconnect()
    client.finish()


def screen(shade: int) -> bytes:
    data = io.BytesIO()
    Image.fromarray(np.full((120, 200, 3), shade, np.uint8)).save(data, "JPEG")
    return data.getvalue()


def test_stills_of_the_screen_are_shown_and_others_are_refused(server: Server, show: Footage) -> None:
    client, session_id = student(server, "shared", show)
    url = f"{server.url}/api/session/{session_id}/screen"
    assert requests.get(url, timeout=PATIENCE_S).status_code == 404
    client.send(pack_media(Media("still", "jpeg", 0, page_ms(), b"no picture")))
    refused = until(lambda: of_type(client, "error"))[0]
    assert refused["code"] == "invalid"
    for number, shade in enumerate((10, 200), 1):
        client.send(pack_media(Media("still", "jpeg", number, page_ms(), screen(shade))))
    until(lambda: requests.get(url, timeout=PATIENCE_S).content == screen(200))
    assert requests.get(url, timeout=PATIENCE_S).headers["Content-Type"] == "image/jpeg"
    assert live(server, session_id)["devices"]["screen"]["state"] == "ok"
    assert live(server, session_id)["screen_at"] > 0
    client.finish()
