"""The database's folder is exchanged for its copy, or not at all: wherever that is broken off, the next start has one whole database."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from basics.errors import StorageError
from storage import folder_swap
from storage.folder_swap import ASIDE, COPY, FILES, copied_files, settle, swap


class Killed(BaseException):
    """What `kill -9` is here: nothing more is done."""


def database(files: Path, text: str) -> None:
    (files / "journal").mkdir(parents=True)
    (files / "records.wt").write_text(text)
    (files / "journal" / "log").write_text(text)


def of(files: Path) -> set[str]:
    return {path.read_text() for path in files.rglob("*") if path.is_file()}


def kill_at(step: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Kill before the `step`th change to the disk, and in the middle of deleting; return how many were begun."""
    steps = count(1)
    begun = 0

    def counted(act: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            nonlocal begun
            begun = next(steps)
            if begun == step:
                raise Killed
            return act(*given, **named)

        return call

    def in_pieces(folder: Path, **_named: Any) -> None:
        counted(lambda: (folder / "records.wt").unlink(missing_ok=True))()
        counted(lambda: shutil.rmtree(folder, ignore_errors=True))()

    monkeypatch.setattr(Path, "rename", counted(Path.rename))
    monkeypatch.setattr(os, "fsync", counted(os.fsync))
    monkeypatch.setattr(folder_swap, "shutil", type("Shutil", (), {"rmtree": staticmethod(in_pieces)}))
    return lambda: begun


def test_one_whole_database_is_there_wherever_it_is_killed(tmp_path: Path) -> None:
    step = 0
    while True:
        step += 1
        folder = tmp_path / str(step)
        database(folder / FILES, "old")
        database(copied_files(folder), "new")
        with pytest.MonkeyPatch.context() as patched:
            begun = kill_at(step, patched)
            try:
                swap(folder)
            except Killed:
                ended = False
            else:
                ended = True
        settle(folder)
        assert of(folder / FILES) in ({"old"}, {"new"}), step
        assert {path.name for path in folder.iterdir()} == {FILES}, step
        if ended:
            assert of(folder / FILES) == {"new"}
            assert begun() >= 10  # each of them was killed at
            return


def test_nothing_is_done_where_nothing_was_exchanged(tmp_path: Path) -> None:
    settle(tmp_path)
    database(tmp_path / FILES, "old")
    settle(tmp_path)
    database(copied_files(tmp_path), "half")
    settle(tmp_path)
    assert (of(tmp_path / FILES), (tmp_path / COPY).exists()) == ({"old"}, False)


def test_three_databases_are_for_a_person_to_look_at(tmp_path: Path) -> None:
    for files in (tmp_path / FILES, tmp_path / ASIDE, copied_files(tmp_path)):
        database(files, files.name)
    with pytest.raises(StorageError, match="three databases"):
        settle(tmp_path)
    assert (tmp_path / ASIDE).exists()
    assert copied_files(tmp_path).exists()
