"""Where one fault is made: a server in a folder of its own, honest students who act, a proctor who decides, and who hears what is told."""

from __future__ import annotations

import contextlib
import random
import re
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import psutil
import requests
from pymongo.errors import PyMongoError

from bench.faults.comparison import Outcome, Promised, compare
from bench.faults.deciding import Deciding
from bench.faults.reading import clips_pending, read_kept, sessions_running
from bench.faults.row import LeftOut, Row
from bench.faults.students import Acting, NumberedStudent
from bench.faults.watching import Watching
from bench.harness.drawn import drawn_footage
from bench.harness.server import Server, ServerError
from bench.harness.stored import mongod_of
from bench.harness.waiting import comes, free_port

SHORT = {
    "INTERVAL_DURATION": "5",
    "CHECK_INTERVAL": "2",
    "CLIP_PREROLL_S": "1",
    "CLIP_POSTROLL_S": "1",
    "INTERVAL_SETTLE_S": "2",
    "POINTS_NO_FACE": "0",
    "GAZE_FPS": "1",
    "FACE_INTERVAL_S": "5",
    "VIDEO_FPS": "4",
}
STUDENTS = 2
MODELS_S = 90.0  # the models load behind the start
DELIVERED_S = 60.0  # what waited in the pages must be acknowledged within it once all is well again
SETTLED_S = 150.0  # and every clip be made; those that failed for the disk are tried again with a back-off


class Ground:
    """One row's. The row calls `begin`, makes its fault with `hit`, and waits with `served`; `outcome` ends all and compares."""

    def __init__(self, folder: Path, seed: int, rounds: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.rounds = rounds
        self.closing = ExitStack()  # ended after the server
        self.students: list[NumberedStudent] = []
        self.notes: list[str] = []
        self.faults: list[str] = []
        self.served_s: list[float] = []
        self.hit_at: float | None = None
        self._first_hit: float | None = None
        self._server: Server | None = None
        self._processes: list[psutil.Process] = []
        self.acting: Acting | None = None
        self.deciding: Deciding | None = None
        self.watching: Watching | None = None

    @property
    def server(self) -> Server:
        assert self._server is not None, "begin comes first"
        return self._server

    def begin(self, settings: Mapping[str, str] | None = None, students: int = STUDENTS) -> None:
        """Start the server with short intervals and `settings`, and the exam of everybody."""
        self._server = Server(self.folder, {**SHORT, "FLASK_PORT": str(free_port()), **(settings or {})})
        self.start()
        loaded = lambda: requests.get(f"{self.server.url}/api/health", timeout=10).json()["parts"]["models"]["state"] != "loading"  # noqa: E731
        if not comes(loaded, MODELS_S, 0.2):
            raise ServerError("the models did not load")
        footage = [drawn_footage(seed=1), drawn_footage(seed=2, codec="h264")]
        for number in range(students):
            session = self.server.create(f"honest-{number}", "faults")
            link = f"{self.server.link_url}?token={session['token']}"
            self.students.append(NumberedStudent(link, footage[number % 2], session_id=session["session_id"]))
        for student in self.students:
            student.start()
        if not comes(lambda: all(student.welcomed.is_set() for student in self.students), MODELS_S):
            raise ServerError("the students were not welcomed")
        self.acting = Acting(self.students)
        self.deciding = Deciding(self.server)
        self.watching = Watching(self.server, [student.session_id for student in self.students])
        if not self._served_since(time.monotonic(), 30):
            raise ServerError("no act was acknowledged before any fault")

    def start(self) -> None:
        """Start the server, again too, and remember its processes."""
        self.server.start()
        self._processes += self.server.processes()
        with contextlib.suppress(ServerError):
            self._processes.append(mongod_of(self.server))

    def rest(self, least: float = 1.0, most: float = 6.0) -> None:
        """Let a random time pass."""
        threading.Event().wait(self.random.uniform(least, most))

    def hit(self) -> None:
        """The fault is made at this moment."""
        self.hit_at = time.monotonic()
        if self._first_hit is None:
            self._first_hit = self.hit_at

    def served(self, within: float, what: str = "the fault") -> bool:
        """Wait until every student is served again since the last `hit`, and note how long that took."""
        assert self.hit_at is not None
        begun = self.hit_at
        if not self._served_since(begun, within - (time.monotonic() - begun)):
            waits = [student.session_id for student in self.students if not student.served_since(begun)]
            self.faults.append(f"{len(waits)} of {len(self.students)} students not served again {within:g} s after {what}")
            return False
        self.served_s.append(round(max(student.first_served_after(begun) for student in self.students) - begun, 1))
        return True

    def _served_since(self, moment: float, within: float) -> bool:
        return comes(lambda: all(student.served_since(moment) for student in self.students), max(0.1, within))

    # The end

    def outcome(self, row: Row, left_out: str = "") -> Outcome:
        """End the exam and the server; return the figures."""
        if left_out or self._server is None or self.acting is None:
            return Outcome(row.name, left_out=left_out, faults=list(self.faults))
        assert self.deciding is not None
        assert self.watching is not None
        self.acting.stop()
        self.deciding.stop()
        comes(lambda: not any(student.unacknowledged() for student in self.students if not student.put_out), DELIVERED_S)
        put_out = [student.put_out for student in self.students if student.put_out]
        told = self.watching.since(self._first_hit or 0.0)
        degraded = any(at >= (self._first_hit or 0.0) for at in self.watching.degraded)
        for student in self.students:
            student.leave()
        try:
            self._settle()
            kept = read_kept(self.server, self.students)
        except Exception as error:
            return Outcome(row.name, faults=[*self.faults, f"what is there could not be read: {type(error).__name__}: {str(error)[:200]}"])
        self.watching.stop()
        outcome = compare(self._promised(put_out), kept)
        outcome.name, outcome.served_s, outcome.notes = row.name, self.served_s, self.notes
        outcome.longest_wait_s = round(max(student.longest_wait() for student in self.students), 1)
        outcome.health, outcome.wall = told
        outcome.faults = self.faults + outcome.faults + _untold(row, outcome, degraded=degraded)
        self._stop_server(outcome)
        return outcome

    def _settle(self) -> None:
        """Wait until all sessions have ended and their clips are made; the database may still be coming back."""

        def settled() -> bool:
            with contextlib.suppress(PyMongoError, ServerError):
                return not sessions_running(self.server) and not clips_pending(self.server)
            return False

        comes(settled, SETTLED_S, 0.5)

    def _promised(self, put_out: list[str]) -> Promised:
        assert self.deciding is not None
        return Promised(
            {act: student.session_id for student in self.students for act in student.sent_acts},
            {act: student.session_id for student in self.students for act in student.acknowledged},
            self.deciding.sent,
            self.deciding.acknowledged,
            put_out,
        )

    def _stop_server(self, outcome: Outcome) -> None:
        begun = time.monotonic()
        self.server.stop()
        took = time.monotonic() - begun
        if took > 15:
            outcome.faults.append(f"the server took {took:.0f} s to stop")
        half = [path.name for path in (self.folder / "temp").rglob("*.part")] if (self.folder / "temp").is_dir() else []
        if half:
            outcome.faults.append(f"{len(half)} half clips are left in the temporary folder")

    def close(self) -> None:
        """End whatever still runs, and undo what the row did to the machine."""
        for student in self.students:
            student.close()
        for part in (self.acting, self.deciding, self.watching):
            if part is not None:
                part.stop()
        with contextlib.suppress(ServerError, OSError):
            if self._server is not None and self._server.process is not None:
                self._server.stop()
        for process in self._processes:
            with contextlib.suppress(psutil.Error):
                process.kill()
        self.closing.close()


def _untold(row: Row, outcome: Outcome, *, degraded: bool) -> list[str]:
    """What had to be told and was not."""
    faults = []
    if row.health and not any(re.search(row.health, words) for words in outcome.health):
        faults.append(f"health did not tell it (nothing like {row.health!r}{'' if degraded else '; it said ok'})")
    if row.wall and not any(re.search(row.wall, words) for words in outcome.wall):
        faults.append(f"the wall did not tell it (nothing like {row.wall!r})")
    return faults


def run_row(row: Row, folder: Path, seed: int, rounds: int) -> Outcome:
    """One row on a new ground; whatever happens, all is ended and told."""
    ground, begun, left_out = Ground(folder, seed, rounds), time.monotonic(), ""
    try:
        try:
            row.run(ground)
        except LeftOut as reason:
            left_out = str(reason)
        except (ServerError, requests.RequestException, OSError, psutil.Error) as error:
            ground.faults.append(f"{type(error).__name__}: {str(error)[-400:]}")
        outcome = ground.outcome(row, left_out)
    finally:
        ground.close()
    outcome.seed, outcome.seconds = seed, round(time.monotonic() - begun, 1)
    return outcome
