"""By which key an exam goes to one of several servers: web servers in front hash it. It leads, and gives no right.

The key stands in addresses and logs, so it is no ID but a hash of one; of an exam it is the exam's name in addresses. An exam that may be too
large for one server has several keys, `KEY.1`, `KEY.2` and so on, and each of its students one of them.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from typing import Any

from basics.identifiers import key_of

KEYS_MAX = 100  # of one exam
ROUTE = re.compile(r"[0-9a-f]{32}(\.[1-9][0-9]{0,2})?")


def keys_for(students: int, students_a_key: int) -> int:
    """How many keys an exam of so many students has: 1 to `KEYS_MAX`."""
    return min(KEYS_MAX, max(1, math.ceil(students / students_a_key)))


def route_of(session_id: str, user_id: str, exam_id: str | None, keys: int = 1) -> str:
    """The key of one student's session in an exam that has so many keys; of a session without an exam its id. The same for all spellings of an ID."""
    if exam_id is None:
        return session_id
    if keys == 1:
        return key_of(exam_id)
    share = int.from_bytes(hashlib.sha256(f"route\n{key_of(user_id)}".encode()).digest()[:8], "big")
    return f"{key_of(exam_id)}.{1 + share % keys}"


def stored_route(document: Mapping[str, Any]) -> str:
    """The key that a session was made with; empty where it has none, or a damaged one."""
    route = document.get("route")
    return route if isinstance(route, str) and ROUTE.fullmatch(route) else ""
