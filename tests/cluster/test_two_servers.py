"""Two real servers on one real database: one is killed, hangs and wakes up, or drains, and the students' pages go on at the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pymongo
import pytest
import requests

from basics.paths import ROOT
from bench.harness.server import Server, ServerError
from bench.harness.student import StudentClient
from tests.helpers.exams import QUICK, WAIT_S, student
from tests.helpers.waiting import free_port, until

Pair = tuple[Server, Server]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, in_mongod: Callable[[], dict[str, str]]) -> Iterator[Pair]:
    """Servers `left` and `right`; each knows where the other is."""
    shared = QUICK | in_mongod() | {"SECRET_KEY": "a-key-that-both-of-them-have-0123456789", "DRAIN": "true"}
    with ExitStack() as running:
        made = []
        for name in ("left", "right"):
            port = str(free_port())
            own = {"INSTANCE_NAME": name, "FLASK_PORT": port, "INSTANCE_URL": f"http://127.0.0.1:{port}"}
            made.append(running.enter_context(Server(tmp_path_factory.mktemp(name), shared | own).meanwhile()))
        left, right = made
        assert left.port
        assert right.port
        yield left, right
        print("".join([*left.output, *right.output]))


def goes_to(client: StudentClient, server: Server) -> None:
    """From now on the page's way leads to this server, as where a proxy finds no other."""
    client.url = f"{server.link_url}?{client.url.partition('?')[2]}"


def instances(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.call("GET", "/api/health")["parts"]["instances"]
    return found


def over(server: Server, session_id: str) -> dict[str, Any]:
    """The session, once its end is in its record: the page waits for ten seconds, and goes."""

    def session() -> dict[str, Any]:
        found: dict[str, Any] = server.details(session_id)["session"]
        return found

    until(lambda: session()["state"] == "ended", WAIT_S, "the end is stored")
    return session()


def acknowledged(client: StudentClient, *kinds: str) -> None:
    made = {client.act(kind) for kind in kinds}
    until(lambda: made <= client.acknowledged, WAIT_S, "acts are acknowledged")


def test_a_server_is_killed_and_its_exam_goes_on_at_the_other_and_back_with_nothing_lost_or_doubled(pair: Pair) -> None:
    left, right = pair
    client, session_id = student(left, "killed")
    acknowledged(client, "copy", "paste")
    until(lambda: [one["url"] for one in instances(right)["others"] if one["name"] == "left"] == [left.url])
    until(lambda: right.details(session_id)["session"]["is_running"], WAIT_S, "a call at the wrong server goes on to the right one")
    right.call("POST", f"/api/session/{session_id}/message", json={"text": "Good luck."})
    until(lambda: "Good luck." in [message.get("text") for message in client.messages])
    until(lambda: {one["session_id"]: one["instance"] for one in right.call("GET", "/api/sessions/active")["sessions"]} == {session_id: "left"})
    until(lambda: {"event": "session_started", "session_id": session_id} in told(left), WAIT_S, "the others are told")
    left.kill()
    goes_to(client, right)
    under_way = client.act("copy")
    until(lambda: client.welcomed.is_set() and under_way in client.acknowledged, WAIT_S, "the exam goes on at the other")
    acknowledged(client, "paste")
    left.start()
    until(lambda: [one["state"] for one in instances(right)["others"] if one["name"] == "left"] == ["up"])
    assert right.details(session_id)["session"]["state"] == "running", "who comes back leaves it where it is"
    before = client.connections
    goes_to(client, left)
    client.drop_connection()
    until(lambda: client.connections > before and client.welcomed.is_set(), WAIT_S, "the exam follows its page")
    assert {"type": "moved"} in client.messages
    acknowledged(client, "copy")
    client.finish()
    assert not client.unacknowledged()
    assert not [message for message in client.messages if message["type"] in {"ended", "replaced"} and message.get("code") != "student"]
    ended = over(right, session_id)
    assert ended["end_code"] == "student"
    assert stored_acts(right, session_id) == sorted(client.sent_acts)
    assert ended["total_score"] == 5 * len(client.sent_acts)


def test_a_server_that_hangs_is_left_behind_and_lets_go_when_it_wakes_up(pair: Pair) -> None:
    left, right = pair
    client, session_id = student(left, "hung")
    acknowledged(client, "copy")
    hung = left.processes()
    for process in hung:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        goes_to(client, right)
        client.drop_connection()
        under_way = client.act("paste")
        until(lambda: under_way in client.acknowledged, WAIT_S, "the exam goes on at the other")
    finally:
        for process in hung:
            os.kill(process.pid, signal.SIGCONT)
    until(lambda: instances(left)["name"] == "left#2", WAIT_S, "it knows that it was taken for dead")
    until(lambda: right.details(session_id)["session"]["state"] == "running" and "session is let go" in log_of(left))
    acknowledged(client, "copy")
    client.finish()
    assert not client.unacknowledged()
    assert over(right, session_id)["total_score"] == 15
    assert stored_acts(right, session_id) == sorted(client.sent_acts)


def test_a_third_server_with_the_name_of_one_that_lives_does_not_start(pair: Pair, tmp_path: Path) -> None:
    right = pair[1]
    namesake = Server(tmp_path, right.settings | {"DATA_DIR": str(tmp_path), "LOG_DIR": str(tmp_path), "FLASK_PORT": str(free_port())})
    with pytest.raises(ServerError, match="another server that lives has this name"):
        namesake.start()


def test_a_server_that_is_to_end_drains_and_its_exam_goes_on_at_the_other(pair: Pair) -> None:
    left, right = pair
    client, session_id = student(left, "drained")
    acknowledged(client, "copy")
    assert requests.get(f"{left.url}/api/ready", timeout=30).status_code == 200
    assert left.process is not None
    left.process.send_signal(signal.SIGTERM)
    until(lambda: "the server drains: no exam begins here" in log_of(left), WAIT_S, "it says so, for some seconds: then it may be gone")
    under_way = client.act("paste")
    goes_to(client, right)
    assert left.process.wait(WAIT_S) == 0
    until(lambda: client.welcomed.is_set() and under_way in client.acknowledged, WAIT_S, "the exam goes on at the other")
    assert {"type": "moved"} in client.messages
    acknowledged(client, "copy")
    client.finish()
    assert not client.unacknowledged()
    ended = over(right, session_id)
    assert (ended["end_code"], ended["total_score"]) == ("student", 15)
    assert stored_acts(right, session_id) == sorted(client.sent_acts)


def test_the_command_waits_for_what_runs_and_takes_it_back(pair: Pair) -> None:
    right = pair[1]
    client, _ = student(right, "waited-for")
    assert drained(right, "--wait", "0") == (3, "Exams that still run: 1.")
    assert requests.get(f"{right.url}/api/ready", timeout=30).status_code == 503
    assert drained(right, "--off") == (0, "Exams may begin on this server.")
    assert requests.get(f"{right.url}/api/ready", timeout=30).status_code == 200
    client.finish()


def drained(server: Server, *options: str) -> tuple[int, str]:
    """What the command says to this server's DATA_DIR."""
    command = [sys.executable, "-m", "flask", "--app", "app", "drain", *options]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **server.settings}, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def stored_acts(server: Server, session_id: str) -> list[str]:
    """The ids that the page gave the acts that are stored."""
    with pymongo.MongoClient[dict[str, Any]](server.settings["MONGO_URI"]) as client:
        return sorted(act["_id"].partition(":")[2] for act in client[server.settings["DB_NAME"]].acts.find({"session_id": session_id}))


def told(server: Server) -> list[Any]:
    """What servers have told each other in the last minute."""
    with pymongo.MongoClient[dict[str, Any]](server.settings["MONGO_URI"]) as client:
        return [row["what"] for row in client[server.settings["DB_NAME"]].bus.find()]


def log_of(server: Server) -> str:
    return (server.folder / "logs" / "app.log").read_text(encoding="utf-8")
