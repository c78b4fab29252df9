"""What servers for so many students need: the arithmetic of "Sizing" in docs/operators.md, from the figures of docs/speed.md.

    venv/bin/python -m bench.sizing [--days 30]

How full the fullest server is comes from `bench.routing`. The records are those that a student's session writes, as MongoDB gets them (BSON),
before it compresses them: a check and at most the interval and the session's sums every 10 s.
"""

from __future__ import annotations

import argparse
import statistics
from datetime import datetime, timezone

import bson

from basics.readings import GazeReading, IntervalResult, PersonsReading
from bench.harness.university import CHECK_S, FACE, GAZE_FPS, INTERVAL_S, LOOK_S
from bench.routing import run
from media.clip import Clip
from scoring.check_records import CheckCollector
from sessions.documents import interval_document
from sessions.identity import Identity
from settings.cluster import ClusterSettings

CORES, CALM = 0.05, 1.25  # a student on the machine of docs/speed.md, and what is left free
SERVER_GB, STUDENT_GB = 0.6, 0.015
CORE_GB = 0.06  # of each core beyond two: another worker's own models, made when so many look at once
IN_MBIT, IN_JPEG_MBIT = 0.35, 1.2
CLIP_MB, FLAGS = 3.6, 4  # of a flagged interval, and how many of them a session has, as in `bench.sizes`
HOURS = 2  # of the exam
RECORDS_EACH_CHECK = 3
ROWS = ((100, 1), (500, 1), (2000, 4), (5000, 10), (10_000, 20))  # students, servers
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def record_bytes() -> tuple[int, int]:
    """The size of a check and of an interval without violations."""
    collector = CheckCollector()
    for step in range(CHECK_S * GAZE_FPS):
        collector.add(GazeReading(step / GAZE_FPS, "focused", "", FACE, 640, 480, {"yaw_deg": 4.5, "pitch_deg": -3.25}))
    for step in range(CHECK_S // LOOK_S):
        collector.add(PersonsReading(float(step * LOOK_S), 1, False, "", (FACE,), (), 640, 480))
    check = {"_id": "0" * 35, "session_id": "0" * 32, "started_at": NOW, **collector.take(float(CHECK_S))}
    result = IntervalResult(0, 0.0, float(INTERVAL_S), 0, False, None, (), True, 3)
    identity = Identity("0" * 32, "student-00001", "exam-0001", "browser")
    interval = interval_document(identity, result, Clip("none"), ended=float(INTERVAL_S), started_at=NOW, ended_at=NOW, flagged_at=None)
    return len(bson.encode(check)), len(bson.encode({"_id": "0" * 35, **interval}))


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--days", type=int, default=30)
    days, a_key = options.parse_args().days, ClusterSettings().route_students_a_key
    check, interval = record_bytes()
    hourly = 3600 // CHECK_S * check + 3600 // INTERVAL_S * interval
    print(f"a check {check:,} bytes, an interval {interval:,}: {hourly / 1e6:.1f} MB a student-hour kept")
    print("| students | servers | of the fullest | its cores | its memory | cores in all | network in | records/s | database a day | clips a day |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for students, servers in ROWS:
        share = statistics.median(day.fullest for day in run(servers, a_key, days, students=students)) if servers > 1 else 1.0
        fullest = students / servers * share
        cores = fullest * CORES * CALM
        cells = (
            f"{students:,}",
            str(servers),
            f"{fullest:.0f}",
            f"{cores:.0f}",
            f"{SERVER_GB + max(0.0, cores - 2) * CORE_GB + fullest * STUDENT_GB:.0f} GB",
            f"{students * CORES * CALM:.0f} used, {cores * servers:.0f} there",
            f"{students * IN_MBIT / 1000:.2f} Gbit/s ({students * IN_JPEG_MBIT / 1000:.1f} with JPEG)",
            f"{students * RECORDS_EACH_CHECK / CHECK_S:.0f}",
            f"{students * HOURS * hourly / 1e9:.1f} GB",
            f"{students * FLAGS * CLIP_MB / 1000:.1f} GB",
        )
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
