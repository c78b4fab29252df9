"""Whether the server holds the sizes of a university: 50,000 sessions, 6 million intervals, 5,000 students in an exam.

venv/bin/python -m bench.sizes [--scale 0.05] [--keep DIR]
venv/bin/python -m bench.sizes --running 5000

Generates the records in a database of its own, starts the real server on it, and asks for what each of a proctor's pages asks for: `first` is the
first answer after the start, `median` that of five more; `cpu` is what server and database worked for one answer, `keys` and `documents` what the
database looked at for it. Then it imports a list of students and makes and checks the package of a session of two hours, with clips that are films.
On a machine that does other things, too, only the processors' time says something.
`--running`: of so many sessions of one exam that go on, what server and database work for the figures of Analytics and Exams, first as on a server
that has just begun to keep them, then with what it keeps; of intervals up to a moment ago, two minutes after they were last added to what is kept.
`--keep`: the records stay in this folder, and are used again where they are there. What is over its limit is marked, and makes the exit status 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pymongo
import requests

from bench.harness.server import Server
from bench.harness.university import BIG, LONG, LONG_SESSION, NOW, Sizes, University
from bench.harness.waiting import comes
from database import Database
from records.analytics import Analytics, Span
from records.exams import Exams, exam_key
from records.figure_store import FigureKeeper
from records.package_check import check_package
from scoring.exam import ExamDefinition
from storage.mongod import EmbeddedMongod

DB_NAME = "proctoring_db"
DEFINED = 100  # of the other exams
ROUNDS = 5
ANSWER_MS, IMPORT_S, PACKAGE_S, VERIFY_MB_S = 200.0, 5.0, 20.0, 500.0
SETTINGS = {"KEEP_DAYS": "0", "RATE_LIMITS": "false"}
INDEXES_WITHIN_S, KEPT_WITHIN_S = 3600.0, 600.0

RESULTS = f"/api/exams/{exam_key(BIG)}/results"
ROSTER = f"/api/exams/{exam_key(BIG)}/roster"
QUEUE = "/api/review/queue"
CALLS: dict[str, str] = {
    "exams": "/api/exams",
    "an exam": f"/api/exams/{exam_key(BIG)}",
    "results": RESULTS,
    "results, by points": f"{RESULTS}?sort=points&down=true",
    "results, open flags": f"{RESULTS}?state=open&sort=open&down=true",
    "results, by conclusion": f"{RESULTS}?sort=conclusion",
    "results, people": f"{RESULTS}/people",
    "results.csv": f"{RESULTS}.csv",
    "students": ROSTER,
    "students, sought": f"{ROSTER}?search=student-0001",
    "students.csv": f"{ROSTER}.csv",
    "not come": "/api/rosters/not_come",
    "queue, by score": QUEUE,
    "queue, newest": f"{QUEUE}?rank=newest",
    "queue, by student": f"{QUEUE}?rank=student",
    "queue, confirmed": f"{QUEUE}?state=confirmed",
    "queue, disputed": f"{QUEUE}?state=disputed",
    "queue, answered": f"{QUEUE}?state=answered",
    "queue, all": f"{QUEUE}?state=all",
    "queue, an exam": f"{QUEUE}?exam_id={BIG}",
    "queue, an exam by student": f"{QUEUE}?exam_id={BIG}&rank=student",
    "queue, a student": f"{QUEUE}?user_id=student-00012",
    "queue, sought": f"{QUEUE}?search=0012",
    "queue, nobody sought": f"{QUEUE}?search=nobody",
    "queue, a kind": f"{QUEUE}?kind=prohibited_object",
    "queue, a kind of an exam": f"{QUEUE}?kind=prohibited_object&exam_id={BIG}&rank=newest",
    "sessions": "/api/sessions",
    "sessions, an exam": f"/api/sessions?exam_id={BIG}",
    "sessions, a student": "/api/sessions?user_id=student-00012",
    "sessions, sought": "/api/sessions?search=0012",
    "sessions, nobody sought": "/api/sessions?search=nobody",
    "sessions, without exam": "/api/sessions?without_exam=true",
    "sessions, interrupted": "/api/sessions?state=interrupted",
    "sessions, days": "/api/sessions?from=2020-01-01&to=2099-01-01&tz=Europe/Berlin",
    "sessions, counted": "/api/sessions/stats",
    "sessions, running": "/api/sessions/active",
    "a session": f"/api/session/{LONG_SESSION}/details",
    "its conclusion": f"/api/session/{LONG_SESSION}/conclusion",
    "its student's side": f"/api/session/{LONG_SESSION}/student-side",
    "a clip's readings": f"/api/review/{LONG_SESSION}-1/readings",
    "analytics": "/api/analytics",
    "analytics, an exam": f"/api/analytics?exam_id={BIG}",
    "analytics, days": "/api/analytics?from=2020-01-01&to=2099-01-01&tz=Europe/Berlin",
    "sessions.csv": "/api/analytics.csv?table=sessions",
    "intervals.csv": "/api/analytics.csv?table=intervals",
    "kinds.csv": "/api/analytics.csv?table=kinds",
    "flagged": "/api/flagged/all",
    "flagged, an exam": f"/api/flagged/all?exam_id={BIG}",
    "flagged, a student": "/api/flagged/all?user_id=student-00012",
    "audit": "/api/audit",
    "audit, sought": "/api/audit?what=confirmed",
    "audit, nobody sought": "/api/audit?who=nobody",
    "audit, an exam": f"/api/audit?exam_id={BIG}",
    "audit page": "/audit",
    "holds": "/api/holds",
    "accommodations": "/api/accommodations",
    "new looks": "/api/new-looks",
    "people": "/api/people",
    "health": "/api/health",
}


@dataclass(frozen=True, slots=True)
class Measured:
    """What one call took. `status` is not 200 where it was refused."""

    name: str
    first_ms: float
    median_ms: float
    cpu_ms: float
    keys: int
    documents: int
    status: int

    @property
    def is_over(self) -> bool:
        return self.status != 200 or max(self.first_ms, self.median_ms) > ANSWER_MS

    def __str__(self) -> str:
        said = f"{self.name:28} {self.first_ms:8.0f} {self.median_ms:8.0f} {self.cpu_ms:8.0f} {self.keys:10,} {self.documents:10,}"
        return said + (f"  answered {self.status}" if self.status != 200 else "  over" if self.is_over else "")


def fill(folder: Path, sizes: Sizes) -> None:
    """Make the records, and then the indexes."""
    mongod = EmbeddedMongod(folder / "data")
    uri = mongod.start()
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(uri, tz_aware=True)
    database = Database(uri, DB_NAME, folder / "data" / "spool", timeout_s=60)
    try:
        begun = time.monotonic()
        university = University(client[DB_NAME], sizes)
        made = university.fill(lambda number: print(f"  {number:,} sessions in {time.monotonic() - begun:.0f} s", flush=True))
        university.long_session(folder / "flagged_videos")
        filled = time.monotonic()
        database.start()
        if not database.wait_ready(INDEXES_WITHIN_S):
            raise SystemExit("The indexes were not made.")
        exams = Exams(database)
        for exam_id in (BIG, LONG, *(f"exam-{number:04d}" for number in range(1, 1 + DEFINED))):
            definition = ExamDefinition(exam_id=exam_id, title=f"The exam {exam_id}", course="Physics")
            exams.set_state(exams.make(definition, "Ada").key, "open" if exam_id == BIG else "archived", by="Ada")
        counts = ", ".join(f"{count:,} {kind}" for kind, count in made.items())
        print(f"made {counts} in {filled - begun:.0f} s, the indexes in {time.monotonic() - filled:.0f} s")
    finally:
        database.stop()
        client.close()
        mongod.stop()


class Asked:
    """The real server, asked with times and with what its database looked at."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._session = requests.Session()
        uri = EmbeddedMongod(server.folder / "data").running_uri()
        if uri is None:
            raise SystemExit("The server's mongod is not found.")
        self._client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(uri, tz_aware=True)
        self.database = self._client[DB_NAME]

    def once(self, path: str) -> tuple[float, int]:
        """Milliseconds until the answer's first byte, and its status."""
        begun = time.perf_counter()
        with self._session.get(self._server.url + path, stream=True, timeout=300) as answer:
            next(answer.iter_content(1), b"")
            took = 1000 * (time.perf_counter() - begun)
            for _part in answer.iter_content(1 << 16):
                if time.perf_counter() - begun > 60:
                    break
            return took, answer.status_code

    def measured(self, name: str, path: str, first_ms: float, status: int) -> Measured:
        """Ask again and again, the last time with the database's own account of it."""
        cpu, times = self.cpu_s(), []
        for _round in range(ROUNDS):
            took, status = self.once(path)
            times.append(took)
        cpu_ms = 1000 * (self.cpu_s() - cpu) / ROUNDS
        with self._profiled() as found:
            self.once(path)
        return Measured(name, first_ms, statistics.median(times), cpu_ms, found[0], found[1], status)

    def cpu_s(self) -> float:
        """The processors' time that server and database took so far."""
        assert self._server.process is not None
        main = psutil.Process(self._server.process.pid)
        times = [one.cpu_times() for one in (main, *main.children(recursive=True))]
        return float(sum(one.user + one.system for one in times))

    def figures_kept(self) -> float:
        """Wait until the figures of all sessions are kept, as they are on a server that has run for a while; how many seconds that took."""
        begun, sessions = time.monotonic(), self.database["sessions"]
        free = {"segment": None, "ended_at": {"$ne": None}}
        if not comes(lambda: sessions.find_one(free, {"_id": 1}) is None, KEPT_WITHIN_S, 1.0):
            raise SystemExit("The figures of some sessions are not kept.")
        return time.monotonic() - begun

    @contextmanager
    def _profiled(self) -> Iterator[list[int]]:
        self.database.command("profile", 0)
        self.database.drop_collection("system.profile")
        self.database.command("profile", 2)
        found: list[int] = []
        yield found
        self.database.command("profile", 0)
        rows = list(self.database["system.profile"].find({"ns": {"$ne": f"{DB_NAME}.system.profile"}}))
        found += [sum(int(row.get(name, 0)) for row in rows) for name in ("keysExamined", "docsExamined")]


def answers(server: Server, only: str) -> list[Measured]:
    """Every call once after the start, and then each five times."""
    asked = Asked(server)
    calls = {name: path for name, path in CALLS.items() if only in name}
    first = {name: asked.once(path) for name, path in calls.items()}
    print(f"{'':28} {'first ms':>8} {'median':>8} {'cpu ms':>8} {'keys':>10} {'documents':>10}")
    found = []
    for name, path in calls.items():
        found.append(asked.measured(name, path, *first[name]))
        print(found[-1], flush=True)
    return found


def importing(server: Server, students: int) -> float:
    """Import the list of the largest exam; how many seconds it takes."""
    lines = [
        f"student-{number:05d};Given{number} Family{number};s{number}@example.org;{25 if number % 20 == 0 else ''}" for number in range(students)
    ]
    text = "\n".join(["id;name;e-mail;extra time", *lines])
    begun = time.monotonic()
    done = server.call("POST", ROSTER, json={"text": text, "by": "Ada"})
    assert done["new"] == students, done
    return time.monotonic() - begun


def packaging(server: Server, folder: Path) -> tuple[float, float, float]:
    """Take the package of two hours and check it: seconds, megabytes, and those a second."""
    path = folder / "package.zip"
    begun = time.monotonic()
    with requests.get(f"{server.url}/api/session/{LONG_SESSION}/package", stream=True, timeout=300) as answer, path.open("wb") as file:
        answer.raise_for_status()
        for part in answer.iter_content(1 << 20):
            file.write(part)
    made, size = time.monotonic() - begun, path.stat().st_size / 1e6
    best = 0.0
    for _round in range(2):  # the second time from the system's memory
        begun = time.monotonic()
        found = check_package(path).findings
        assert not found, found
        best = max(best, size / (time.monotonic() - begun))
    path.unlink()
    return made, size, best


def going_on(folder: Path, sessions: int) -> bool:
    """Figures while so many sessions of one exam go on: whether their first answer is within the limit, by the processors' time."""
    mongod = EmbeddedMongod(folder / "data")
    uri = mongod.start()
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(uri, tz_aware=True)
    database = Database(uri, DB_NAME, folder / "data" / "spool", timeout_s=60)
    assert mongod.pid is not None
    processes = psutil.Process(), psutil.Process(mongod.pid)

    def worked(name: str, task: Callable[[], object]) -> float:
        before = sum(one.cpu_times().user + one.cpu_times().system for one in processes)
        task()
        cpu_ms = 1000 * float(sum(one.cpu_times().user + one.cpu_times().system for one in processes) - before)
        print(f"{name:28} {cpu_ms:8.0f} ms of the processors", flush=True)
        return cpu_ms

    try:
        University(client[DB_NAME], Sizes(0, 1)).running(sessions)
        database.start()
        if not database.wait_ready(INDEXES_WITHIN_S):
            raise SystemExit("The indexes were not made.")
        analytics, keeper = Analytics(database, 3), FigureKeeper(database)
        calls: dict[str, Callable[[], object]] = {"analytics": lambda: analytics.figures(Span()), "exams": analytics.exams}
        for name, call in calls.items():
            worked(f"{name}, nothing kept", call)
        newest = client[DB_NAME]["intervals"].find_one({"exam_id": NOW}, sort=[("started_at", -1)])
        assert newest is not None
        worked("keeping", lambda: keeper.keep_due(newest["started_at"] - timedelta(seconds=60)))
        took = [worked(f"{name}, first answer", call) for name, call in calls.items()]
        return max(took) <= ANSWER_MS
    finally:
        database.stop()
        client.close()
        mongod.stop()


def measure(folder: Path, scale: float, only: str) -> bool:
    """Whether everything was within its limit."""
    sizes, marker = Sizes.scaled(scale), folder / "filled"
    if not marker.is_file():
        fill(folder, sizes)
        marker.touch()
    with Server(folder, SETTINGS) as server:
        well = True
        if not server.call("GET", ROSTER)["total"]:
            took = importing(server, sizes.students)
            well &= took <= IMPORT_S
            print(f"import of {sizes.students:,} students: {took:.1f} s (at most {IMPORT_S:.0f})")
        print(f"figures kept of all sessions after {Asked(server).figures_kept():.0f} s")
    with Server(folder, SETTINGS) as server:
        found = answers(server, only)
        if not only:
            took, size, speed = packaging(server, folder)
            well &= took <= PACKAGE_S and speed >= VERIFY_MB_S
            print(f"package of two hours, {size:.0f} MB: {took:.1f} s (at most {PACKAGE_S:.0f})")
            print(f"checked at {speed:.0f} MB/s (at least {VERIFY_MB_S:.0f})")
        by_cpu = sum(one.cpu_ms <= ANSWER_MS for one in found)
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; by the processors' time alone {by_cpu} of {len(found)} within the limit")
    over = [one.name for one in found if one.is_over]
    print(f"{len(found) - len(over)} of {len(found)} answers within {ANSWER_MS:.0f} ms" + (f"; over: {', '.join(over)}" if over else ""))
    return well and not over


def main() -> int:
    """Measure in a folder of its own, which goes afterwards."""
    parser = argparse.ArgumentParser(prog="python -m bench.sizes", description="Does the server hold a university's sizes?")
    parser.add_argument("--scale", type=float, default=1.0, help="1: 50,000 sessions, 6 million intervals")
    parser.add_argument("--keep", type=Path, help="keep the records in this folder, and use those that are there")
    parser.add_argument("--only", default="", help="only calls whose name has this in it")
    parser.add_argument("--running", type=int, default=0, help="only figures, while so many sessions of one exam go on")
    given = parser.parse_args()
    if given.keep is not None:
        given.keep.mkdir(parents=True, exist_ok=True)
        return 0 if measure(given.keep, given.scale, given.only) else 1
    folder = Path(tempfile.mkdtemp(prefix="bench-sizes-"))
    try:
        return 0 if (going_on(folder, given.running) if given.running else measure(folder, given.scale, given.only)) else 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
