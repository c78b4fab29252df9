"""Notes in the audit who did what, for everything a proctor or a script changes."""

from __future__ import annotations

from typing import Any

from flask import request

from web.parts import parts


def note(what: str, who: str, **details: Any) -> None:
    """Add one entry. Never waits: it is stored, or spooled, by the database's writer."""
    parts().database.audit({"who": who, "what": what, "address": request.remote_addr, **details})
