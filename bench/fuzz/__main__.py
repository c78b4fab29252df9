"""Sends what nobody would send, made at random, for a bounded time.

venv/bin/python -m bench.fuzz [decoders] [rest] [--seconds S] [--seed N]

`decoders`: damaged H.264, JPEG, Opus and messages for everything that reads what a client sends, in a process of its own: a crash is told, too.
`rest`: every call that a server of its own describes, with values that fit nowhere. The seed is printed; with it the same inputs come again.
The exit status is 1 where something was found.
"""

from __future__ import annotations

import argparse
import multiprocessing
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any

import requests

from bench.fuzz import decoders, rest
from bench.fuzz.decoders import Finding
from bench.harness.server import Server

KINDS = ("decoders", "rest")
SECONDS = 20.0
SHOWN = 20


def fuzz_decoders(seed: int, seconds: float) -> list[Finding]:
    """The decoders in a process of its own; one that dies names the input that it died of."""
    here, there = multiprocessing.get_context("spawn").Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=decoders.tell, args=(seed, seconds, there))
    process.start()
    there.close()
    found: list[Finding] = []
    last: tuple[str, int] = ("nothing", 0)
    try:
        while True:
            message: Any = here.recv()
            if isinstance(message, Finding):
                found.append(message)
            else:
                last = message
    except EOFError:
        process.join()
    print(f"decoders: {last[1] + 1} inputs")
    return [*found, Finding(last[0], seed, last[1], f"the process ended with {process.exitcode}")] if process.exitcode else found


def fuzz_rest(seed: int, seconds: float) -> list[Finding]:
    """A server of its own, with a session that runs."""
    with tempfile.TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True) as folder, Server(Path(folder)) as server:
        server.create("student-1", "fuzz")
        document = server.call("GET", "/api/openapi.json")
        count = 0

        def send(method: str, path: str, body: bytes | None, headers: Any) -> tuple[int, str, bytes]:
            nonlocal count
            count += 1
            answer = requests.request(method, server.url + path, data=body, headers=headers, timeout=60, allow_redirects=False)
            return answer.status_code, answer.headers.get("Content-Type", ""), answer.content

        found = list(rest.fuzz(send, document, seed, seconds))
        print(f"rest: {count} calls")
        return found


def main() -> int:
    """Run what is asked for; the exit status is 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description="Send what nobody would send.")
    parser.add_argument("kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS)} (default all)")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"for each kind (default {SECONDS:g})")
    parser.add_argument("--seed", type=int, help="of the inputs; printed")
    arguments = parser.parse_args()
    if unknown := set(arguments.kinds) - set(KINDS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(KINDS)}")
    seed = secrets.randbelow(1_000_000) if arguments.seed is None else arguments.seed
    print(f"seed {seed}")
    found: list[Finding] = []
    for kind in arguments.kinds or KINDS:
        found += {"decoders": fuzz_decoders, "rest": fuzz_rest}[kind](seed, arguments.seconds)
    for finding in found[:SHOWN]:
        print(f"FAULT: {finding}")
    print(f"{len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
