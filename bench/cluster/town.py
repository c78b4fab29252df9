"""Servers on one set of databases, behind HAProxy by `deploy/`, with a store of clips: all on loopback, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pymongo
import requests

from basics.paths import ROOT
from bench.harness.s3 import ACCESS_KEY, SECRET_KEY, Relay, S3Server
from bench.harness.server import Server, ServerError
from bench.harness.stored import NAME, Mongods, Records
from bench.harness.waiting import comes, free_port

PASSWORD, API_TOKEN = "a password of the bench alone", "a-token-of-the-bench-alone-0123456789"
BEARER = {"Authorization": f"Bearer {API_TOKEN}"}
SET_OF = 3
START_S = 180.0
CALL_S = 60.0
SHORT = {
    "INTERVAL_DURATION": "15",
    "CHECK_INTERVAL": "5",
    "CLIP_PREROLL_S": "1",
    "CLIP_POSTROLL_S": "1",
    "INTERVAL_SETTLE_S": "2",
    "POINTS_NO_FACE": "0",
    "POINTS_COPY_PASTE": "1",
    "GAZE_FPS": "1",
    "FACE_INTERVAL_S": "5",
    "VIDEO_FPS": "4",
    "MAX_SESSIONS": "200",
}


class Town:
    """What runs. `servers` in the order in which HAProxy knows them; `store` can be switched off and on."""

    def __init__(self, servers: list[Server], mongods: Mongods, store: Relay, front: str) -> None:
        self.servers = servers
        self.mongods = mongods
        self.store = store
        self.front = front
        self._client = pymongo.MongoClient[dict[str, Any]](mongods.uri, tz_aware=True, serverSelectionTimeoutMS=30_000, readConcernLevel="majority")

    @property
    def records(self) -> Records:
        """The records of all servers."""
        return self._client[NAME]

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """One call through HAProxy, as a script of the operator's. Raise `requests.RequestException`, `ServerError`."""
        answer = requests.request(method, self.front + path, headers=BEARER, timeout=CALL_S, **arguments)
        if not answer.ok:
            raise ServerError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer

    def seat(self, user_id: str, exam_id: str) -> tuple[str, str, str]:
        """A student of an exam: the session's id, the link of their page through HAProxy, and the key by which that leads to a server."""
        body = {"user_id": user_id, "exam_id": exam_id, "source": "browser"}
        made = self.call("POST", f"/api/session/create?e={quote(exam_id)}", json=body).json()
        query, _, token = made["portal_url"].partition("#t=")
        key = query.partition("?e=")[2] or quote(exam_id)
        return str(made["session_id"]), f"{self.front.replace('http', 'ws', 1)}/student/link?token={token}&e={key}", key

    def owners(self) -> dict[str, str]:
        """The server of each session, by its id."""
        return {row["_id"]: str(row.get("owner", "")) for row in self.records.sessions.find({}, {"owner": 1})}

    def is_up(self) -> bool:
        """Does HAProxy know a server that is ready?"""
        with suppress(requests.RequestException):
            return requests.get(f"{self.front}/api/ready", timeout=5).ok
        return False

    def close(self) -> None:
        """Let go of the database."""
        self._client.close()


@contextmanager
def town(folder: Path, count: int, settings: Mapping[str, str] = SHORT) -> Iterator[Town]:
    """`count` servers (at most 3) with these settings, their databases, store and HAProxy. Raise `ServerError` where a part does not start."""
    with ExitStack() as closing:
        mongods = closing.enter_context(Mongods(folder / "set", SET_OF))
        s3 = S3Server(folder / "s3.log")
        closing.callback(s3.stop)
        relay = Relay(s3.port)
        closing.callback(relay.off)
        http = free_port()
        shared = {
            **settings,
            "MONGO_URI": mongods.uri,
            "SECRET_KEY": "a-key-that-all-of-them-have-0123456789",
            "PROCTOR_PASSWORD": PASSWORD,
            "API_TOKEN": API_TOKEN,
            "PUBLIC_URL": f"http://127.0.0.1:{http}",
            "TRUSTED_PROXIES": "1",
            "DRAIN": "true",
            "CLIP_STORE": "s3",
            "S3_ENDPOINT": f"http://127.0.0.1:{relay.port}",
            "S3_BUCKET": s3.bucket().bucket,
            "S3_ACCESS_KEY": ACCESS_KEY,
            "S3_SECRET_KEY": SECRET_KEY,
        }
        servers = []
        for number in range(1, count + 1):
            port = str(free_port())
            own = {"INSTANCE_NAME": f"proctor-{number}", "FLASK_PORT": port, "INSTANCE_URL": f"http://127.0.0.1:{port}"}
            servers.append(closing.enter_context(Server(folder / f"proctor-{number}", shared | own).meanwhile()))
        ports = [server.port for server in servers]
        closing.enter_context(_haproxy(folder, ports, http))
        made = Town(servers, mongods, relay, f"http://127.0.0.1:{http}")
        closing.callback(made.close)
        if not comes(lambda: all(_is_loaded(server) for server in servers) and made.is_up(), START_S, 0.5):
            raise ServerError(f"the servers behind HAProxy did not get ready; see {folder}")
        yield made


def _is_loaded(server: Server) -> bool:
    with suppress(requests.RequestException, ValueError, KeyError):
        answer = requests.get(f"{server.url}/api/health", timeout=10, headers=BEARER)
        return bool(answer.json()["parts"]["models"]["state"] != "loading")
    return False


@contextmanager
def _haproxy(folder: Path, ports: list[int], http: int) -> Iterator[None]:
    places = [f"127.0.0.1:{ports[number % len(ports)]}" for number in range(SET_OF)]
    program = next((str(path) for path in (ROOT / "venv" / "tools").rglob("haproxy") if os.access(path, os.X_OK) and path.is_file()), None)
    found = shutil.which("haproxy") or program
    if found is None:
        raise ServerError("haproxy is not installed: ./setup.sh --test installs it")
    environment = {**os.environ, **{f"SERVER_{number}": place for number, place in enumerate(places, 1)}, "HTTP_BIND": f"127.0.0.1:{http}"}
    with (folder / "haproxy.log").open("wb") as log:
        command = [found, "-db", "-f", str(ROOT / "deploy" / "haproxy" / "haproxy.cfg")]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment, cwd=folder)
    try:
        yield
    finally:
        process.kill()
        process.wait(20)
