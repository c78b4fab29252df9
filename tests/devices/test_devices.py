"""Real devices: PortAudio hearing a PulseAudio null sink, and real key presses and clipboard changes under Xvfb.

PortAudio and pynput read their environment when they are loaded, so the product's readers run in a child process with an environment of its own.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
import wave
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
import pytest

from devices.reader import READ_LIMIT
from sessions.sources import WATCH_S
from tests.helpers.display import WAIT, Display, needs, stopped

ROOT = Path(__file__).resolve().parent.parent.parent

CHILD = """
import json, sys, threading, time
import numpy as np
from devices import clipboard
from settings.settings import Settings
from sessions.sources import Stations

clipboard.HANDOVER = 60.0  # a busy machine needs a while to start who takes the clipboard over
turn = threading.Lock()

class Listener:
    def take_frame(self, frame): pass
    def take_sound(self, sound):
        power = float(np.sqrt(np.mean(sound.samples.astype(float) ** 2)))
        tell(sound=[sound.at, len(sound.samples), power, crossings(sound.samples)])
    def take_acts(self, acts):
        for act in acts:
            tell(act=[act.kind, act.at, act.id, act.detail])
    def device_state(self, device, state, reason):
        tell(state=[device, state, reason])

def crossings(samples):
    return int(np.sum(np.diff(np.signbit(samples))))

def tell(**what):
    with turn:
        print(json.dumps(what), flush=True)

stations = Stations(Settings(_env_file=None, **json.loads(sys.argv[1])))
listener = Listener()
stations.attach("default", listener)
tell(attached=time.monotonic())
for line in sys.stdin:
    if line.strip() == "detach":
        stations.detach("default", listener)
    if line.strip() == "attach":
        stations.attach("default", listener)
stations.close()
tell(closed=time.monotonic())
"""


class Child:
    """The product's stations in a process of their own; what its listener is told comes out as messages."""

    def __init__(self, environment: dict[str, str], **settings: Any) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", CHILD, json.dumps(settings)],
            cwd=ROOT,
            env=environment | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.heard: list[dict[str, Any]] = []
        self.errors: list[str] = []
        self._news: queue.Queue[dict[str, Any]] = queue.Queue()
        self._threads = [
            threading.Thread(target=self._gather, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._complain, args=(self._process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _gather(self, stream: IO[str]) -> None:
        for line in stream:
            self._news.put(json.loads(line))

    def _complain(self, stream: IO[str]) -> None:
        self.errors.extend(stream)

    def until(self, good: Callable[[list[dict[str, Any]]], Any]) -> Any:
        """Wait until `good` of all messages is true, and return what it gives."""
        end = time.monotonic() + WAIT
        while not (found := good(self.heard)):
            try:
                self.heard.append(self._news.get(timeout=max(0.01, end - time.monotonic())))
            except queue.Empty:
                pytest.fail(f"waited in vain; last heard {self.heard[-5:]}, errors {self.errors[-5:]}")
        return found

    def until_state(self, device: str, state: str, after: int = 0) -> str:
        """Wait for a state told after so many messages; its reason."""
        told = self.until(lambda heard: [m["state"] for m in heard[after:] if "state" in m and m["state"][:2] == [device, state]])
        return str(told[0][2])

    def acts(self) -> list[str]:
        return [message["act"][0] for message in self.heard if "act" in message]

    def say(self, text: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def finish(self) -> None:
        """Close the stations and wait for a clean end."""
        assert self._process.stdin
        self._process.stdin.close()
        self.until(lambda heard: any("closed" in message for message in heard))
        assert self._process.wait(WAIT) == 0, self.errors

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream:
                stream.close()


class Pulse:
    """A private PulseAudio with one null sink, whose monitor is the machine's only microphone."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / ".asoundrc").write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n")
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        self.environment = kept | {
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home),
            "PULSE_SERVER": f"unix:{home / 'socket'}",
            "PULSE_COOKIE": str(home / "cookie"),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        modules = [
            f"module-native-protocol-unix socket={self.home / 'socket'} auth-anonymous=1",
            "module-null-sink sink_name=exam rate=48000 channels=2",
        ]
        options = ["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1", "--disable-shm=yes"]
        self.process = subprocess.Popen(
            ["pulseaudio", *options, *(f"--load={module}" for module in modules)],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + WAIT
        while subprocess.run(["pactl", "info"], env=self.environment, capture_output=True, check=False).returncode:
            assert self.process.poll() is None, "pulseaudio ended at its start"
            assert time.monotonic() < end, "pulseaudio does not answer"
            threading.Event().wait(0.05)
        subprocess.run(["pactl", "set-default-source", "exam.monitor"], env=self.environment, capture_output=True, check=True)

    def stop(self) -> None:
        if self.process:
            stopped(self.process)
            self.process = None
        (self.home / "socket").unlink(missing_ok=True)

    def play(self, path: Path) -> None:
        subprocess.run(["paplay", str(path)], env=self.environment, check=True, timeout=WAIT)


@pytest.fixture
def pulse() -> Iterator[Pulse]:
    needs("pulseaudio", "pactl", "paplay")
    if not list(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")):
        pytest.skip("needs ALSA's PulseAudio plugin (apt: libasound2-plugins)")
    with tempfile.TemporaryDirectory(prefix="pulse-") as folder:  # not tmp_path: a socket's path must be short
        server = Pulse(Path(folder))
        server.start()
        yield server
        server.stop()


@pytest.fixture
def children() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def listen(children: ExitStack, environment: dict[str, str], **settings: Any) -> Child:
    child = Child(environment, **({"camera": "none", "microphone": "none", "device_retry_s": 0.2} | settings))
    children.callback(child.end)
    return child


def tone(path: Path, *, hertz: float, seconds: float, rate: int = 44_100) -> Path:
    samples = np.rint(12_000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


LOUD = 1000.0  # of int16; the null sink's own silence is 0
PLAYED = 4  # times: where a machine stands still for a moment sound is late, or lost


def loud(heard: Sequence[dict[str, Any]]) -> list[list[float]]:
    return [message["sound"] for message in heard if "sound" in message and message["sound"][2] > LOUD]


def test_a_microphone_hears_what_is_played_when_it_is_played(pulse: Pulse, children: ExitStack) -> None:
    for left in reversed(range(PLAYED)):
        try:
            hear_a_tone(pulse, children)
        except AssertionError:
            if not left:
                raise
        else:
            break


def hear_a_tone(pulse: Pulse, children: ExitStack) -> None:
    child = listen(children, pulse.environment, microphone="default")
    child.until_state("microphone", "ok")
    before = time.monotonic()
    pulse.play(tone(pulse.home / "tone.wav", hertz=440, seconds=1.5))
    after = time.monotonic()
    child.until(lambda heard: loud(heard) and "sound" in heard[-1] and heard[-1]["sound"][0] > after + 0.5)
    child.finish()

    sounds = [message["sound"] for message in child.heard if "sound" in message]
    # Sample count and time agree: chunk follows chunk, but for corrections of a millisecond.
    assert max(abs(later[0] - (earlier[0] + earlier[1] / 16_000)) for earlier, later in pairwise(sounds)) < 0.0015
    heard = loud(child.heard)
    assert before - 0.15 < heard[0][0]
    assert heard[-1][0] < after + 0.15
    assert 1.3 < sum(chunk[1] for chunk in heard) / 16_000 < 1.8
    # Two crossings of zero a period: the pitch is right, so the resampling is.
    whole = heard[2:-2]
    assert sum(chunk[3] for chunk in whole) / (2 * sum(chunk[1] for chunk in whole) / 16_000) == pytest.approx(440, rel=0.02)
    assert all(message["sound"][2] == 0 for message in child.heard if "sound" in message and message["sound"][0] < before - 0.3)


def test_a_microphone_is_named_by_a_part_of_its_name(pulse: Pulse, children: ExitStack) -> None:
    child = listen(children, pulse.environment, microphone="PULSE")
    child.until_state("microphone", "ok")
    child.finish()


def test_a_name_nobody_has_is_missing_and_the_reason_lists_what_there_is(pulse: Pulse, children: ExitStack) -> None:
    child = listen(children, pulse.environment, microphone="studio")
    reason = child.until_state("microphone", "missing")
    assert "'studio'" in reason
    assert "pulse" in reason
    child.finish()


def test_a_lost_microphone_is_noticed_and_comes_back_by_itself(pulse: Pulse, children: ExitStack) -> None:
    child = listen(children, pulse.environment, microphone="default")
    child.until_state("microphone", "ok")
    child.until(lambda heard: any("sound" in message for message in heard))
    assert READ_LIMIT + WATCH_S < 5, "it must be noticed within 5 s"
    pulse.stop()
    reason = child.until_state("microphone", "lost")
    assert "default" in reason

    mark = len(child.heard)
    pulse.start()
    child.until_state("microphone", "ok", after=mark)
    pulse.play(tone(pulse.home / "tone.wav", hertz=440, seconds=1))
    child.until(lambda heard: loud(heard[mark:]))
    child.finish()


def test_without_a_sound_server_the_microphone_is_missing_and_found_when_it_comes(pulse: Pulse, children: ExitStack) -> None:
    pulse.stop()
    child = listen(children, pulse.environment, microphone="default")
    child.until_state("microphone", "missing")
    pulse.start()
    child.until_state("microphone", "ok")
    child.finish()


@pytest.fixture
def display() -> Iterator[Display]:
    needs("Xvfb", "xdotool", "xclip")
    screen = Display()
    yield screen
    screen.stop()


def test_key_presses_and_clipboard_changes_are_heard_exactly_once(display: Display, children: ExitStack) -> None:
    child = listen(children, display.environment)
    child.until_state("screen", "ok")
    display.press("key", "alt+Tab")
    display.press("key", "ctrl+c")
    display.press("key", "ctrl+v")
    display.press("key", "ctrl+x")
    child.until(lambda _: "cut" in child.acts())  # keys that are heard late, all at once, would be a held key's
    display.press("type", "a tab\tand cxv")  # ordinary writing
    display.press("keydown", "alt", "key", "Tab", "key", "Tab", "key", "Tab", "keyup", "alt")
    display.press("keydown", "super", "key", "Tab", "keyup", "super")
    child.until(lambda _: child.acts().count("alt_tab") == 3)
    display.copy("nothing of this is ever read")
    child.until(lambda _: "clipboard_changed" in child.acts())
    display.press("key", "alt+Tab")
    child.until(lambda _: child.acts().count("alt_tab") == 4)
    child.finish()

    assert child.acts() == ["alt_tab", "copy", "paste", "cut", "alt_tab", "alt_tab", "clipboard_changed", "alt_tab"]
    acts = [message["act"] for message in child.heard if "act" in message]
    assert len({act[2] for act in acts}) == len(acts)
    assert sorted(act[1] for act in acts) == [act[1] for act in acts]
    assert "nothing of this" not in json.dumps(child.heard) + "".join(child.errors)


def test_a_held_key_is_heard_once_although_the_display_repeats_it(display: Display, children: ExitStack) -> None:
    child = listen(children, display.environment)
    child.until_state("screen", "ok")
    display.press("keydown", "ctrl", "keydown", "v", "sleep", "1.2", "keyup", "v", "keyup", "ctrl")
    display.press("key", "alt+Tab")
    child.until(lambda _: "alt_tab" in child.acts())
    child.finish()
    assert child.acts() == ["paste", "alt_tab"]


def test_a_clipboard_taken_over_from_a_program_that_ended_is_no_change(display: Display, children: ExitStack) -> None:
    child = listen(children, display.environment)
    child.until_state("screen", "ok")
    owner = display.copy("one")
    child.until(lambda _: child.acts() == ["clipboard_changed"])
    stopped(owner)
    display.copy("one")  # as a clipboard manager does
    display.press("key", "alt+Tab")
    child.until(lambda _: "alt_tab" in child.acts())
    display.copy("two")
    child.until(lambda _: len(child.acts()) == 3)
    child.finish()
    assert child.acts() == ["clipboard_changed", "alt_tab", "clipboard_changed"]


def test_nothing_is_heard_while_nobody_listens(display: Display, children: ExitStack) -> None:
    child = listen(children, display.environment)
    child.until_state("screen", "ok")
    child.say("detach")
    mark = len(child.heard)
    display.press("key", "ctrl+c")
    child.say("attach")
    child.until_state("screen", "ok", after=mark)
    display.press("key", "ctrl+v")
    child.until(lambda _: "paste" in child.acts())
    child.finish()
    assert child.acts()[-1] == "paste"
    assert child.acts().count("paste") == 1


def test_a_lost_display_is_said_and_harms_nothing(display: Display, children: ExitStack) -> None:
    child = listen(children, display.environment)
    child.until_state("screen", "ok")
    display.stop()
    assert "display" in child.until_state("screen", "lost")
    child.finish()


def test_without_a_display_the_screen_is_off_and_says_why(children: ExitStack) -> None:
    bare = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    child = listen(children, bare)
    assert "DISPLAY is not set" in child.until_state("screen", "off")
    child.finish()


def test_a_display_that_does_not_answer_is_missing(children: ExitStack) -> None:
    child = listen(children, dict(os.environ) | {"DISPLAY": ":987"})
    assert "DISPLAY" in child.until_state("screen", "missing")
    child.finish()
