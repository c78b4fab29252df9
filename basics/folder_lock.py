"""One server per data folder: a lock that the operating system drops when its holder dies, however it dies."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import IO

from basics.errors import StorageError

if os.name == "nt":
    import msvcrt
else:
    import fcntl


HELD = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK})  # what an operating system says of a lock that another has


class FolderLock:
    """Holds `folder/name` for this process. The file names the holder's pid, and stays behind unlocked."""

    def __init__(self, folder: Path, name: str = "server.lock") -> None:
        self._path = folder / name
        self._file: IO[str] | None = None

    def acquire(self, mend: str) -> None:
        """Make the folder and take the lock; raise `StorageError` ending in `mend` where another process has it."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("a+", encoding="ascii")
        except OSError as error:
            raise StorageError(
                f"The folder {self._path.parent} can't be written ({error.strerror}). Give this user the right to, or {mend}."
            ) from error
        try:
            _lock(file)
        except OSError as error:
            if error.errno not in HELD:
                file.close()
                reason = f"its file system has no locks ({error.strerror})"
                raise StorageError(
                    f"The folder {self._path.parent} can't be used: {reason}. Choose one on a disk of this machine, or {mend}."
                ) from error
            file.seek(0)
            holder = file.read(20).strip() or "unknown"
            file.close()
            raise StorageError(f"The folder {self._path.parent} is in use by another server (process {holder}). Stop that one, or {mend}.") from None
        with contextlib.suppress(OSError):  # a full disk: the pid is a help for people, the lock holds without it
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
        self._file = file

    def release(self) -> None:
        """Give the lock back; harmless when it isn't held."""
        file, self._file = self._file, None
        if file is None:
            return
        with contextlib.suppress(OSError):  # a full disk again: closing drops the lock even when the pid can't be written
            file.close()


def _lock(file: IO[str]) -> None:
    if os.name == "nt":
        # Far behind the pid, so that others can still read it: Windows' locks are mandatory.
        file.seek(1 << 20)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
    else:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
