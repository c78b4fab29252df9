"""Passwords as they are kept: argon2id, one at a time, so that a flood of logins can't take the cores of the exams."""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP's least for argon2id: 19 MiB, two passes, one lane. It costs 33 ms of a core, where the library's own default takes 216 and 64 MiB.
HASHER = PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)
LONGEST = 1000  # characters of a password that is looked at
_one_at_a_time = threading.Semaphore(1)


def hash_of(password: str) -> str:
    """The password's hash with its salt and parameters."""
    with _one_at_a_time:
        return HASHER.hash(password.encode("utf-8", "replace"))


def is_right(password: str, kept: str) -> bool:
    """Is this the password that was kept? Without one (an empty text) it is refused after the same time as any other."""
    if len(password) > LONGEST:
        password = ""
    with _one_at_a_time:
        try:
            HASHER.verify(kept or _nobodys(), password.encode("utf-8", "replace"))
        except (VerificationError, InvalidHashError):
            return False
    return bool(kept)


def is_outdated(kept: str) -> bool:
    """Was it hashed with other parameters than passwords are now?"""
    return HASHER.check_needs_rehash(kept)


@cache
def _nobodys() -> str:
    """The hash of a password that nobody has."""
    return HASHER.hash(threading.get_ident().to_bytes(8, "little") + b"nobody's")
