"""Documents that are followed: their pieces of code run one after the other as they stand there, and what they show is compared with what is said."""

from __future__ import annotations

import ast
import csv
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

DONE = "@@ this piece is done"
REST = "…"  # in what a document shows: whatever stands there
IN_PYTHON = f"""
import json, sys
names = {{"__name__": "__main__"}}
for line in sys.stdin:
    exec(json.loads(line), names)
    print({DONE!r}, flush=True)
"""
PROGRAMS: Mapping[str, tuple[list[str], Callable[[str], str]]] = {
    "python": ([sys.executable, "-c", IN_PYTHON], lambda piece: json.dumps(piece) + "\n"),
    "bash": (["bash"], lambda piece: f"{piece}\nprintf '\\n%s\\n' '{DONE}'\n"),
}
READ_AS: Mapping[str, Callable[[str], Any]] = {
    "text": ast.literal_eval,
    "json": json.loads,
    "csv": lambda text: list(csv.reader(text.strip().splitlines())),
}


def pieces_of(page: str, title: str) -> list[tuple[str, str]]:
    """The blocks of code under a heading of the second level, each with its language."""
    part = page[page.index(f"## {title}\n") :].partition("\n## ")[0]
    return re.findall(r"^```(\w+)\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)


class Follower:
    """A program that reads pieces of a script."""

    def __init__(self, process: subprocess.Popen[str], written_as: Callable[[str], str]) -> None:
        self._process, self._written_as = process, written_as

    def run(self, piece: str) -> str:
        """What the piece prints. Raise `AssertionError` where the program ends by it."""
        given, printed = cast(IO[str], self._process.stdin), list[str]()
        given.write(self._written_as(piece))
        given.flush()
        for line in cast(IO[str], self._process.stdout):
            if line.strip() == DONE:
                return "".join(printed)
            printed.append(line)
        raise AssertionError(f"it ended at\n{piece}\nand printed\n{''.join(printed)}")


@contextmanager
def following(language: str, folder: Path, names: Mapping[str, str]) -> Iterator[Follower]:
    """A program for pieces in this language, that begins in `folder` with `names` in its environment; what it started ends with it."""
    command, written_as = PROGRAMS[language]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, **names}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True
    )
    with process:
        try:
            yield Follower(process, written_as)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def as_shown(shown: Any, told: Any, where: str = "it") -> None:
    """Hold what was told to what a document shows of it. Fields may be left out there."""
    if isinstance(shown, dict):
        assert isinstance(told, dict), where
        assert shown.keys() <= told.keys(), where
        for name, value in shown.items():
            as_shown(value, told[name], f"{where}.{name}")
    elif isinstance(shown, list):
        assert isinstance(told, list), where
        assert len(shown) == len(told), where
        for number, value in enumerate(shown):
            as_shown(value, told[number], f"{where}[{number}]")
    elif isinstance(shown, str) and REST in shown:
        assert isinstance(told, str), where
        assert re.fullmatch(".+".join(map(re.escape, shown.split(REST))), told), f"{where}: {told!r} is not as {shown!r}"
    else:
        assert told == shown, where
