"""How long a package of a two-hour session takes, and how fast one is checked: on generated records and clips, with a database of its own.

venv/bin/python -m bench.evidence [--clips 40] [--clip-mb 4]
"""

from __future__ import annotations

import argparse
import hashlib
import io
import random
import shutil
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from flask import Flask
from PIL import Image

from basics.paths import ROOT
from basics.times import utc_now
from database import Database
from records.kept_files import KeptFiles
from records.package_check import check_package
from records.package_contents import Reads, write_session
from records.package_key import find_package_key
from records.packages import About, PackageWriter
from records.seals import Seals
from storage.mongod import EmbeddedMongod
from web.languages import speaking
from web.proctor.package_pdf import pdf_of
from web.proctor.package_report import report_of

SESSION = "a" * 32
INTERVALS, CHECKS = 240, 720  # two hours
READINGS = 150  # of one record of 10 s
VIOLATION = {"kind": "phone", "start": 1.0, "end": 13.0, "points": 10, "occurrences": 1, "evidence": {"seconds": 12.0}}


def store(database: Database, clips_dir: Path, clips: int, clip_bytes: int) -> None:
    """A session of two hours, `clips` of its intervals flagged, with files of random bytes; sealed."""
    chance, start = random.Random(1), utc_now() - timedelta(hours=3)
    (clips_dir / "ann").mkdir(parents=True)
    for index in range(INTERVALS):
        flagged = index < clips
        fields = {"session_id": SESSION, "index": index, "start": 30.0 * index, "end": 30.0 * index + 30, "score": 10 if flagged else 0}
        fields |= {"flagged": flagged, "violations": [VIOLATION] if flagged else [], "clip": {"state": "none"}}
        if flagged:
            data = chance.randbytes(clip_bytes)
            (clips_dir / "ann" / f"{index}.mp4").write_bytes(data)
            fields["clip"] = {"state": "ready", "path": f"ann/{index}.mp4", "sha256": hashlib.sha256(data).hexdigest(), "duration": 40.0}
        database.write("intervals", f"{SESSION}-{index}", fields)
    for number in range(CHECKS):
        readings = [{"at": 10 * number + one / 15, "yaw": chance.random(), "pitch": chance.random(), "gaze": "focused"} for one in range(READINGS)]
        database.write("checks", f"{SESSION}-{number}", {"session_id": SESSION, "number": number, "start": 10 * number, "readings": readings})
    ended = {"user_id": "ann", "exam_id": "e", "state": "ended", "started_at": start, "ended_at": start + timedelta(hours=2), "rules": {}}
    database.write("sessions", SESSION, ended)
    assert database.flush(120)
    assert Seals(database).seal_due() == 1
    assert database.flush(30)


def measure(folder: Path, clips: int, clip_mb: float) -> None:
    """Make a package and check it; print the figures."""
    mongod = EmbeddedMongod(folder / "data")
    database = Database(mongod.start(), "bench", folder / "spool")
    database.start()
    try:
        assert database.wait_ready(60)
        store(database, folder / "clips", clips, int(clip_mb * 1e6))
        still = io.BytesIO()
        Image.effect_noise((640, 480), 60).save(still, "JPEG")
        reads, path, app = (
            Reads(database, KeptFiles(database, folder / "clips"), lambda _clip, _key, _at: still.getvalue()),
            folder / "package.zip",
            Flask("bench", root_path=str(ROOT)),
        )
        begun = time.monotonic()
        with path.open("w+b") as file, app.app_context(), speaking("en"):
            package = PackageWriter(file, find_package_key(folder))
            gathered = write_session(package, reads, SESSION)
            written = time.monotonic()
            package.add("report.pdf", pdf_of(report_of(gathered, utc_now(), "bench")))
            package.close(About((SESSION,), "e", utc_now(), "bench", *reads.chain_end()))
        made = time.monotonic()
    finally:
        database.stop()
        mongod.stop()
    size = path.stat().st_size / 1e6
    print(f"package of a two-hour session: {size:.0f} MB in {made - begun:.1f} s, of it {made - written:.1f} s for the report ({clips} clips)")
    for _again in range(2):  # the second time from the system's memory
        begun = time.monotonic()
        checked = check_package(path)
        seconds = time.monotonic() - begun
        assert (checked.findings, checked.sealed) == ([], [SESSION])
        print(f"checked in {seconds:.2f} s: {size / seconds:.0f} MB/s")


def main() -> None:
    """Measure in a folder of its own, which goes afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--clip-mb", type=float, default=4)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bench-evidence-"))
    try:
        measure(folder, given.clips, given.clip_mb)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
