"""How many files and connections this process may have open: Debian's soft limit of 1,024 is less than an exam day needs."""

from __future__ import annotations

import sys

from web.access.gate import threads_for

OWN_FILES = 300  # models, logs, database, clips and pipes
PER_SESSION = 2  # its link, and a call or a clip beside it
UNLIMITED = 1 << 20


def open_files_limit() -> int:
    """How many may be open now."""
    if sys.platform == "win32":  # has no such limit
        return UNLIMITED
    import resource

    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return UNLIMITED if soft == resource.RLIM_INFINITY else soft


def raise_open_files_limit() -> int:
    """Raise the limit as far as this user may; return it."""
    if sys.platform == "win32":
        return UNLIMITED
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = UNLIMITED if hard == resource.RLIM_INFINITY else min(hard, UNLIMITED)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return open_files_limit()


def too_few_open_files(max_sessions: int, limit: int) -> str:
    """What to do where `limit` is too low for so many sessions; empty: it isn't."""
    needed = OWN_FILES + PER_SESSION * max_sessions + threads_for(max_sessions)
    if limit >= needed:
        return ""
    return (
        f"This user may have {limit} files and connections open; MAX_SESSIONS={max_sessions} needs {needed}. "
        f"Raise it (ulimit -Hn, or LimitNOFILE={needed} in the service's unit file), or lower MAX_SESSIONS."
    )
