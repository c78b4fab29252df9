"""Whether the pinned packages can be had on each Python and system is told by what the index has for it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from packaging.requirements import Requirement

from basics.paths import ROOT
from commands.lock import JSON, pins
from commands.wheels import PYTHONS, SYSTEMS, Index, holding, wanting

FILES = {
    "fits": ["fits-1.0-py3-none-any.whl", "fits-1.0.tar.gz"],
    "old": ["old-2.0-cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "old-1.0-py3-none-any.whl", "old-2.0.tar.gz"],
    "new": ["new-1.0-cp39-abi3-manylinux_2_28_x86_64.whl", "new-1.0-cp39-abi3-macosx_11_0_arm64.whl", "no package.whl"],
    "far": ["far-1.0-cp311-cp311-manylinux_2_39_x86_64.whl"],
}
NEEDS = {"fits-1.0-py3-none-any.whl": ['new>=2; python_version >= "3.11"', 'gone; sys_platform == "linux"', 'never; extra == "more"']}
LINUX, ARM_MAC = SYSTEMS[0], SYSTEMS[2]


class _Index(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        name = self.path.strip("/")
        known = name in FILES and self.headers["Accept"] == JSON
        said = NEEDS.get(name.removeprefix("files/").removesuffix(".metadata"), [])
        self.send_response(200 if known or said else 404)
        self.end_headers()
        files = [
            {"filename": file, "url": f"../files/{file}", "core-metadata": file in NEEDS, "requires-python": None} for file in FILES.get(name, [])
        ]
        self.wfile.write(json.dumps({"files": files}).encode() if known else "".join(f"Requires-Dist: {need}\n" for need in said).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def index() -> Iterator[Index]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Index)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Index([Requirement(f"{name}==1.0") for name in FILES], f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_wheel_must_fit_the_python_and_the_system(index: Index) -> None:
    def told(pin: str, python: tuple[int, int], system: int = 0) -> list[str]:
        return list(wanting(index, [], [Requirement(pin)], SYSTEMS[system], python))

    assert told("old==2.0", (3, 10)) == []
    assert told("old==2.0", (3, 14)) == ["old 2.0 has no wheel"]
    assert told("old==1.0", (3, 14)) == []
    assert told("new==1.0", (3, 14)) == []
    assert told("new==1.0", (3, 14), SYSTEMS.index(ARM_MAC)) == []
    assert told("new==1.0", (3, 14), 1) == ["new 1.0 has no wheel"]
    assert told("far==1.0", (3, 11)) == ["far 1.0 has no wheel"]  # wants a newer glibc than is promised
    assert told('old==2.0; python_version < "3.12"', (3, 14)) == []


def test_what_a_package_needs_must_be_pinned_and_fit(index: Index) -> None:
    resolved = [Requirement("fits==1.0"), Requirement("new==1.0")]
    assert list(wanting(index, resolved, [], LINUX, (3, 10))) == ["fits needs gone, which is not pinned"]
    assert list(wanting(index, resolved, [], ARM_MAC, (3, 13))) == ["fits needs new >=2, and 1.0 is pinned"]
    assert list(wanting(index, [], resolved, ARM_MAC, (3, 13))) == []
    assert index.untold == {"new ==1.0"}


def test_every_pin_holds_once_on_each_python_and_system() -> None:
    for names in (("requirements.txt", "requirements-nodeps.txt", "requirements-dev.txt"), ("requirements-mediapipe.txt",)):
        pinned = [pin for name in names for pin in pins((ROOT / name).read_text(encoding="utf-8"))]
        for system in SYSTEMS:
            for python in PYTHONS:
                environment = system.environment(python)
                held = [pin for pin in pinned if pin.marker is None or pin.marker.evaluate(environment)]
                assert len(holding(pinned, environment)) == len(held), [str(pin) for pin in held]
