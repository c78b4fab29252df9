"""A port that is taken: what the server says, and where `./run.sh` goes on. Every port here is held by a real socket."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests

from basics.errors import ConfigError
from basics.paths import ROOT
from settings.settings import Settings, load_settings
from web import listener
from web.listener import is_chosen, listen
from web.serving import _announce, _base

DEFAULT = 5000
WAIT_S = 180.0  # to load the program takes a busy machine many seconds
ASK = """
import fcntl, signal, sys, termios
signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests may ignore it, as a shell's job in the background does
if sys.stdin.isatty():
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl+C typed there is a signal
from basics.errors import ConfigError
from settings.settings import load_settings
from web.listener import listen
try:
    with listen(load_settings(), offer_next=True) as mine:
        print(mine.getsockname()[1])
except ConfigError as error:
    sys.exit(error.message)
"""


@pytest.fixture(params=["127.0.0.1", "0.0.0.0", "::1"])
def taken(request: pytest.FixtureRequest) -> Iterator[int]:
    """A port on which something listens, at one of the addresses that `localhost` may lead to."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    try:
        holder = socket.create_server((request.param, 0), family=family)
    except OSError:
        pytest.skip(f"this machine has no {request.param}")
    with holder:
        yield holder.getsockname()[1]


@pytest.fixture
def default_taken() -> Iterator[None]:
    """The port that nobody needs to choose is taken, by this test or by whoever had it before."""
    with ExitStack() as holding:
        with suppress(OSError):
            holding.enter_context(socket.create_server(("127.0.0.1", DEFAULT)))
        yield


def quick(folder: Path) -> dict[str, str]:
    """An environment in which nobody chose a port, and whose files are in `folder`."""
    ours = {name.upper() for name in Settings.model_fields}
    inherited = {name: value for name, value in os.environ.items() if name.upper() not in ours}
    folders = {name: str(folder / name.lower()) for name in ("DATA_DIR", "CLIPS_DIR", "TEMP_DIR", "LOG_DIR")}
    return inherited | folders | {"CAMERA": "none", "MICROPHONE": "none", "SCREEN_HOOKS": "false", "PYTHONPATH": str(ROOT)}


def test_a_taken_port_is_named_with_the_way_to_another(taken: int) -> None:
    with pytest.raises(ConfigError) as raised:
        listen(load_settings(flask_host="127.0.0.1", flask_port=taken), offer_next=True)  # chosen: nothing else is offered
    assert f"Port {taken} is taken" in raised.value.message
    assert f"FLASK_PORT={taken + 1} ./run.sh" in raised.value.message
    assert ".env" in raised.value.message
    assert "AirPlay" not in raised.value.message


def test_on_macos_airplay_is_named(taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(listener, "AIRPLAY_PORTS", {taken})
    with pytest.raises(ConfigError, match=r"AirPlay Receiver: System Settings → General → AirDrop & Handoff"):
        listen(load_settings(flask_port=taken))


def test_an_address_that_is_not_this_machines_is_no_taken_port() -> None:
    with pytest.raises(ConfigError, match=r"FLASK_HOST=192\.0\.2\.1 .* can't be listened on"):
        listen(load_settings(flask_host="192.0.2.1", flask_port=5000))


def test_a_free_port_is_listened_on() -> None:
    with listen(load_settings(flask_host="127.0.0.1", flask_port=0)) as mine, socket.create_connection(mine.getsockname()[:2], 5) as caller:
        assert caller.getpeername() == mine.getsockname()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6 beside IPv4")
def test_everywhere_in_ipv6_is_ipv4_too() -> None:
    with listen(load_settings(flask_host="::", flask_port=0)) as mine:
        for caller in ("127.0.0.1", "::1"):
            socket.create_connection((caller, mine.getsockname()[1]), 5).close()


@pytest.mark.parametrize(
    ("host", "shown"), [("2001:db8::7", "[2001:db8::7]"), ("::", "localhost"), ("192.0.2.7", "192.0.2.7"), ("exams.example", "exams.example")]
)
def test_the_printed_address_can_be_opened(host: str, shown: str) -> None:
    assert _base(host, 7000) == f"http://{shown}:7000"


def test_a_port_just_left_is_had_again() -> None:
    first = listen(load_settings(flask_host="127.0.0.1", flask_port=0))
    port = first.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port), 5), first.accept()[0]:
        pass  # the server's end waits in TIME_WAIT
    first.close()
    listen(load_settings(flask_host="127.0.0.1", flask_port=port)).close()


@pytest.mark.parametrize(
    ("port", "environment", "chosen"),
    [
        (5000, {}, False),
        (5000, {"FLASK_PORT": ""}, False),
        (5000, {"FLASK_PORT": "5000"}, True),
        (5000, {"flask_port": "5000"}, True),
        (5001, {}, True),
    ],
)
def test_a_port_is_chosen_in_the_environment_or_by_another_value_in_env(port: int, environment: Mapping[str, str], chosen: bool) -> None:
    assert is_chosen(load_settings(flask_port=port), environment) is chosen


def test_the_server_ends_with_the_reason_before_it_loads_anything(taken: int, tmp_path: Path) -> None:
    environment = quick(tmp_path) | {"FLASK_PORT": str(taken)}
    ended = subprocess.run(
        [sys.executable, str(ROOT / "app.py"), "--next-free-port"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"The server can't start.\nPort {taken} is taken")
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []  # no database, no log: nothing was begun


def test_the_port_of_an_env_file_is_held_to_too(taken: int, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"FLASK_PORT={taken}\n", encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=tmp_path,
        env=quick(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert ended.returncode == 1
    assert f"Port {taken} is taken" in ended.stderr


def test_a_worker_that_begins_when_nobody_listens_to_its_word_begins_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    near, far = os.pipe()
    os.close(near)
    with os.fdopen(far, "w") as nobody:
        monkeypatch.setattr(sys, "stdout", nobody)
        _announce("Ready.")
        with suppress(BrokenPipeError):
            nobody.close()


@pytest.mark.usefixtures("default_taken")
def test_app_alone_takes_no_other_port(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, str(ROOT / "app.py")], cwd=tmp_path, env=quick(tmp_path), capture_output=True, text=True, timeout=WAIT_S, check=False
    )
    assert ended.returncode == 1
    assert f"Port {DEFAULT} is taken" in ended.stderr


@pytest.mark.usefixtures("default_taken")
def test_where_nobody_can_be_asked_the_next_port_is_taken_and_told(tmp_path: Path) -> None:
    server = subprocess.Popen(
        [sys.executable, str(ROOT / "app.py"), "--next-free-port"],
        cwd=tmp_path,
        env=quick(tmp_path) | {"MODELS_DIR": str(ROOT / "models")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        said = ""
        for line in server.stdout:
            said += line
            if "Ctrl+C" in line:
                break
        told = re.search(rf"^Port {DEFAULT} is taken: starting at (\d+) instead\.$", said, re.MULTILINE)
        assert told, said
        assert f"Proctors:  http://localhost:{told[1]}/" in said
        assert requests.get(f"http://127.0.0.1:{told[1]}/api/health", timeout=WAIT_S).ok
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(WAIT_S)
        server.stdout.close()
    assert server.returncode == 0


@pytest.mark.usefixtures("default_taken")
@pytest.mark.parametrize(("typed", "goes_on"), [("\n", True), ("y\n", True), ("n\n", False), ("\x04", False), ("\x03", False)])
def test_whoever_sits_at_a_terminal_is_asked(tmp_path: Path, typed: str, goes_on: bool) -> None:
    said, status = _at_a_terminal(tmp_path, typed)
    asked = re.search(rf"Port {DEFAULT} is taken\. Start at (\d+) instead\? \[Y/n\]", said)
    assert asked, said
    if goes_on:
        assert status == 0
        assert said.split()[-1] == asked[1]
    else:
        assert status == 1
        assert f"End that program, or choose another port: FLASK_PORT={DEFAULT + 1}" in said
        assert "KeyboardInterrupt" not in said


def _at_a_terminal(folder: Path, typed: str) -> tuple[str, int]:
    """What a server-to-be says to somebody who types `typed` when asked, and its exit status."""
    near, far = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ASK],
        cwd=folder,
        env=quick(folder),
        stdin=far,
        stdout=far,
        stderr=far,
        start_new_session=True,
    )
    os.close(far)
    said, asked = "", False
    try:
        while True:
            if asked and typed == "\x03" and "End that program" not in said and not select.select([near], [], [], 5)[0]:
                os.write(near, typed.encode())  # between the question and the wait for its answer a signal is lost: a person presses again
                continue
            try:
                part = os.read(near, 4096)
            except OSError:  # the far end is closed
                break
            if not part:
                break
            said += part.decode(errors="replace")
            if not asked and "[Y/n]" in said:
                asked = True
                os.write(near, typed.encode())
    finally:
        os.close(near)
    return said, process.wait(WAIT_S)
