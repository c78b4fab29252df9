"""A client that is generated from the server's own description takes an exam from its making to its package."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

import pytest
import requests
from flask import Flask
from standardwebhooks import Webhook

from basics.paths import ROOT
from records.hook_sender import HookSender
from records.package_check import check_package
from tests.helpers.followed import pieces_of
from tests.helpers.generated import alone, client_of, generator
from tests.helpers.hooks import HERE, receiving
from tests.helpers.nginx import served
from tests.helpers.sitting import sit
from tests.helpers.waiting import until
from tests.helpers.web import API_TOKEN, PASSWORD, MakeApp
from web.parts import parts_of

PIECES = dict(pieces_of((ROOT / "docs" / "quickstart.md").read_text("utf-8"), "With a generated client"))
ROUND = str(ROOT / "tests" / "helpers" / "generated_round.py")


@pytest.fixture(scope="module")
def cache(request: pytest.FixtureRequest) -> Path:
    """Where the generator and what it made are kept for the next time."""
    return request.config.cache.mkdir("generated-client")


@pytest.fixture(scope="module")
def packages(cache: Path) -> Path:
    return generator(cache)


@pytest.fixture
def app(make_app: MakeApp) -> Iterator[Flask]:
    app = make_app(proctor_password=PASSWORD, api_token=API_TOKEN, hooks_private_hosts=HERE)
    parts = parts_of(app)
    parts.monitor.resumed.set()
    parts.hook_sender = HookSender(parts.database, parts.hooks, parts.outbox)
    parts.hook_sender.start()
    yield app
    parts.hook_sender.stop()


@pytest.fixture
def made(app: Flask, cache: Path, packages: Path) -> Path:
    """The client's package, made of what `app` says of itself."""
    return client_of(app.test_client().get("/api/openapi.json").data, PIECES["yaml"], packages, cache)


def test_a_generated_client_takes_an_exam_from_its_making_to_its_package(app: Flask, made: Path, packages: Path, tmp_path: Path) -> None:
    with served(app) as port, receiving() as receiver:
        server = f"http://{HERE}:{port}"
        served_too = requests.get(f"{server}/api/openapi.json", timeout=60).content
        assert served_too == (made / "openapi.json").read_bytes()
        (tmp_path / "openapi.json").write_bytes(served_too)
        (tmp_path / "shown.py").write_text(PIECES["python"], "utf-8")
        command = alone([made, packages], ROUND, server, API_TOKEN, receiver.url, str(tmp_path))
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8") as process:
            given, said = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
            first = told(said)
            session_id = sit(app, server, first["links"]["s2"])
            until(lambda: bool(receiver.came), what="the notice")
            headers, body = receiver.came[0]
            notice = Webhook(first["secret"]).verify(body, headers)
            assert notice["data"]["session_id"] == session_id
            given.write(f"{body.decode()}\n")
            given.flush()
            second, third = told(said), told(said)
        assert process.returncode == 0
        environment = {**os.environ, "PROCTOR": server, "TOKEN": API_TOKEN}
        shown = subprocess.run(
            alone([made, packages], str(tmp_path / "shown.py")), env=environment, capture_output=True, text=True, check=False, timeout=100
        )
    assert shown.stdout.splitlines() == ["law-103 open 1"], shown.stderr
    assert second["session"] == session_id
    checked = check_package(tmp_path / "session.zip", second["fingerprint"])
    assert (checked.signed, checked.findings, checked.about["sessions"]) == (True, [], [session_id])
    assert len(third["read"]) > 20
    assert parts_of(app).hooks.all() == []


def told(said: IO[str]) -> dict[str, Any]:
    """What the round says next."""
    line = said.readline()
    assert line, "the round broke off: what it printed to its standard error says where"
    content: dict[str, Any] = json.loads(line)
    return content
