"""What it costs that several servers share a database: the same students at one server, and spread over two on the same machine.

venv/bin/python -m bench.cluster.cost [--students 16] [--seconds 120] [--rounds 2] [--data DIR] [--json FILE]

Prints for each how much of the servers' processors a student-second takes, and what the database has to do for a student-hour: its operations, what
comes in and goes out (to the two that copy it, too) and what is kept. What servers cost that nobody uses is measured first, and shown beside it: the
processors' share is in the students' figures, the database's is taken off. By the usual settings; footage as `bench.load` plays it, drawn where there
is none. The exit status is 1 where two servers take more than 5 % more than one.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import requests

from basics.paths import ROOT
from bench.cluster.town import BEARER, Town, town
from bench.harness.drawn import drawn_footage
from bench.harness.footage import scenarios
from bench.harness.server import Server, ServerError
from bench.harness.student import Footage, StudentClient
from bench.harness.waiting import comes
from bench.load import Meter, footage_of

WARM_S, IDLE_S = 20.0, 20.0
WELCOMED_S = 120.0
LAP_S = 60.0  # of the footage, which begins again at its end
PLAYED = 4  # scenarios, in turn
MORE = 0.05
SETTINGS = {"MAX_SESSIONS": "500"}
KINDS = ("insert", "update", "delete", "query", "getmore", "command")


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted up to a moment: seconds of the servers' processors, operations of the database, and bytes."""

    at: float
    cpu_s: float
    operations: tuple[int, ...]  # as `KINDS`
    bytes_in: int
    bytes_out: int
    kept: int

    @classmethod
    def now(cls, place: Town, meters: Sequence[Meter]) -> Counted:
        """Of the town's servers and its primary, which all of them ask."""
        status = place.records.client.admin.command("serverStatus", repl=0, metrics=0, locks=0)
        kept = int(place.records.command("dbStats")["dataSize"])
        operations = tuple(int(status["opcounters"][kind]) for kind in KINDS)
        network = status["network"]
        return cls(time.monotonic(), sum(one.cpu_s() for one in meters), operations, int(network["bytesIn"]), int(network["bytesOut"]), kept)

    def a_second(self, before: Counted) -> Rates:
        """What it was a second since then."""
        took = self.at - before.at
        operations = tuple((now - then) / took for now, then in zip(self.operations, before.operations, strict=True))
        bytes_in, bytes_out = (self.bytes_in - before.bytes_in) / took, (self.bytes_out - before.bytes_out) / took
        return Rates((self.cpu_s - before.cpu_s) / took, operations, bytes_in, bytes_out, (self.kept - before.kept) / took)


@dataclass(frozen=True, slots=True)
class Rates:
    """Each a second."""

    cpu_s: float
    operations: tuple[float, ...]
    bytes_in: float
    bytes_out: float
    kept: float


@dataclass(frozen=True, slots=True)
class Cost:
    """Of so many servers: CPU-ms of them all a student-second, and a second while nobody is there; the rest is the database's for a student-hour.

    `behind` students were read too seldom: then the machine was full, and its processors' share says nothing.
    """

    servers: int
    cpu_ms: float
    idle_cpu_ms: float
    operations: dict[str, float]
    mb_in: float
    mb_out: float
    mb_kept: float
    behind: int = 0


def cost_of(servers: int, students: int, idle: Rates, busy: Rates, behind: int = 0) -> Cost:
    """What so many students cost, from what was counted without and with them."""

    def hourly(with_them: float, without: float) -> float:
        return (with_them - without) * 3600 / students

    operations = {kind: hourly(*pair) for kind, pair in zip(KINDS, zip(busy.operations, idle.operations, strict=True), strict=True)}
    mb_in, mb_out, mb_kept = (hourly(with_them, without) / 1e6 for with_them, without in zip(_sizes(busy), _sizes(idle), strict=True))
    return Cost(servers, 1000 * busy.cpu_s / students, 1000 * idle.cpu_s, operations, mb_in, mb_out, mb_kept, behind)


def _sizes(rates: Rates) -> tuple[float, float, float]:
    return rates.bytes_in, rates.bytes_out, rates.kept


def measure(servers: int, students: int, seconds: float, footage: Sequence[Footage]) -> Cost:
    """Start servers, measure them without and with students, and end all of it. Raise `ServerError`."""
    with tempfile.TemporaryDirectory(prefix="cost-", ignore_cleanup_errors=True) as folder, town(Path(folder), servers, SETTINGS) as place:
        meters = [Meter(server) for server in place.servers]
        threading.Event().wait(IDLE_S)  # what begins with a start is over
        before = Counted.now(place, meters)
        threading.Event().wait(IDLE_S)
        idle = Counted.now(place, meters).a_second(before)
        there = [StudentClient(link, footage[number % len(footage)]) for number, link in enumerate(links(place, students))]
        for student in there:
            student.start()
        if not comes(lambda: all(student.welcomed.is_set() for student in there), WELCOMED_S):
            raise ServerError(f"{sum(not student.welcomed.is_set() for student in there)} students were not welcomed")
        threading.Event().wait(WARM_S)
        before = Counted.now(place, meters)
        threading.Event().wait(seconds)
        busy = Counted.now(place, meters).a_second(before)
        behind = sum(int(health["analysis"]["behind"]) for health in map(parts_of, place.servers))
        leaving = [threading.Thread(target=student.finish, args=(15.0,)) for student in there]
        for thread in leaving:
            thread.start()
        for thread in leaving:
            thread.join()
    return cost_of(servers, students, idle, busy, behind)


def parts_of(server: Server) -> dict[str, Any]:
    """How the parts of a server are."""
    found: dict[str, Any] = requests.get(f"{server.url}/api/health", timeout=30, headers=BEARER).json()["parts"]
    return found


def links(place: Town, students: int) -> list[str]:
    """The links of as many students at each server: of one exam each, by whose name HAProxy leads there."""
    share, found = students // len(place.servers), dict[str, list[str]]()
    for number in itertools.count():
        exam = f"cost-{number}"
        session_id, link, _key = place.seat(f"{exam}-0", exam)
        owner = place.owners()[session_id]
        if owner in found:
            place.call("POST", "/api/session/end", json={"user_id": f"{exam}-0", "exam_id": exam})
            continue
        found[owner] = [link, *(place.seat(f"{exam}-{seat}", exam)[1] for seat in range(1, share))]
        if len(found) == len(place.servers):
            break
    return [link for some in found.values() for link in some]


def told(cost: Cost) -> str:
    """In words."""
    operations = ", ".join(f"{kind} {count:,.0f}" for kind, count in cost.operations.items())
    return (
        f"{cost.servers} server{'s' if cost.servers > 1 else ''}: {cost.cpu_ms:.1f} CPU-ms a student-second, without students {cost.idle_cpu_ms:.1f} "
        f"a second\n  database, a student-hour: {sum(cost.operations.values()):,.0f} operations ({operations}), "
        f"{cost.mb_in:.2f} MB in, {cost.mb_out:.2f} MB out, {cost.mb_kept:.2f} MB kept"
        + (f"\n  {cost.behind} students were read too seldom: this machine is full, take fewer" if cost.behind else "")
    )


def footage_from(data: Path) -> list[Footage]:
    """What students send, as H.264: scenarios where there are any."""
    found = [footage_of(one, LAP_S, "h264") for one in scenarios(data)[:PLAYED]] if (data / "scenarios").is_dir() else []
    if not found:
        print("no scenarios: the footage is drawn, and shows nobody")
    return found or [drawn_footage(seed=1, codec="h264"), drawn_footage(seed=2, codec="h264")]


def main() -> int:
    """Print the figures; exit status 1 where two servers cost too much more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=16, help="an even number (default 16)")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--rounds", type=int, default=2, help="one server and two in turn, so many times (default 2); the medians count")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder with scenarios/")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    if options.students < 2 or options.students % 2 or options.seconds <= 0 or options.rounds < 1:
        parser.error("--students must be even and 2 or more, --seconds above 0, --rounds 1 or more")
    footage = footage_from(options.data)
    costs: list[Cost] = []
    for servers in (1, 2) * options.rounds:
        costs.append(measure(servers, options.students, options.seconds, footage))
        print(told(costs[-1]), flush=True)
    one, two = (statistics.median(cost.cpu_ms for cost in costs if cost.servers == servers) for servers in (1, 2))
    more = f"two servers take {100 * (two / one - 1):+.1f} % more than one (at most {100 * MORE:g} %)"
    print(f"\n{options.students} students, {options.seconds:g} s: {more}")
    if options.json:
        options.json.write_text(json.dumps([asdict(cost) for cost in costs], indent=1))
    return 0 if two <= one * (1 + MORE) else 1


if __name__ == "__main__":
    sys.exit(main())
