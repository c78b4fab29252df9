"""`python -m commands.replica_set HOST:PORT …`: makes the mongods at these addresses one replica set with a user `proctor`, once.

It runs beside the first of them, at 127.0.0.1: a mongod with a key file lets somebody whom it doesn't know set it up from its own machine only.
`MONGO_PASSWORD` in the environment is the user's. Where all of it is done already it says so, and changes nothing.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import pymongo
from pymongo.errors import OperationFailure, PyMongoError

NAME = "rs0"
USER = "proctor"
ELECTION_MS = 2000  # how long a primary is silent before another is chosen: with the default of 10 s a failover took 11.5 s, with this 2.9 s
WAIT_S = 60.0
ALREADY_INITIALIZED, UNAUTHORIZED, USER_EXISTS = 23, 13, 51003  # MongoDB's codes


def make(members: list[str], password: str, here: str) -> str:
    """Make the replica set of `members` with the user, by the mongod at `here`; return what was done. Raise `PyMongoError`, `TimeoutError`."""
    with pymongo.MongoClient[dict[str, Any]](here, directConnection=True, serverSelectionTimeoutMS=10_000) as client:
        try:
            client.admin.command("replSetInitiate", _configuration(members))
        except OperationFailure as error:
            if error.code not in (ALREADY_INITIALIZED, UNAUTHORIZED):
                raise
        _await_primary(client)
        try:
            client.admin.command("createUser", USER, pwd=password, roles=["root"])
        except OperationFailure as error:
            if error.code not in (UNAUTHORIZED, USER_EXISTS):
                raise
            _check(here, password)  # there is a user: this one, or somebody else's
            return "nothing to do: the replica set and its user are there"
    return f"made the replica set {NAME} of {', '.join(members)}, with the user {USER}"


def _configuration(members: list[str]) -> dict[str, Any]:
    hosts = [{"_id": number, "host": host} for number, host in enumerate(members)]
    return {"_id": NAME, "members": hosts, "settings": {"electionTimeoutMillis": ELECTION_MS}}


def _await_primary(client: pymongo.MongoClient[dict[str, Any]]) -> None:
    """Wait until this mongod takes writes, as the first does when a majority is there, or another is the primary already."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        hello = client.admin.command("hello")
        if hello.get("isWritablePrimary") or hello.get("primary", hello.get("me")) != hello.get("me"):
            return
        time.sleep(0.2)
    raise TimeoutError(f"no member became the primary in {WAIT_S:.0f} s: can they reach each other by these names, and have they one key file?")


def _check(here: str, password: str) -> None:
    with pymongo.MongoClient[dict[str, Any]](here, directConnection=True, username=USER, password=password) as client:
        client.admin.command("ping")


def main(arguments: list[str], here: str = "mongodb://127.0.0.1:27017/") -> int:
    """Set up the replica set, once. The exit status is 1 where that can't be done."""
    password = os.environ.get("MONGO_PASSWORD", "")
    if not arguments or not password or any(argument.startswith("-") for argument in arguments):
        print("usage: MONGO_PASSWORD=… python -m commands.replica_set HOST:PORT …   (beside the first of them)", file=sys.stderr)
        return 2
    try:
        print(make(arguments, password, here))
    except (PyMongoError, TimeoutError) as error:
        print(f"The replica set can't be set up by {here}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
