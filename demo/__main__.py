"""`python -m demo`: a server with six drawn students, until Ctrl+C. All it writes is in one temporary folder, which goes with it."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
import webbrowser
from pathlib import Path

from demo.cast import CAST
from demo.exam_site import ExamSite
from demo.server import DemoServer
from demo.student import DemoStudent

LOOK_S = 1.0  # how often it is seen whether the server is still there
BETWEEN_STUDENTS_S = 0.3


def main() -> int:
    """Run the demo; return the exit status, 1 where the server can't start or ended by itself."""
    told = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: told.set())
    with tempfile.TemporaryDirectory(prefix="proctor-demo-", ignore_cleanup_errors=True) as folder:
        return _run(Path(folder), told)


def _run(folder: Path, told: threading.Event) -> int:
    server = DemoServer(folder)
    students: list[DemoStudent] = []
    site: ExamSite | None = None
    print("Starting a server for the demo …", flush=True)
    try:
        server.start()
        while not told.is_set() and not server.answered.wait(0.1):
            pass
        if server.port and not told.is_set():
            site = ExamSite(server.url)
            site.start()
            _say_where(server.port, server.query, site.address)
            students = _seat(server, told)
        while server.running and not told.wait(LOOK_S):
            pass
    finally:
        ended_itself = not told.is_set()
        if not ended_itself:
            print("\nEnding the demo …", flush=True)
        for student in students:
            student.leave()
        if site is not None:
            site.stop()
        server.stop()
        for student in students:
            student.stop()
    if ended_itself:
        print(f"The demo's server has ended:\n{''.join(server.said)}", file=sys.stderr)
        return 1
    print("The demo has ended; nothing of it is left.", flush=True)
    return 0


def _seat(server: DemoServer, told: threading.Event) -> list[DemoStudent]:
    students = []
    for script in CAST:
        students.append(DemoStudent(script, server.url))
        students[-1].start()
        if told.wait(BETWEEN_STUDENTS_S):
            break
    return students


def _say_where(port: int, query: str, exam: str) -> None:
    address = f"http://localhost:{port}/{query}"
    print(
        f"\nThe demo runs at {address}\n"
        "  Live    six drawn students; three need a look within a minute\n"
        "  Review  what was flagged, with its clip and the reasons, from a minute on: confirm or dismiss it\n"
        f"  Take one yourself  a sample exam on a site of its own, with the snippet: {exam}/\n"
        "Nothing of it is kept. Ctrl+C ends it.\n",
        flush=True,
    )
    if sys.stdout.isatty() and (sys.platform in {"darwin", "win32"} or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        threading.Thread(target=_open, args=(address,), name="browser", daemon=True).start()


def _open(address: str) -> None:
    try:
        webbrowser.open(address)
    except Exception as error:  # whatever a desktop does: the address is printed, too
        print(f"The browser could not be opened: {error}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
