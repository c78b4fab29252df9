"""What a web server in front changes about a request, put right before anybody reads it: who asks, by which scheme, under which path."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from basics.proxies import parse_proxies
from settings.settings import Settings

log = logging.getLogger(__name__)

PEER = "proctor.peer"  # in a request's environ: the address at the connection's other end, a proxy's where there is one
MAPPED = "::ffff:"  # before an IPv4 address that comes to an IPv6 socket
PREFIX = re.compile(r"(/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)+")  # browsers go up by dots
PREFIX_MAX = 200

App = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Behind:
    """A WSGI app around `app`. TRUSTED_PROXIES says whose headers count; PUBLIC_URL's path is every request's, whether a proxy strips it or not."""

    def __init__(self, app: App, settings: Settings) -> None:
        self._app = app
        # In protected mode a proxy's trace is a reason to refuse, and must be seen.
        self._proxies = parse_proxies("" if settings.is_protected else settings.trusted_proxies)
        self._unsaid = not self._proxies and not settings.is_protected
        self._prefix = prefix_of(settings)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        peer = environ.get("REMOTE_ADDR", "").removeprefix(MAPPED)
        environ["REMOTE_ADDR"] = environ[PEER] = peer
        prefix = self._prefix
        if self._unsaid and "HTTP_X_FORWARDED_FOR" in environ:
            self._unsaid = False
            log.warning("requests come through a web server (%s), and TRUSTED_PROXIES is not set: limits and audit take all callers for one", peer)
        if self._proxies and self._proxies.trusts(peer):
            environ["REMOTE_ADDR"] = self._proxies.caller(peer, environ.get("HTTP_X_FORWARDED_FOR", ""))
            scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").rpartition(",")[2].strip().lower()
            if scheme in ("http", "https"):
                environ["wsgi.url_scheme"] = scheme
            told = environ.get("HTTP_X_FORWARDED_PREFIX", "").rstrip("/")
            if not prefix and len(told) <= PREFIX_MAX and PREFIX.fullmatch(told):
                prefix = told
        if prefix:
            environ["SCRIPT_NAME"] = prefix
            path = environ.get("PATH_INFO", "")
            if path == prefix or path.startswith(f"{prefix}/"):
                environ["PATH_INFO"] = path[len(prefix) :] or "/"
        return self._app(environ, start_response)


def prefix_of(settings: Settings) -> str:
    """PUBLIC_URL's path without the slash at its end: empty where the server has a host of its own."""
    return urlsplit(settings.public_url).path.rstrip("/")
