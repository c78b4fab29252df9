"""The lock files that set-up installs from: the pins of the requirements files, each with its hashes, and nothing of a mirror."""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from basics.paths import ROOT
from commands.lock import FILES, JSON, lock_of, lock_text, pins

HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


class Index(BaseHTTPRequestHandler):
    """An index with three files of one package."""

    def do_GET(self) -> None:
        names = ("good_thing-1.0-py3-none-any.whl", "good_thing-1.0.tar.gz", "good_thing-2.0.tar.gz", "no package.zip")
        files = [{"filename": name, "hashes": {"sha256": f"{number:064x}"}} for number, name in enumerate(names)]
        known = self.path == "/good-thing/" and self.headers["Accept"] == JSON
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(json.dumps({"files": files if known else []}).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def index() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("name", FILES)
def test_the_lock_is_of_the_requirements_as_they_are(name: str) -> None:
    lock = lock_of(ROOT / name).read_text(encoding="utf-8")
    lines = lock.splitlines()
    locked = [line.removesuffix(" \\") for line in lines if not line.startswith((" ", "#"))]
    assert locked == [str(pin) for pin in pins((ROOT / name).read_text(encoding="utf-8"))], "run python -m commands.lock"
    assert all(HASH.fullmatch(line) for line in lines if line.startswith(" "))
    assert all(following.startswith(" ") for line, following in itertools.pairwise(lines) if not line.startswith((" ", "#")))
    assert "http" not in lock
    assert "/" not in lock.replace("`", "")


def test_every_file_of_the_pinned_version_is_listed_and_no_other(index: str) -> None:
    text = lock_text("some.txt", '# why\nGood_Thing==1.0; python_version < "3.11"  # what for\n', index)
    assert [line.split(":")[-1].strip(" \\")[-1] for line in text.splitlines() if "--hash" in line] == ["0", "1"]
    assert 'Good_Thing==1.0; python_version < "3.11" \\' in text


@pytest.mark.parametrize("line", ["good-thing==3.0", "good-thing>=1.0", "good-thing==1.*", "good-thing"])
def test_what_is_no_pin_or_nowhere_is_told(index: str, line: str) -> None:
    with pytest.raises(ValueError, match=r"no pin|no file of"):
        lock_text("some.txt", line, index)
