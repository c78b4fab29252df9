"""File systems of a row's own, which can be full, read-only or out of inodes. They need root, and vanish with the bench."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.faults.row import LeftOut

CLONE_NEWNS = 0x00020000
BLOCK_BYTES = 1024  # the least that ext4 gives
INODES = 4096


def isolate() -> str:
    """Give this process, and all that it starts, mounts of its own, before it has threads. Return why that can't be, else nothing."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "file systems of its own need Linux and root"
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        return f"this root may not have mounts of its own ({os.strerror(ctypes.get_errno())})"
    done = subprocess.run(["mount", "--make-rprivate", "/"], capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""


class SmallDisk:
    """A file system of `megabytes` at `folder`, as ext4 in a file: it can be full, out of inodes, or read-only as after an error of the disk."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        self._image = folder.with_name(f"{folder.name}.img")
        self._megabytes = megabytes
        self._fill = folder / "fill"

    def __enter__(self) -> SmallDisk:
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._image.open("wb") as image:
            image.truncate(self._megabytes << 20)
        _run("mkfs.ext4", "-q", "-m", "0", "-N", str(INODES), "-E", "lazy_itable_init=0,lazy_journal_init=0", str(self._image))
        self._mount()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(LeftOut):
            _run("umount", "--lazy", str(self.folder))
        self._image.unlink(missing_ok=True)

    def _mount(self) -> None:
        _run("mount", "-o", "loop,errors=remount-ro", str(self._image), str(self.folder))

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Not one more byte has room."""
        with self._fill.open("wb", buffering=0) as file:
            size, step = 0, self._megabytes << 20
            while step >= BLOCK_BYTES:  # reserved, not written: no other program waits for this disk
                try:
                    os.posix_fallocate(file.fileno(), size, step)
                    size += step
                except OSError:
                    step //= 2
        try:
            yield
        finally:
            self._fill.unlink()

    @contextlib.contextmanager
    def without_inodes(self) -> Iterator[None]:
        """Not one more file can be made, though there is room."""
        many = self.folder / "many"
        many.mkdir()
        number = 0
        with contextlib.suppress(OSError):
            for number in range(INODES * 2):
                (many / str(number)).touch()
        try:
            yield
        finally:
            for name in many.iterdir():
                name.unlink()
            many.rmdir()

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        """Nothing can be written, as the kernel does after an error of the disk. What is open stays so until it is closed."""
        _run("mount", "-o", "remount,abort", str(self.folder))
        try:
            yield
        finally:
            _run("umount", "--lazy", str(self.folder))
            subprocess.run(["e2fsck", "-p", str(self._image)], capture_output=True, check=False)
            self._mount()


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise LeftOut(f"{command[0]} is not installed") from None
    if done.returncode:
        raise LeftOut(f"{' '.join(command[:3])}: {done.stderr.strip()}")
