"""Every REST call that the server describes, with values that nobody would send: a 4xx in the one form of errors is an answer, a 5xx a finding."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from bench.fuzz.decoders import Finding

METHODS = ("get", "post", "put", "patch", "delete")
LEFT_OUT = ("/student/link", "/socket.io/", "/api/student/speed")  # WebSockets, and a call that takes any bytes
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    10**30,
    1.5,
    float("nan"),
    float("inf"),
    "",
    " ",
    "a" * 5000,
    "\x00",
    "\ud800",
    "\u202e",
    "../../etc/passwd",
    "%00",
]
ODD += [
    "$where",
    {"$gt": ""},
    {"$ne": None},
    [],
    {},
    [[[]]],
    "2024-02-30",
    "-0",
    "1e400",
    "٣",
    "ﬁ",
    "<script>",
    "'; --",
    "a\r\nb: c",
    "\u200c",
    "0001",
    "A.",
]
SLOW_S = 10.0
TOO_LONG = 414  # gunicorn's own answer to an address of more than 4 KB, before there is a call
WORDS = ("limit", "after", "exam_id", "user_id", "state", "rank", "kind", "from", "to", "tz", "search", "table", "checks_after", "readings")

Answer = tuple[int, str, bytes]
Send = Callable[[str, str, bytes | None, Mapping[str, str]], Answer]
"""Method, path with query, body and headers in; status, content type and body out."""


def calls(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The calls of an OpenAPI document as `(method, path)`."""
    found = [(method, path) for path, item in document["paths"].items() for method in METHODS if method in item]
    return sorted(call for call in found if call[1] not in LEFT_OUT)


def fuzz(send: Send, document: Mapping[str, Any], seed: int, seconds: float, most: int | None = None) -> Iterator[Finding]:
    """Every call in turn, for so many seconds or `most` of them."""
    listed, until, number = calls(document), time.monotonic() + seconds, 0
    fields = _fields(document)
    while time.monotonic() < until and (most is None or number < most):
        method, path = listed[number % len(listed)]
        problem = try_one(send, method, path, fields, random.Random(f"{seed} {number}"))
        if problem:
            yield Finding(f"{method.upper()} {path}", seed, number, problem)
        number += 1


def try_one(send: Send, method: str, path: str, fields: list[str], random: random.Random) -> str:
    """Make one call; return what is wrong with its answer, else nothing."""
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + quote(_text(_odd(random)) or "x", safe="/" if random.random() < 0.2 else "") + rest.partition("}")[2]
    query = "&".join(f"{random.choice(WORDS)}={quote(_text(_odd(random)), safe='')}" for _ in range(random.choice((0, 1, 1, 3))))
    body, headers = _body(method, fields, random)
    begun = time.monotonic()
    status, kind, content = send(method.upper(), path + ("?" + query if query else ""), body, headers)
    took = time.monotonic() - begun
    if status >= 500 and status != 503:
        return f"{status} for {path}?{query} with {body!r:.200}"
    if took > SLOW_S:
        return f"{took:.1f} s for {path}?{query} with {body!r:.200}"
    if status >= 400 and status != TOO_LONG and path.startswith("/api/"):
        return _wrong_error(status, kind, content)
    return ""


def _wrong_error(status: int, kind: str, content: bytes) -> str:
    try:
        error = json.loads(content)
    except ValueError:
        error = None
    if not kind.startswith("application/json") or not isinstance(error, dict) or not error.get("error", {}).get("message"):
        return f"{status} without the form of errors ({kind}: {content[:80]!r})"
    return ""


def _body(method: str, fields: list[str], random: random.Random) -> tuple[bytes | None, dict[str, str]]:
    if method not in {"post", "put", "patch"}:
        return None, {}
    if random.random() < 0.15:
        kind = random.choice(("application/json", "text/plain", "image/jpeg", "application/json; charset=utf-16"))
        return random.randbytes(random.choice((0, 1, 40, 3000))), {"Content-Type": kind}
    value: Any = {random.choice(fields): _odd(random) for _ in range(random.randint(0, 6))}
    if random.random() < 0.5:  # so that more than the first check is met
        value |= {"user_id": f"student-{random.randrange(9)}", "by": "somebody", "decision": "confirmed", "source": "browser"}
        value[random.choice(list(value))] = _odd(random)
    if random.random() < 0.1:
        value = _odd(random)
    return json.dumps(value).encode("utf-8", "surrogatepass"), {"Content-Type": "application/json"}


def _odd(random: random.Random) -> Any:
    if random.random() < 0.1:
        return "".join(chr(random.choice((random.randrange(128), random.randrange(0x800), random.randrange(0x11000)))) for _ in range(8))
    return random.choice(ODD)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "replace").decode()


def _fields(document: Mapping[str, Any]) -> list[str]:
    """The names of all fields that any call's body may have."""
    names = {name for schema in document.get("components", {}).get("schemas", {}).values() for name in schema.get("properties", {})}
    return sorted(names | {"user_id", "exam_id", "source", "station", "reason", "by", "on", "note", "decision", "results", "points"})
