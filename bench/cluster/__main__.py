"""An exam on several servers, of which one is killed and one drained, while the database's primary is killed and the store is away.

venv/bin/python -m bench.cluster [--instances 3] [--students 30] [--seconds 180] [--exams 10] [--json FILE]

Prints for each of these how long students and walls were without the server (from the moment it was done to the first act that was done after it and
acknowledged; to the next thing that a wall heard), and for all of them together; and for the whole what was acknowledged against what is there: acts,
intervals that were closed, flags that walls heard, clips. All zeros are wanted, p95 of the students' gaps at most 5 s and none over 15 s; the exit
status is 1 otherwise. What several servers cost: bench.cluster.cost.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import numpy as np
from pymongo.errors import PyMongoError

from bench.cluster.people import ACT_EVERY_S, BURST_EVERY, Closing, Wall
from bench.cluster.town import Town, town
from bench.faults.comparison import FoundClip, Kept, Outcome, Promised, compare
from bench.faults.students import Acting, NumberedStudent
from bench.harness.drawn import drawn_footage
from bench.harness.server import ServerError
from bench.harness.waiting import comes

WELCOMED_S = 120.0
BACK_S = 60.0  # for so long a student is waited for after something was done
DELIVERED_S = 90.0
SETTLED_S = 300.0
STORE_AWAY_S = 30.0
MEMBER_AWAY_S = 10.0
GAP_P95_S, GAP_MOST_S = 5.0, 15.0


@dataclass
class Gap:
    """One thing that was done, and how long people were without the server: in s, by student; `moved` are those whose server it was."""

    what: str
    at: float
    students: list[float] = field(default_factory=list)
    moved: list[float] = field(default_factory=list)
    walls: list[float] = field(default_factory=list)


class Exam:
    """The measurement, from the first student to the last."""

    def __init__(self, place: Town, students: int, exams: int) -> None:
        self.town = place
        footage = [drawn_footage(seed=1), drawn_footage(seed=2, codec="h264")]
        self.students: list[NumberedStudent] = []
        sessions: dict[str, list[str]] = {f"exam-{number}": [] for number in range(min(exams, students))}
        keys: dict[str, str] = {}
        for number in range(students):
            exam_id = f"exam-{number % len(sessions)}"
            session_id, link, keys[exam_id] = place.seat(f"student-{number}", exam_id)
            self.students.append(NumberedStudent(link, footage[number % 2], session_id=session_id))
            sessions[exam_id].append(session_id)
        for student in self.students:
            student.start()
        if not comes(lambda: all(student.welcomed.is_set() for student in self.students), WELCOMED_S):
            raise ServerError(f"{sum(not student.welcomed.is_set() for student in self.students)} students were not welcomed")
        self.walls = [Wall(place, exam_id, keys[exam_id], ids) for exam_id, ids in sessions.items()]
        self.wall_of = {session_id: wall for wall, ids in zip(self.walls, sessions.values(), strict=True) for session_id in ids}
        self.acting = Acting(self.students, ACT_EVERY_S, burst_every=BURST_EVERY)
        self.closing = Closing(place)
        self.gaps: list[Gap] = []
        self.closed_there = self.flags_there = 0  # of the intervals that were closed, and the flags that were told, those that are there in the end

    def hit(self, what: str, do: Callable[[], None], server: str = "") -> None:
        """Do it, and wait until everybody is served again. `server`: whose it is."""
        owners = self.town.owners() if server else {}
        moved = {session_id for session_id, owner in owners.items() if owner.partition("#")[0] == server}
        at = time.monotonic()
        do()
        comes(lambda: all(student.served_since(at) for student in self.students), BACK_S)
        gap = Gap(what, at)
        for student in self.students:
            first = student.first_served_after(at)
            gap.students.append(first - at)
            if student.session_id in moved:
                gap.moved.append(first - at)
        self.gaps.append(gap)
        print(f"  {what}: {_spread(gap.students)}", flush=True)

    def end(self) -> tuple[Outcome, list[str]]:
        """Let everybody end; give what was promised against what is there, and what else is not as it must be."""
        for gap in self.gaps:  # now: a wall may come back after the students
            gap.walls = [self.wall_of[student.session_id].gap_after(student.session_id, gap.at) for student in self.students]
        self.acting.stop()
        comes(lambda: all(student.put_out or not student.unacknowledged() for student in self.students), DELIVERED_S)
        put_out = [student.put_out for student in self.students if student.put_out]
        leaving = [threading.Thread(target=student.leave) for student in self.students]
        for thread in leaving:
            thread.start()
        for thread in leaving:
            thread.join()
        comes(self._is_settled, SETTLED_S, 1.0)
        self.closing.stop()
        for wall in self.walls:
            wall.stop()
        records = self.town.records
        acts = [(act["session_id"], act["_id"].partition(":")[2], act["detail"]) for act in records.acts.find()]
        intervals = {row["_id"]: row for row in records.intervals.find()}
        counted: dict[str, int] = {}
        for row in intervals.values():
            found = sum(one["occurrences"] for one in row["violations"] if one["kind"] == "copy_paste")
            counted[row["session_id"]] = counted.get(row["session_id"], 0) + found
        promised = Promised(
            {act: student.session_id for student in self.students for act in student.sent_acts},
            {act: student.session_id for student in self.students for act in student.acknowledged},
            {},
            {},
            put_out,
        )
        clips = [self._clip(row) for row in intervals.values() if row["flagged"]]
        outcome = compare(promised, Kept(acts, counted, [], clips))
        outcome.longest_wait_s = round(max(student.longest_wait() for student in self.students), 1)
        return outcome, list(self._missed(intervals))

    def _missed(self, intervals: dict[str, Any]) -> Iterator[str]:
        flagged = {one for one, row in intervals.items() if row["flagged"]}
        self.closed_there, self.flags_there = len(self.closing.closed.keys() & intervals.keys()), len(self.flags_told() & flagged)
        were_flagged = {one for one, is_flagged in self.closing.closed.items() if is_flagged}
        for what, missing in (
            ("closed intervals not there", self.closing.closed.keys() - intervals.keys()),
            ("flagged intervals that are none now", were_flagged - flagged),
            ("flags that walls heard and that are not there", self.flags_told() - flagged),
            ("intervals that are not closed", {one for one, row in intervals.items() if not row.get("closed")}),
        ):
            if missing:
                yield f"{len(missing)} {what}: {', '.join(sorted(missing)[:3])}"

    def flags_told(self) -> set[str]:
        """What walls heard of."""
        return {flag for wall in self.walls for flag in wall.flags}

    def _is_settled(self) -> bool:
        with contextlib.suppress(PyMongoError):
            records = self.town.records
            waits = {"flagged": True, "$or": [{"clip.state": "pending"}, {"clip.reason": {"$regex": "tried again"}}]}
            if records.sessions.count_documents({"state": "running"}) or records.intervals.count_documents(waits):
                return False
            made = records.intervals.count_documents({"flagged": True, "clip.state": "ready"})
            return records.files.count_documents({"there": True}) >= made
        return False

    def _clip(self, row: dict[str, Any]) -> FoundClip:
        clip, problem = row["clip"], ""
        if clip["state"] == "ready":
            try:
                data = self.town.call("GET", f"/api/video/{row['_id']}").content
                if hashlib.sha256(data).hexdigest() != clip["sha256"]:
                    problem = "the file is another than its record says"
                else:
                    with av.open(BytesIO(data), "r") as container:
                        problem = "" if any(True for _ in container.decode(video=0)) else "the file shows nothing"
            except (ServerError, OSError, av.error.FFmpegError) as error:
                problem = str(error)[:200]
        # What a killed server had of an interval in memory is gone with it: such a clip may have failed, and says so.
        return FoundClip(row["_id"], clip["state"], clip.get("reason", ""), problem, unseen=True)


def run(place: Town, exam: Exam, seconds: float) -> None:
    """What is done to the town, at its times."""
    begun = time.monotonic()

    def until(share: float) -> None:
        threading.Event().wait(max(0.0, begun + share * seconds - time.monotonic()))

    until(0.1)
    exam.hit("nothing", lambda: None)
    if len(place.servers) > 1:
        first, second = place.servers[0], place.servers[1]
        until(0.2)
        exam.hit(f"{first.settings['INSTANCE_NAME']} killed", first.kill, first.settings["INSTANCE_NAME"])
        threading.Thread(target=first.start, daemon=True).start()
        until(0.45)
        exam.hit(f"{second.settings['INSTANCE_NAME']} drained", lambda: _drain(second), second.settings["INSTANCE_NAME"])
        threading.Thread(target=_again, args=(second,), daemon=True).start()
    until(0.65)
    exam.hit("the primary killed", lambda: _kill_primary(place))
    until(0.75)
    exam.hit("the store away", place.store.off)
    threading.Event().wait(STORE_AWAY_S)
    place.store.on()
    until(1.0)


def _drain(server: Any) -> None:
    server.process.send_signal(signal.SIGTERM)


def _again(server: Any) -> None:
    server.process.wait(120)
    server.start()


def _kill_primary(place: Town) -> None:
    port = place.mongods.primary()
    assert port is not None
    place.mongods.stop(port, kill=True)
    timer = threading.Timer(MEMBER_AWAY_S, place.mongods.start, [port])
    timer.daemon = True
    timer.start()


def _spread(gaps: Sequence[float]) -> str:
    if not gaps:
        return "–"
    p50, p95 = np.percentile([min(gap, 999.0) for gap in gaps], [50, 95])
    return f"p50 {p50:.1f}, p95 {p95:.1f}, most {max(gaps):.1f} s ({len(gaps)})"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=3, choices=(1, 2, 3))
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--exams", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cluster-", ignore_cleanup_errors=True) as folder, town(Path(folder), options.instances) as place:
        exam = Exam(place, options.students, options.exams)
        run(place, exam, options.seconds)
        outcome, missed = exam.end()
        closed, flags = len(exam.closing.closed), len(exam.flags_told())
    hurt = [gap for gap in exam.gaps if gap.what != "nothing"]
    every = [one for gap in hurt for one in gap.students]
    p95 = float(np.percentile([min(one, 999.0) for one in every], 95)) if every else 0.0
    outcome.faults += missed
    if p95 > GAP_P95_S or max(every, default=0.0) > GAP_MOST_S:
        outcome.faults.append(f"students' gaps: p95 {p95:.1f} s of at most {GAP_P95_S:g}, most {max(every):.1f} s of {GAP_MOST_S:g}")
    print(f"\n{options.instances} servers, {options.students} students in {options.exams} exams, {options.seconds:g} s")
    print(f"{'all of these':<24} students {_spread(every)}; walls {_spread([one for gap in hurt for one in gap.walls])}")
    for gap in exam.gaps:
        print(f"{gap.what:<24} students {_spread(gap.students)}; of that server {_spread(gap.moved)}; walls {_spread(gap.walls)}")
    print(f"acts acknowledged {outcome.acknowledged}, there {outcome.there}, lost {outcome.lost}, twice {outcome.doubled}")
    print(f"acts counted wrongly {outcome.miscounted}, longest wait {outcome.longest_wait_s} s")
    print(f"intervals closed {closed}, there {exam.closed_there}; flags told {flags}, there {exam.flags_there}")
    print(f"clips right {outcome.clips_right} of {outcome.clips}, put out {outcome.put_out}")
    print("\n".join(f"FAULT: {fault}" for fault in outcome.faults) or "no faults")
    if options.json:
        options.json.write_text(json.dumps({"gaps": [asdict(gap) for gap in exam.gaps], **outcome.to_dict()}, indent=1))
    return 0 if outcome.well else 1


if __name__ == "__main__":
    sys.exit(main())
