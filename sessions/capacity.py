"""How many exams this machine can watch: by what one reading costs it, measured at the start, and by what its workers reach from then on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from gaze_direction import GazeDetector
from sessions.models import Models
from sessions.session import ExamSession
from sessions.workers import Workers
from settings.settings import Settings

log = logging.getLogger(__name__)

SIZE = (640, 480)
MEASURED_S = 1.0  # in all
TIMES = 12  # readings at most
MORE = 1.1  # times as many as run are watched without trouble, where those are read as often as wanted
SLOWEST = 10.0  # readings a second of a worker at the least: a fifth of 47, as on laden cores (9 ms a reading, 72 ms a look, in every sixth)
LOOKED_S = 1.0  # between two looks at how the running exams are read


@dataclass(frozen=True, slots=True)
class Cost:
    """What reading costs on this machine, in CPU-seconds: one reading for gaze, and one look for persons and phones."""

    gaze_s: float
    look_s: float


def drawn_picture() -> npt.NDArray[np.uint8]:
    """A picture of somebody before a wall, drawn: `(480, 640, 3)`, uint8, BGR. What it costs to read hardly depends on what it shows."""
    width, height = SIZE
    noise = np.random.default_rng(7).integers(0, 12, (height, width, 3), np.uint8)
    picture = np.full((height, width, 3), (150, 160, 165), np.uint8) + noise
    for centre, axes, colour in (
        ((320, 470), (190, 140), (90, 70, 60)),
        ((320, 230), (88, 118), (150, 180, 215)),
        ((286, 208), (17, 8), (250, 250, 250)),
        ((354, 208), (17, 8), (250, 250, 250)),
        ((286, 208), (7, 7), (50, 40, 30)),
        ((354, 208), (7, 7), (50, 40, 30)),
        ((320, 246), (9, 22), (130, 160, 200)),
        ((320, 292), (34, 9), (90, 90, 180)),
    ):
        cv2.ellipse(picture, centre, axes, 0, 0, 360, colour, -1)
    return np.asarray(cv2.GaussianBlur(picture, (5, 5), 0), np.uint8)


def measure(models: Models, settings: Settings, seconds: float = MEASURED_S, stopped: Callable[[], bool] = lambda: False) -> Cost:
    """Read a drawn picture again and again for about so long, or until `stopped`. Raise `DetectorError` where there are no models of faces."""
    picture = drawn_picture()
    detector = GazeDetector(settings, finder=models.faces, models=models.face_models)
    try:
        gaze = detector.read(picture, 0.0)
        gaze_s, look_s = _least(lambda at: detector.read(picture, at), seconds / 2, stopped), 0.0
        if models.persons is not None:
            look = models.persons.look
            look_s = _least(lambda at: look(picture, at, gaze), seconds / 2, stopped)
        return Cost(gaze_s, look_s)
    finally:
        detector.close()


def _least(read: Callable[[float], object], seconds: float, stopped: Callable[[], bool]) -> float:
    """CPU-seconds of one call, the cheapest of some: what else the machine did meanwhile is in the others."""
    read(1.0)  # the first one makes what all others use
    until, costs = time.monotonic() + seconds, list[float]()
    for number in range(TIMES):
        wall, own = time.perf_counter(), time.thread_time()
        read(2.0 + number)
        wall, own = time.perf_counter() - wall, time.thread_time() - own
        costs.append(own if own > wall / 2 else wall)  # else threads of the model's own did it
        if time.monotonic() > until or stopped():
            break
    return max(1e-4, min(costs))


class Capacity:
    """How many exams are watched at once, each at least as often as is promised. Safe between threads."""

    def __init__(self, settings: Settings, workers: Workers, clock: Callable[[], float]) -> None:
        self._set = settings.capacity
        self._most = settings.max_sessions
        self._promised = settings.min_readings_per_s
        self._look_share = min(1.0, 1 / (settings.gaze_calm_fps * settings.face_calm_interval_s))  # of readings, while a student sits still
        # What is measured beside other work, or in the first pictures, is no ground to send anybody away: no machine is taken for slower than this.
        self._least = int(workers.count * SLOWEST / settings.min_readings_per_s)
        self._workers = workers
        self._clock = clock
        self._cost: Cost | None = None
        self._room: tuple[float, int] | None = None

    def measure(self, models: Models, settings: Settings, *, stopped: Callable[[], bool]) -> None:
        """Measure the machine, once the models are there; where that can't be done, what is read later tells. `stopped`: the server ends."""
        if self._set:
            return
        try:
            self._cost = measure(models, settings, stopped=stopped)
        except Exception as error:
            log.warning("what a reading costs can't be measured now: %s", error)
            return
        gaze_ms, look_ms = 1000 * self._cost.gaze_s, 1000 * self._cost.look_s
        log.info("a reading takes %.1f ms, a look for persons %.1f ms: %d exams can be watched", gaze_ms, look_ms, self.exams(()))

    @property
    def readings_a_second(self) -> float | None:
        """Readings that this machine can do a second, as far as is known."""
        reached = self._workers.pictures_a_second
        if reached is not None or self._cost is None:
            return reached
        return self._workers.count / (self._cost.gaze_s + self._look_share * self._cost.look_s)

    def exams(self, running: Sequence[ExamSession]) -> int:
        """How many exams may run, never more than MAX_SESSIONS. `running` are those that do."""
        if self._set:
            return min(self._set, self._most)
        now = self._clock()
        if self._room is None or not 0 <= now - self._room[0] < LOOKED_S:
            self._room = (now, self._look(running))
        return self._room[1]

    def _look(self, running: Sequence[ExamSession]) -> int:
        readings, count = self.readings_a_second, len(running)
        if readings is None:  # nothing is known against any
            return self._most
        able = int(readings / self._promised)
        rates = [standing for session in running if (standing := session.watch_over.reading_rate()) is not None]
        behind = [rate for rate, is_behind in rates if is_behind]
        if not behind:
            able = max(able, int(count * MORE) + 1)
        elif 2 * len(behind) > len(rates) and sum(behind) < self._promised * len(behind):
            able = min(able, count)
        return max(1, min(max(able, self._least), self._most))
