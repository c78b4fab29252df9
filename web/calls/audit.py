"""Notes in the audit who did what, for everything a proctor or a script changes."""

from __future__ import annotations

from typing import Any

from flask import request

from web.access.callers import caller
from web.parts import parts


def note(what: str, who: str, **details: Any) -> None:
    """Add one entry. Never waits: it is stored, or spooled, by the database's writer.

    Beside the name stands by which account or token it was done.
    """
    present = caller()
    by: dict[str, str] = {present.kind: present.account_id or present.name} if present.kind in ("account", "token") else {}
    parts().database.audit({"who": who, "what": what, "address": request.remote_addr, **by, **details})
