"""The machine's wall clock is an hour wrong: from a restart on, as before NTP has answered, or in mid-exam. Needs Debian's `faketime`."""

from __future__ import annotations

import functools
from pathlib import Path

from basics.paths import ROOT
from bench.faults import hooks
from bench.faults.ground import Ground
from bench.faults.row import LeftOut, Row
from bench.harness.stored import Mongods

LIBRARIES = ("/usr/lib/*/faketime/libfaketimeMT.so.1", "/usr/lib/*/faketime/libfaketime.so.1", "/usr/local/lib/faketime/libfaketimeMT.so.1")
HOUR_S = 3600
WATCHED_S = 20.0  # long enough for what closes exams after 10 s
SERVED_S = 60.0


def shifted(ground: Ground) -> tuple[Path, dict[str, str]]:
    """The file whose number of seconds shifts the server's wall clock at once, and the environment for it. The monotonic clock stays true."""
    library = next((str(path) for pattern in LIBRARIES for path in Path("/").glob(pattern[1:])), None)
    if library is None:
        raise LeftOut("no libfaketime (Debian's package `faketime`): the wall clock can't be shifted")
    clock = ground.folder / "clock"
    _set(clock, 0)
    environment = hooks.environment(ground.folder / "hooks", ROOT) | {
        "LD_PRELOAD": library,
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_RESET": "1",
        # Its mend for old libraries' waits on the monotonic clock spoils those of today's: Python's threads then take minutes to hand on the lock.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
    }
    return clock, environment


def at_restart(hours: int, ground: Ground) -> None:
    """The server is killed, and its machine comes up with another time."""
    clock, environment = shifted(ground)
    ground.begin(environment)
    ground.rest()
    ground.hit()
    ground.server.kill()
    _set(clock, hours * HOUR_S)
    ground.start()
    ground.served(SERVED_S, f"a restart at {hours:+} h")
    ground.rest(WATCHED_S, WATCHED_S + 2)


def running(hours: int, ground: Ground) -> None:
    """The clock is put right, or wrong, while exams run."""
    clock, environment = shifted(ground)
    # A database of its own clock: libfaketime in mongod makes it wait for an hour that never passes, which no machine's clock does.
    mongods = ground.closing.enter_context(Mongods(ground.folder / "external"))
    ground.begin(environment | {"MONGO_URI": mongods.uri})
    ground.rest()
    ground.hit()
    _set(clock, hours * HOUR_S)
    ground.served(SERVED_S, f"{hours:+} h on the wall clock")
    ground.rest(WATCHED_S, WATCHED_S + 2)
    ground.hit()
    ground.served(SERVED_S, f"{WATCHED_S:g} s at {hours:+} h")


def _set(clock: Path, seconds: int) -> None:
    """Never empty, not for a moment: the library reads the file at each look at the clock."""
    new = clock.with_suffix(".new")
    new.write_text(f"{seconds:+d}\n")
    new.replace(clock)


ROWS = [
    *(Row(f"clock {hours:+d} h at restart", "kill -9, then a start at another time", functools.partial(at_restart, hours)) for hours in (1, -1)),
    *(Row(f"clock {hours:+d} h running", "the wall clock steps in mid-exam", functools.partial(running, hours)) for hours in (1, -1)),
]
