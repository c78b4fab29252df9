"""How many files and connections this process may have open: Debian's soft limit of 1,024 is less than an exam day needs."""

from __future__ import annotations

import contextlib
import sys

from basics.errors import ConfigError
from web.access.gate import threads_for

OWN_FILES = 300  # models, logs, database, clips and pipes
PER_SESSION = 2  # its link, and a call or a clip beside it
UNLIMITED = 1 << 20
LESS = (65_536, 10_240, 4_096)  # where the system does not give as many as the user may have
LEAST_CONNECTIONS = 64  # beside its own files; with fewer it would start and answer nobody


def open_files_limit() -> int:
    """How many may be open now."""
    if sys.platform == "win32":  # has no such limit
        return UNLIMITED
    import resource

    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return UNLIMITED if soft == resource.RLIM_INFINITY else soft


def raise_open_files_limit() -> int:
    """Raise the limit as far as this user, and the system, may; return it."""
    if sys.platform == "win32":
        return UNLIMITED
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = UNLIMITED if hard == resource.RLIM_INFINITY else min(hard, UNLIMITED)
    for wanted in (most, *LESS):
        if soft == resource.RLIM_INFINITY or wanted <= soft:
            break
        # A kernel may have a limit of its own below the user's (macOS kern.maxfilesperproc, Linux fs.nr_open).
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, most), hard))
            break
    return open_files_limit()


def connections_within(limit: int) -> int:
    """How many connections `limit` open files leave room for. Raise `ConfigError` where they are too few to serve anybody."""
    room = limit - OWN_FILES
    if room < LEAST_CONNECTIONS:
        needed = OWN_FILES + LEAST_CONNECTIONS
        raise ConfigError(
            f"This user may have {limit} files and connections open, and the server needs {needed} at least, more with many students. "
            f"Raise the limit (ulimit -n, or LimitNOFILE= in the service's unit file).",
            field="MAX_SESSIONS",
        )
    return room


def too_few_open_files(max_sessions: int, limit: int) -> str:
    """What to do where `limit` is too low for so many sessions; empty: it isn't."""
    needed = OWN_FILES + PER_SESSION * max_sessions + threads_for(max_sessions)
    if limit >= needed:
        return ""
    return (
        f"This user may have {limit} files and connections open; MAX_SESSIONS={max_sessions} needs {needed}. "
        f"Raise it (ulimit -Hn, or LimitNOFILE={needed} in the service's unit file), or lower MAX_SESSIONS."
    )
