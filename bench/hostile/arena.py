"""Where one hostile case is played: a server, an honest student whose readings are counted, and the hostile ones, first quiet and then not."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
import requests

from bench.faults.watching import unwell_student
from bench.harness.drawn import drawn_footage
from bench.harness.page import CLOSED
from bench.harness.server import Server, ServerError
from bench.harness.student import Footage, StudentClient
from bench.harness.waiting import comes
from settings.settings import load_settings

WITHIN = 0.1  # of undisturbed, memory and readings
WINDOW_S = 12.0
WARM_S = 6.0  # the first readings load what the detectors need
BUSY = 3  # as many runnable threads for each core: then it isn't the case alone that takes the processor
ANSWER_S = 3.0  # what any call may take meanwhile
STOP_S = 10.0
MODELS_S = 90.0
START_S = 60.0  # for a process
HONEST = "honest"


@dataclass(frozen=True, slots=True)
class Case:
    """One hostile input. `attack` goes on until the event is set; `shown`: what it does must be seen at its own session."""

    name: str
    what: str
    attack: Callable[[Arena, threading.Event], None]
    hostile: int = 1  # sessions that it has
    seconds: float = WINDOW_S
    shown: bool = False
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Figures:
    """What one case did. Readings are a second, memory in MB, answers in s."""

    name: str
    readings_before: float = 0.0
    readings_during: float = 0.0
    memory_before: float = 0.0
    memory_during: float = 0.0
    slowest_answer_s: float = 0.0
    stopped_s: float = 0.0
    told: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class HonestStudent:
    """The student whose readings are counted, in a process of its own: the hostile ones take none of its time but the server's."""

    def __init__(self, url: str, footage: Footage) -> None:
        """Connect and send."""
        context = multiprocessing.get_context("spawn")
        self._told, there = context.Pipe()
        self._process = context.Process(target=_play, args=(url, footage, there), daemon=True)
        self._process.start()

    def is_welcomed(self) -> bool:
        """Wait until the server has let the student in; False where it doesn't."""
        return self._told.poll(START_S) and bool(self._told.recv())

    def close(self) -> None:
        """Leave without a word."""
        with contextlib.suppress(OSError):
            self._told.send(None)
        self._process.join(START_S)


def _play(url: str, footage: Footage, told: Connection) -> None:
    student = StudentClient(url, footage)
    student.start()
    told.send(student.welcomed.wait(START_S / 2))
    with contextlib.suppress(EOFError):
        told.recv()
    student.close()


class Arena:
    """One case's. The attack has `links` (one a hostile session), `server`, and puts what it finds into `faults` and `notes`."""

    def __init__(self, case: Case, folder: Path, footage: Footage) -> None:
        self.case = case
        self.figures = Figures(case.name)
        self.faults, self.notes = self.figures.faults, self.figures.notes
        self.server = Server(folder, {"CHECK_INTERVAL": "1", "INTERVAL_DURATION": "10", "POINTS_NO_FACE": "0", **case.settings})
        self.links: list[str] = []
        self.session_ids: list[str] = []
        self._footage = footage
        self._honest: HonestStudent | None = None
        self._honest_id = ""

    def play(self) -> Figures:
        """Measure undisturbed, then during the attack, then how the server stops."""
        begun = time.monotonic()
        with self.server:
            try:
                self._prepare()
                self._measure()
            except (ServerError, requests.RequestException, *CLOSED) as error:
                self.faults.append(f"{type(error).__name__}: {str(error)[-300:]}")
            finally:
                self._stop()
        load, cores = os.getloadavg()[0], os.cpu_count() or 1
        if load > BUSY * cores:
            self.notes.append(f"this machine is busy with other things (load {load:.0f} on {cores} cores): readings and answers say little")
        self.figures.seconds = round(time.monotonic() - begun, 1)
        return self.figures

    def status(self, session_id: str) -> dict[str, Any]:
        """A running session as the wall shows it; empty once it has ended. Raise `requests.RequestException`."""
        sessions = requests.get(f"{self.server.url}/api/sessions/active", timeout=10).json()["sessions"]
        return next((one for one in sessions if one["session_id"] == session_id), {})

    def timed(self, path: str, within: float = ANSWER_S) -> Any:
        """The answer to a GET, which must be a success `within` seconds; None where it isn't, which is a fault."""
        begun = time.monotonic()
        try:
            answer = requests.get(self.server.url + path, timeout=60)
        except requests.RequestException as error:
            self.faults.append(f"GET {path.partition('?')[0]}: {type(error).__name__}")
            return None
        took = time.monotonic() - begun
        if not answer.ok or took > within:
            self.faults.append(f"GET {path.partition('?')[0]}: {answer.status_code} after {took:.1f} s")
        return answer.json() if answer.ok else None

    def memory_mb(self) -> float:
        """What the server's own processes hold."""
        held = 0
        for process in self.server.processes():
            with contextlib.suppress(psutil.Error):
                held += process.memory_info().rss
        return held / 2**20

    # Its steps

    def _prepare(self) -> None:
        loaded = lambda: self.server.call("GET", "/api/health")["parts"]["models"]["state"] != "loading"  # noqa: E731
        if not comes(loaded, MODELS_S, 0.2):
            raise ServerError("the models did not load")
        session = self.server.create(HONEST)
        self._honest_id = session["session_id"]
        self._honest = HonestStudent(f"{self.server.link_url}?token={session['token']}", self._footage)
        quiet = []
        for number in range(self.case.hostile):
            other = self.server.create(f"hostile-{number}")
            self.session_ids.append(other["session_id"])
            self.links.append(f"{self.server.link_url}?token={other['token']}")
            quiet.append(StudentClient(self.links[-1], drawn_footage(seed=number), fps=2))
        for client in quiet:
            client.start()
        if not (self._honest.is_welcomed() and all(client.welcomed.wait(30) for client in quiet)):
            raise ServerError("the students were not welcomed")
        threading.Event().wait(WARM_S)
        self._quiet = quiet

    def _measure(self) -> None:
        """Both windows. The hostile sessions are ordinary ones in the first: their detectors are no fault of what they do then."""
        before = self._window(self.case.seconds if self.case.seconds < WINDOW_S else WINDOW_S)
        told_before = {words for session_id in self.session_ids for words in unwell_student(self.status(session_id))}
        for client in self._quiet:
            client.close()
        stop = threading.Event()
        thread = threading.Thread(target=self._attack, args=(stop,), name="attack", daemon=True)
        thread.start()
        during = self._window(self.case.seconds, told_before)
        stop.set()
        thread.join(30)
        self.figures.readings_before, self.figures.memory_before = self._readings(*before[:2]), round(before[2], 1)
        self.figures.readings_during, self.figures.memory_during = self._readings(*during[:2]), round(during[2], 1)
        self._judge()

    def _attack(self, stop: threading.Event) -> None:
        try:
            self.case.attack(self, stop)
        except CLOSED as error:
            self.notes.append(f"the attack was ended: {str(error)[:100] or type(error).__name__}")
        except (ServerError, requests.RequestException) as error:
            self.faults.append(f"{type(error).__name__}: {str(error)[:200]}")

    def _window(self, seconds: float, told_before: set[str] | None = None) -> tuple[float, float, float]:
        """From and to on the honest session's clock, and the most memory meanwhile."""
        begin, most, pause = self._elapsed(), 0.0, threading.Event()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            most = max(most, self.memory_mb())
            asked = time.monotonic()
            try:
                sessions = requests.get(f"{self.server.url}/api/sessions/active", timeout=30).json()["sessions"]
            except (requests.RequestException, ValueError, KeyError) as error:
                sessions = []
                if told_before is not None:
                    self.faults.append(f"no answer during it: {type(error).__name__}")
            if told_before is not None:
                self.figures.slowest_answer_s = round(max(self.figures.slowest_answer_s, time.monotonic() - asked), 2)
                self.figures.told += [words for words in _unwell(sessions, self.session_ids) if words not in {*told_before, *self.figures.told}]
            pause.wait(0.3)
        return begin, begin + seconds, most

    def _elapsed(self) -> float:
        return float(self.status(self._honest_id)["elapsed_s"])

    def _readings(self, begin: float, end: float) -> float:
        """The honest student's readings of gaze a second in that time."""
        checks = self.server.details(self._honest_id)["checks"]
        within = [check for check in checks if check["start"] >= begin and check["end"] <= end]
        return round(statistics.fmean(check["rates"]["gaze_fps"] for check in within), 2) if within else 0.0

    def _judge(self) -> None:
        figures = self.figures
        wanted = load_settings(_env_file=None).gaze_fps  # where something wakes the reading of a calm student, more are made
        if figures.readings_during < min(figures.readings_before, wanted) * (1 - WITHIN):
            figures.faults.append(f"the honest student's readings fell from {figures.readings_before:g} to {figures.readings_during:g} a second")
        if figures.memory_during > figures.memory_before * (1 + WITHIN):
            figures.faults.append(f"memory grew from {figures.memory_before:.0f} to {figures.memory_during:.0f} MB")
        if figures.slowest_answer_s > ANSWER_S:
            figures.faults.append(f"a call took {figures.slowest_answer_s:.1f} s meanwhile")
        if self.case.shown and not figures.told:
            figures.faults.append("nothing of it is shown at its session")
        figures.faults[:] = list(dict.fromkeys(figures.faults))

    def _stop(self) -> None:
        for client in (self._honest, *getattr(self, "_quiet", [])):
            if client is not None:
                client.close()
        begun = time.monotonic()
        self.server.stop()
        self.figures.stopped_s = round(time.monotonic() - begun, 1)
        if self.figures.stopped_s > STOP_S:
            self.faults.append(f"the server took {self.figures.stopped_s:.0f} s to stop")


def _unwell(sessions: list[dict[str, Any]], session_ids: list[str]) -> Iterator[str]:
    for session in sessions:
        if session["session_id"] in session_ids:
            yield from unwell_student(session)
