"""How a server is told to drain by who is on its machine: files in its DATA_DIR, so that it is heard while the database is away, too.

`drain` asks for it, as long as it lies there; in `draining` the server says how far it is. Neither outlives the server's next start.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from basics.errors import StorageError

log = logging.getLogger(__name__)

ASKED = "drain"
TOLD = "draining"
LOOK_S = 0.5  # between two looks of either side
TOLD_MAX = 200  # bytes


@dataclass(frozen=True, slots=True)
class Told:
    """What a server says that drains: so many exams run there still, and it has drained for so many seconds."""

    exams: int
    for_s: float


def ask(data_dir: Path) -> None:
    """Ask the server of this DATA_DIR to drain, and forget what one said before. Raise `StorageError`."""
    _unlink(data_dir / TOLD)
    try:
        (data_dir / ASKED).touch()
    except OSError as error:
        raise _refused(data_dir / ASKED, error) from error


def take_back(data_dir: Path) -> None:
    """Ask for it no more. Raise `StorageError`."""
    _unlink(data_dir / ASKED)


def is_asked(data_dir: Path) -> bool:
    """Does somebody ask for it?"""
    return (data_dir / ASKED).exists()


def tell(data_dir: Path, told: Told | None) -> None:
    """Say how far this server is; None: it does not drain. Raise `StorageError`."""
    path = data_dir / TOLD
    if told is None:
        _unlink(path)
        return
    part = path.with_suffix(f".{os.getpid()}")
    try:
        part.write_text(json.dumps(asdict(told)), "ascii")
        part.replace(path)
    except OSError as error:
        raise _refused(path, error) from error


def told(data_dir: Path) -> Told | None:
    """What the server of this DATA_DIR says; None where it does not drain. Raise `StorageError`."""
    path = data_dir / TOLD
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(TOLD_MAX))
        return Told(int(found["exams"]), float(found["for_s"]))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(path, error) from error
    except (ValueError, KeyError, TypeError):
        return None


def forget(data_dir: Path) -> None:
    """At a start: what was asked of an earlier run is over. Raise `StorageError`."""
    take_back(data_dir)
    tell(data_dir, None)


class DrainedEnd:
    """Of who ends a server that drains first: asks for it, and knows when to wait no longer."""

    def __init__(self, data_dir: Path, longest_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """`longest_s`: seconds that exams have, from the moment on in which the server began to drain."""
        self._data_dir = data_dir
        self._longest_s = longest_s
        self._clock = clock
        self._begun: float | None = None

    @property
    def begun(self) -> bool:
        """Does it wait already?"""
        return self._begun is not None

    def begin(self) -> None:
        """Ask for it. Where that can't be, the server ends at once."""
        self._begun = self._clock()
        try:
            ask(self._data_dir)
        except StorageError as error:
            log.warning("the server ends without draining: %s", error.message)
            self._longest_s = 0.0

    def is_over(self) -> bool:
        """May the server end? Not before it was asked to."""
        if self._begun is None:
            return False
        try:
            said = told(self._data_dir)
        except StorageError:
            said = None
        waited = max(self._clock() - self._begun, said.for_s if said is not None else 0.0)
        return waited >= self._longest_s or (said is not None and said.exams == 0)

    def wait(self) -> None:
        """Until it may end."""
        never = threading.Event()
        while not self.is_over():
            never.wait(LOOK_S)


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError) -> StorageError:
    return StorageError(f"The file {path} can't be used ({error.strerror}). Do it as the user that runs the server, with its DATA_DIR.")
