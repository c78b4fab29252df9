"""The quickstart's own commands, in Python and with curl, take an exam from its making to its package; what they answer is as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest
import requests
from flask import Flask
from standardwebhooks import Webhook

from basics.paths import ROOT
from records.hook_sender import HookSender
from records.package_check import check_package
from tests.helpers.followed import READ_AS, as_shown, following, pieces_of
from tests.helpers.hooks import HERE
from tests.helpers.nginx import served
from tests.helpers.sitting import sit
from tests.helpers.waiting import free_port, until
from tests.helpers.web import API_TOKEN, PASSWORD, MakeApp
from web.parts import parts_of

PAGE = (ROOT / "docs" / "quickstart.md").read_text("utf-8")
LINK = re.compile(r"http://\S+#r=[\w.-]+")


@pytest.fixture
def app(make_app: MakeApp) -> Iterator[Flask]:
    app = make_app(proctor_password=PASSWORD, api_token=API_TOKEN, hooks_private_hosts=HERE)
    parts = parts_of(app)
    parts.hook_sender = HookSender(parts.database, parts.hooks, parts.outbox)
    parts.hook_sender.start()
    yield app
    parts.hook_sender.stop()


@pytest.mark.parametrize(("title", "language"), [("In Python", "python"), ("With curl", "bash")])
def test_the_quickstart_does_what_it_says(app: Flask, tmp_path: Path, title: str, language: str) -> None:
    if language == "bash" and not (shutil.which("curl") and shutil.which("jq")):
        pytest.skip("needs curl and jq")
    ((_, receiver),) = pieces_of(PAGE, "The receiver")
    (tmp_path / "receiver.py").write_text(receiver, "utf-8")
    pieces, shown, sat = pieces_of(PAGE, title), 0, ""
    with served(app) as port:
        names = {"PROCTOR": f"http://{HERE}:{port}", "TOKEN": API_TOKEN, "HOOK": f"http://{HERE}:{free_port()}/"}
        assert set(re.findall(r"(\w+)=", pieces_of(PAGE, "What is needed")[0][1])) == names.keys()
        with following(language, tmp_path, names) as follower:
            printed = ""
            for kind, piece in pieces:
                if kind == language:
                    printed = follower.run(piece).removeprefix("\ufeff")
                    if not sat and (link := LINK.search(printed)):
                        sat = sit(app, names["PROCTOR"], link[0])
                else:
                    as_shown(READ_AS[kind](piece), READ_AS[kind](printed))
                    shown += 1
    assert shown == 8
    parts = parts_of(app)
    assert [str(one["_id"]) for one in parts.results.of_exam("law-101" if language == "python" else "law-102")] == [sat]
    checked = check_package(tmp_path / "session.zip")
    assert (checked.signed, checked.findings, checked.about["sessions"]) == (True, [], [sat])
    assert parts.hooks.all() == []


def test_the_receiver_prints_once_what_the_server_has_signed_and_nothing_else(tmp_path: Path) -> None:
    ((_, receiver),) = pieces_of(PAGE, "The receiver")
    (tmp_path / "receiver.py").write_text(receiver, "utf-8")
    ours, another = "whsec_" + 31 * "b" + "=", "whsec_" + 31 * "c" + "="
    address = f"http://{HERE}:{free_port()}/"
    environment = {**os.environ, "SECRET": ours, "HOOK": address}

    def post(secret: str, body: str, sent: str) -> int:
        now = datetime.now(timezone.utc)
        signature = Webhook(secret).sign("msg_1", now, body)
        headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
        return requests.post(address, sent.encode(), headers=headers, timeout=60).status_code

    def first() -> int:
        try:
            return post(another, "{}", "{}")
        except requests.ConnectionError:
            return 0

    with subprocess.Popen([sys.executable, "receiver.py"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert until(first, what="the receiver") == 401
            answers = [post(ours, '{"n": 1}', '{"n": 2}'), post(ours, '{"n": 1}', '{"n": 1}'), post(ours, '{"n": 1}', '{"n": 1}')]
        finally:
            process.terminate()
        assert process.stdout is not None
        printed = process.stdout.read()
    assert answers == [401, 204, 204]
    assert printed == '{"n": 1}\n'
