"""Draining where other programs serve than gunicorn: Werkzeug, as on Windows, and eventlet."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import requests

from bench.harness.server import Server
from tests.helpers.exams import QUICK, WAIT_S, student
from tests.helpers.waiting import free_port, until


def test_exams_move_from_eventlet_to_werkzeug_and_run_to_their_end_where_there_is_no_other(
    tmp_path: Path, in_mongod: Callable[[], dict[str, str]]
) -> None:
    hidden = tmp_path / "hidden" / "gunicorn"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text('raise ImportError("as on Windows")\n', encoding="utf-8")
    shared = QUICK | in_mongod() | {"SECRET_KEY": "a-key-that-both-of-them-have-0123456789", "DRAIN": "true"}
    with ExitStack() as running:
        made = []
        for name, way in (("green", {"SOCKETIO_ASYNC_MODE": "eventlet"}), ("plain", {"PYTHONPATH": str(hidden.parent)})):
            port = str(free_port())
            own = {"INSTANCE_NAME": name, "FLASK_PORT": port, "INSTANCE_URL": f"http://127.0.0.1:{port}"}
            made.append(running.enter_context(Server(tmp_path / name, shared | own | way).meanwhile()))
        green, plain = made
        assert green.port
        assert plain.port
        assert "served by Werkzeug" in (plain.folder / "logs" / "app.log").read_text(encoding="utf-8")
        client, session_id = student(green, "ann")
        until(lambda: any(one["name"] == "plain" for one in green.call("GET", "/api/health")["parts"]["instances"]["others"]))
        assert green.process is not None
        green.process.send_signal(signal.SIGTERM)
        client.url = f"{plain.link_url}?{client.url.partition('?')[2]}"
        assert green.process.wait(WAIT_S) == 0
        under_way = client.act("copy")
        until(lambda: under_way in client.acknowledged, WAIT_S, "the exam goes on at the other")
        assert {"type": "moved"} in client.messages
        assert plain.process is not None
        plain.process.send_signal(signal.SIGTERM)
        until(lambda: requests.get(f"{plain.url}/api/ready", timeout=WAIT_S).status_code == 503, WAIT_S, "it drains")
        last = client.act("paste")
        until(lambda: last in client.acknowledged, WAIT_S, "there is no other, so the exam goes on here")
        assert plain.details(session_id)["session"]["state"] == "running"
        client.finish()
        assert plain.process.wait(WAIT_S) == 0
        assert not client.unacknowledged()
        print("".join([*green.output, *plain.output]))
