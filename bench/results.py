"""How fast an exam's results are answered: on generated records, with a database of its own.

venv/bin/python -m bench.results [--students 5000] [--sessions 50000] [--intervals 240]
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from basics.times import utc_now
from database import Database
from records.exams import exam_key
from records.results import Results, chosen, ordered, page_of, summed
from records.spellings import looks_of
from storage.mongod import EmbeddedMongod

EXAM, OTHERS = "big", "other"
RULES = {"interval_duration": 30, "flag_threshold": 10, "points": {f"kind_{number}": 5 for number in range(9)}}
STATES = (None, None, "confirmed", "dismissed", "dismissed", "disputed")
BATCH = 5000
ROUNDS = 9


def store(database: Database, students: int, sessions: int, intervals: int) -> int:
    """`students` sessions of one exam and as many others as make `sessions`; four intervals of each are flagged. Give how many intervals."""
    chance, start = random.Random(1), utc_now() - timedelta(days=1)
    made = 0
    rows: dict[str, list[dict[str, Any]]] = {"sessions": [], "intervals": [], "conclusions": []}
    for number in range(sessions):
        mine = number < students
        session_id, user_id, exam_id = f"{number:032x}", f"student-{number % students}", EXAM if mine else f"{OTHERS}-{number // students}"
        unread = {"of_s": 7200.0, "unread_s": chance.random() * 900, "reasons": {"dark": 60.0, "blurred": 30.0}}
        named = {"user_id": user_id, "exam_id": exam_id, **looks_of(user_id, exam_id)}
        rows["sessions"].append(
            {
                "_id": session_id,
                **named,
                "state": "ended",
                "started_at": start,
                "ended_at": start + timedelta(hours=2),
                "total_score": chance.randrange(90),
                "unread": {"gaze": unread, "people": unread, "sound": unread},
                "rules": RULES,
                "messages": [{"id": "m", "at": 4.0, "text": "Ten minutes are left."}] * 5,
            }
        )
        flagged = {chance.randrange(intervals) for _one in range(4)}
        for index in range(intervals) if mine else flagged:
            at = start + timedelta(seconds=30 * index)
            row = {"_id": f"{session_id}-{index}", "session_id": session_id, **named, "index": index, "started_at": at, "score": 0, "flagged": False}
            if index in flagged:
                state = chance.choice(STATES)
                row |= {"flagged": True, "flagged_at": at, "score": 10, **({"review": {"state": state, "by": "ada"}} if state else {})}
            rows["intervals"].append(row)
        if mine and number % 2:
            done = {"conclusion": "no_finding", "reason": "as the clips show", "by": "ada", "at": start, "state": "concluded", "revision": 1}
            act = {**done, "act": "concluded"}
            rows["conclusions"].append({"_id": session_id, "session_id": session_id, **named, **done, "history": [act] * 3})
        for kind, kept in rows.items():
            if len(kept) >= BATCH or number == sessions - 1:
                made += len(kept) if kind == "intervals" else 0
                if kept:
                    with database.reading():
                        database.collection(kind).insert_many(kept, ordered=False)
                kept.clear()
    return made


def measure(folder: Path, students: int, sessions: int, intervals: int) -> None:
    """Fill a database and read one exam's results again and again; print how long it takes."""
    mongod = EmbeddedMongod(folder / "data")
    database = Database(mongod.start(), "bench", folder / "spool", timeout_s=60)
    database.start()
    try:
        assert database.wait_ready(60)
        made = store(database, students, sessions, intervals)
        results = Results(database, names=lambda _exam_id: {})
        times: dict[str, list[float]] = {"rows": [], "order and page": [], "key of an exam that nobody defined": [], "who decided what": []}
        for _round in range(ROUNDS):
            begun = time.perf_counter()
            rows = results.of_exam(EXAM)
            read = time.perf_counter()
            page = page_of(ordered(chosen(rows, "all"), "conclusion", down=True), 100, None)
            results.filled(page[:100])
            summed(rows)
            paged = time.perf_counter()
            assert results.exam_of_key(exam_key(EXAM)) == EXAM
            found = time.perf_counter()
            results.people_of(EXAM)
            taken = (read - begun, paged - read, found - paged, time.perf_counter() - found)
            for name, seconds in zip(times, taken, strict=True):
                times[name].append(1000 * seconds)
            assert (len(rows), len(page)) == (students, 101)
    finally:
        database.stop()
        mongod.stop()
    print(f"{students} students in an exam, {sessions} sessions, {made} intervals; median of {ROUNDS}:")
    for name, values in times.items():
        print(f"  {name}: {statistics.median(values):.0f} ms (at most {max(values):.0f})")


def main() -> None:
    """Measure in a folder of its own, which goes afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=5000)
    parser.add_argument("--sessions", type=int, default=50_000)
    parser.add_argument("--intervals", type=int, default=240, help="of each session of the exam")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-results-") as folder:
        measure(Path(folder), given.students, given.sessions, given.intervals)


if __name__ == "__main__":
    main()
