"""Notes in the audit who did what: for everything a proctor or a script changes, and for what somebody looked at, listened to or took away."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Any

from flask import current_app, request

from storage.writes import Ticket
from web.access.callers import Caller, caller
from web.access.limits import network_of
from web.parts import parts

BROWSER_MAX = 200  # characters of a browser's name for itself
AGAIN_S = 600.0  # who looks at the same thing within it is noted once: a page asks many times, a player for parts of a clip
REMEMBERED = 10_000
_EXTENSION = "proctor_looked"


def note(what: str, who: str, **details: Any) -> Ticket:
    """Add one entry, under the name of the account that is signed in, else of `who`; beside it stands by which account or token it was done.

    Never waits: it is stored, or spooled, by the database's writer; the ticket tells when.
    """
    return parts().database.audit(entry_of(caller(), what, who, **details))


def note_look(what: str, who: str, **details: Any) -> None:
    """Note that somebody looked at something, once in ten minutes for each caller and thing."""
    if is_new_look(caller(), what, who, **details):
        note(what, who, **details)


def entry_of(present: Caller, what: str, who: str, **details: Any) -> dict[str, Any]:
    """The entry of what `present` does by this request."""
    by: dict[str, str] = {present.kind: present.account_id or present.name} if present.kind in ("account", "token") else {}
    browser = "".join(character for character in (request.user_agent.string or "")[:BROWSER_MAX] if character.isprintable())
    name = present.name if present.signs else who
    return {"who": name, "what": what, "address": request.remote_addr, "browser": browser, **by, **details}


def is_new_look(present: Caller, what: str, who: str, **details: Any) -> bool:
    """Has `present` not looked at this in the last ten minutes? They have now."""
    looked: Looked = current_app.extensions.setdefault(_EXTENSION, Looked())
    whose = f"{present.kind} {present.account_id or present.name}"  # behind one address there are several tokens
    # Of cookies the login's alone counts: any other the caller may make up anew for each look, and fill the audit so.
    return looked.is_new(f"{whose}\n{network_of(request.remote_addr)}\n{present.login_id}\n{what}\n{who}\n{sorted(details.items())}")


class Looked:
    """Who looked at what of late. Safe between threads."""

    def __init__(self) -> None:
        self._at: OrderedDict[int, float] = OrderedDict()
        self._lock = threading.Lock()

    def is_new(self, key: str) -> bool:
        """Was this not noted in the last ten minutes? It is now."""
        now, mark = time.monotonic(), hash(key)
        with self._lock:
            fresh = now - self._at.get(mark, -AGAIN_S) >= AGAIN_S
            if fresh:
                self._at[mark] = now
                self._at.move_to_end(mark)
                while len(self._at) > REMEMBERED:
                    self._at.popitem(last=False)
            return fresh
