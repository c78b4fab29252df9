"""One server a folder, and what is wrong where a file system has no locks."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from basics import folder_lock
from basics.errors import StorageError
from basics.folder_lock import FolderLock


def test_a_second_one_is_told_who_has_the_folder(tmp_path: Path) -> None:
    first = FolderLock(tmp_path)
    first.acquire("set DATA_DIR")
    with pytest.raises(StorageError, match="in use by another server"):
        FolderLock(tmp_path).acquire("set DATA_DIR")
    first.release()


def test_a_file_system_without_locks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(file: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(folder_lock, "_lock", unsupported)
    with pytest.raises(StorageError, match=r"has no locks \(No locks available\).*set DATA_DIR"):
        FolderLock(tmp_path).acquire("set DATA_DIR")
