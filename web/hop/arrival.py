"""Calls that other servers send on to this one: whose signature is right is answered as if its caller had come here, all others are refused."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Mapping
from typing import Any

from basics.errors import Forbidden
from basics.texts import _
from web.access.gate import Wsgi, refuse
from web.access.who_may import is_websocket
from web.hop.seal import Forged, Hop, digest_of
from web.hop.sending import MARK, SEAL, Hops

log = logging.getLogger(__name__)

TOLD_EVERY_S = 60.0
TAKEN = "proctor.hop"  # in a request's environ: the `Hop` by which it came
MARK_KEY, SEAL_KEY = (f"HTTP_{name.upper().replace('-', '_')}" for name in (MARK, SEAL))


class Arrivals:
    """WSGI middleware, behind what puts a proxy's requests right. Safe between threads."""

    def __init__(self, app: Wsgi, hops: Hops, *, body_max: int) -> None:
        """`body_max`: the most bytes that any call's body may have."""
        self._app = app
        self._hops = hops
        self._body_max = body_max
        self._told_at = -TOLD_EVERY_S

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer, or refuse."""
        if MARK_KEY in environ or SEAL_KEY in environ:
            try:
                hop, body = self._taken(environ)
            except Forged as forged:
                self._hops.count("refused")
                self._tell(environ.get("REMOTE_ADDR", ""), forged)
                error = Forbidden(_("This call says that another server sent it on, and that is not so. Leave the header %(name)s out.", name=MARK))
                return refuse(start_response, error, (MARK, "refused"))
            self._hops.count("taken")
            environ |= {TAKEN: hop, "REMOTE_ADDR": hop.address, "wsgi.url_scheme": hop.scheme, "SCRIPT_NAME": hop.prefix}
            environ |= {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        for key in (MARK_KEY, SEAL_KEY):
            environ.pop(key, None)
        return self._app(environ, start_response)

    def _tell(self, address: str, why: Forged) -> None:
        now = time.monotonic()
        if now - self._told_at > TOLD_EVERY_S:
            self._told_at = now
            log.warning("a call from %s says that another server sent it on, and is refused: %s", address, why)

    def _taken(self, environ: Mapping[str, Any]) -> tuple[Hop, bytes]:
        """The call and its body. Raise `Forged`."""
        if not self._hops.has_others:
            raise Forged("there is no other server")
        hop = self._hops.seals.opened(environ.get(SEAL_KEY, ""))
        if hop.to != self._hops.name:
            raise Forged(f"it is for {hop.to}, and this is {self._hops.name}")
        length = environ.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or int(length) > self._body_max:
            raise Forged(f"its body has {length[:20]} bytes")
        body = environ["wsgi.input"].read(int(length)) if int(length) else b""
        if digest_of(environ, environ.get("QUERY_STRING", ""), body) != hop.asked or is_websocket(environ):
            raise Forged("it is another call than the one that was signed")
        self._hops.seals.take(hop)
        return hop, body
