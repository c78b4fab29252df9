"""A private X server with the tools that press its keys, for tests of this machine's own screen."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from typing import Any

import pytest

WAIT = 60.0  # s for anything real to happen on a busy machine; nothing here waits that long when all is well


def needs(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"needs the program {program} (apt: pulseaudio pulseaudio-utils libasound2-plugins xvfb xdotool xclip openbox x11-utils)")


def stopped(process: subprocess.Popen[Any], with_signal: int = signal.SIGTERM) -> None:
    if process.poll() is None:
        process.send_signal(with_signal)
    try:
        process.wait(WAIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Display:
    """A private X server of `size` pixels with its tools."""

    def __init__(self, size: str = "640x480") -> None:
        read, write = os.pipe()
        self._server = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{size}x24", "-nolisten", "tcp"],
            pass_fds=[write],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as told:
            self.name = f":{told.readline().strip()}"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL") if name in os.environ}
        self.environment = kept | {"DISPLAY": self.name}
        self._owners: list[subprocess.Popen[bytes]] = []

    def press(self, *arguments: str) -> None:
        subprocess.run(["xdotool", *arguments], env=self.environment, check=True, timeout=WAIT)

    def find(self, *by: str) -> str:
        """Wait for a window to be there, `by` xdotool's means; return its id."""
        command = ["xdotool", "search", "--sync", "--onlyvisible", *by]
        return subprocess.run(command, env=self.environment, check=True, timeout=WAIT, capture_output=True, text=True).stdout.split()[-1]

    def copy(self, text: str) -> subprocess.Popen[bytes]:
        """Put `text` into the clipboard; the process owns it until it ends or another takes over."""
        command = ["xclip", "-selection", "clipboard", "-quiet"]
        owner = subprocess.Popen(command, env=self.environment, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert owner.stdin
        owner.stdin.write(text.encode())
        owner.stdin.close()
        self._owners.append(owner)
        return owner

    def stop(self) -> None:
        for owner in self._owners:
            stopped(owner)
        stopped(self._server)
