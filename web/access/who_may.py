"""Who may: one table says for each endpoint whether it is open, a student's or a proctor's, and one hook holds every request to it.

Without a password the server is in protected mode and answers direct requests from this machine only. With one, proctors log in,
scripts bring API_TOKEN, and students a signed token for their one session. An endpoint that isn't in the table is refused.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from flask import Flask, g, request
from werkzeug.wrappers import Request, Response

from basics.errors import ConfigError, Forbidden, Unauthorized
from settings.settings import Settings
from web.access.limits import RateLimit
from web.access.signing import LOGIN_MAX_AGE, Signer, find_key

Who = Literal["open", "student", "proctor"]

WHO_MAY: Mapping[str, Who] = {
    "static": "open",
    "api.create_session": "proctor",
    "api.end_session": "proctor",
    "api.sessions": "proctor",
    "api.active_sessions": "proctor",
    "api.session_stats": "proctor",
    "api.session_details": "proctor",
    "api.flagged": "proctor",
    "videos.by_id": "proctor",
    "videos.by_path": "proctor",
    "accommodations.save": "proctor",
    "accommodations.listed": "proctor",
    "accommodations.remove": "proctor",
    "analytics.figures": "proctor",
    "analytics.table": "proctor",
    "analytics.exams": "proctor",
    "stills.screen": "proctor",
    "stills.of_interval": "proctor",
    "desk.set_break": "proctor",
    "desk.send_message": "proctor",
    "desk.end_session": "proctor",
    "desk.make_link": "proctor",
    "reviews.queue": "proctor",
    "reviews.decide": "proctor",
    "reviews.history": "proctor",
    "students.start": "open",  # PORTAL_OPEN decides
    "students.session": "student",
    "students.check": "student",
    "students.rehearsal": "open",  # PORTAL_OPEN decides
    "trials.speed": "open",  # PORTAL_OPEN or a student's token decides
    "trials.look": "open",  # likewise
    "link.student_link": "student",
    "health.health": "open",  # says more to a proctor
    "health.metrics": "proctor",
    "health.openapi": "open",
    "pages.dashboard": "proctor",
    "pages.flagged": "proctor",
    "pages.review": "proctor",
    "pages.session": "proctor",
    "pages.report": "proctor",
    "pages.analytics": "proctor",
    "pages.exams": "proctor",
    "pages.settings": "proctor",
    "pages.portal": "open",
    "pages.login": "open",
    "pages.logout": "open",
}

PROCTOR = "proctor"  # the one user's name
LOGIN_COOKIE = "proctor_login"
FAILED_LOGINS = 10  # tries from one address in LOGIN_WINDOW; a forgotten password takes fewer, a guessed one millions
LOGIN_WINDOW = 300.0  # s
STARTS = 120  # exams started by the open portal from one address in STARTS_WINDOW; an exam room behind one address starts at once
STARTS_WINDOW = 60.0  # s

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
PROXY_HEADERS = frozenset({"HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP", "HTTP_X_CLIENT_IP", "HTTP_TRUE_CLIENT_IP", "HTTP_CF_CONNECTING_IP"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SET_PASSWORD = "Set PROCTOR_PASSWORD in .env and start again to let others in."


def check_start(settings: Settings) -> None:
    """Raise `ConfigError` where the server would listen to other machines without a password."""
    if settings.proctor_password.get_secret_value() or _is_loopback_name(settings.flask_host):
        return
    raise ConfigError(
        f"FLASK_HOST={settings.flask_host} lets other machines in, and no password is set. "
        "Set PROCTOR_PASSWORD in .env (the user is `proctor`), or FLASK_HOST=127.0.0.1 to serve this machine only.",
        field="PROCTOR_PASSWORD",
    )


class Access:
    """Decides who may. Safe to use from many threads; keeps nothing but how often each address tried."""

    def __init__(self, settings: Settings) -> None:
        self._password = settings.proctor_password.get_secret_value()
        self._api_token = settings.api_token.get_secret_value()
        self._public = urlsplit(settings.public_url)
        self.secret_key = find_key(settings)
        self._signer = Signer(self.secret_key, self._password)
        self.link_number: Callable[[str], int] = lambda _: 0  # of a running session's newest link; older ones are refused
        self._logins = RateLimit(FAILED_LOGINS, LOGIN_WINDOW, "Too many wrong passwords from this address.")
        self._starts = RateLimit(STARTS, STARTS_WINDOW, "Too many exams were started from this address.")

    @property
    def protected(self) -> bool:
        """True in protected mode: no password, this machine only."""
        return not self._password

    # Requests

    def check_caller(self, request: Request) -> None:
        """Raise `Forbidden` where nothing may be answered at all: another machine in protected mode, another site's page."""
        if self.protected:
            _check_direct(request)
        self._check_site(request)

    def check_endpoint(self, request: Request, endpoint: str) -> str | None:
        """Raise `Unauthorized` or `Forbidden` unless the caller may use `endpoint`. For a student's endpoint return the session's id."""
        who = WHO_MAY.get(endpoint)
        if who == "open":
            return None
        if who == "student":
            return self.student_session(request)
        if who == "proctor":
            if self.is_proctor(request):
                return None
            raise Unauthorized("This is for proctors. Log in, or send API_TOKEN in the header `Authorization: Bearer …`.")
        raise Forbidden(f"Nobody may use {request.path}: it has no entry in the table of who may.")

    def is_proctor(self, request: Request) -> bool:
        """Is the caller a proctor who is logged in, a script with API_TOKEN, or (in protected mode) anybody on this machine?"""
        if self.protected:
            return True
        token = _bearer(request)
        if token and self._api_token and hmac.compare_digest(token.encode(), self._api_token.encode()):
            return True
        return self._signer.is_login(request.cookies.get(LOGIN_COOKIE, ""))

    def student_session(self, request: Request) -> str:
        """The session whose student's token the request brings, as a Bearer token or (a WebSocket can't send headers) as `?token=`."""
        token = _bearer(request) or (request.args.get("token", "") if is_websocket(request.environ) else "")
        if not token:
            raise Unauthorized(
                "This needs the token of an exam link. Open the portal by the whole link, or start from the portal page.", field="token"
            )
        return self.read_student_token(token)

    def may_watch(self, environ: dict[str, Any]) -> bool:
        """May the sender of this Socket.IO handshake watch sessions? Asked at each connection."""
        handshake = Request(environ)
        try:
            if self.protected:
                _check_direct(handshake)
            self._check_site(handshake, changes=True)
        except Forbidden:
            return False
        return self.is_proctor(handshake)

    def _check_site(self, request: Request, *, changes: bool = False) -> None:
        """Refuse what another site's page sends: all that changes something, opens a socket or is fetched; a plain link to a page is let through."""
        site = request.headers.get("Sec-Fetch-Site", "none")
        origin = request.headers.get("Origin")
        changes = changes or request.method not in SAFE_METHODS or is_websocket(request.environ)
        foreign = site not in ("none", "same-origin") or (origin is not None and not self._is_own(origin, request))
        followed_link = request.headers.get("Sec-Fetch-Mode") == "navigate" or site == "same-site"
        if foreign and (changes or (site == "cross-site" and not followed_link)):
            raise Forbidden(
                f"This request comes from another site's page ({origin or site}) and is refused. Use the server's own pages, or a script."
            )

    def _is_own(self, origin: str, request: Request) -> bool:
        given = _host_and_port(origin)
        if given is None:
            return False
        host, port = given
        if not self.protected and self._public.hostname and given == _host_and_port(self._public.geturl()):
            return True
        addressed = urlsplit(f"//{request.environ.get('HTTP_HOST', '')}")
        try:
            # A proxy that ends TLS leaves the port out of Host, and our scheme isn't the page's: the default port is the origin's own.
            return addressed.hostname == host and (addressed.port is None or addressed.port == port)
        except ValueError:
            return False

    # Proctors

    def check_login(self, name: str, password: str, address: str | None) -> None:
        """Raise `Unauthorized` unless name and password are the proctor's, `TooMany` after too many wrong ones from `address`."""
        self._logins.take(address)
        right_name = hmac.compare_digest(name.encode("utf-8", "replace"), PROCTOR.encode())
        right_password = hmac.compare_digest(password.encode("utf-8", "replace"), self._password.encode())
        if not (right_name and right_password and self._password):
            raise Unauthorized("Name or password is wrong. The user's name is `proctor`.")
        self._logins.forgive(address)

    def remember_login(self, request: Request, response: Response) -> None:
        """Give the caller the cookie of a login; call it after `check_login`."""
        response.set_cookie(
            LOGIN_COOKIE,
            self._signer.login_token(),
            max_age=LOGIN_MAX_AGE,
            httponly=True,
            samesite="Strict",
            secure=self._is_secure(request),
            path="/",
        )

    def forget_login(self, request: Request, response: Response) -> None:
        """Take the cookie back."""
        response.delete_cookie(LOGIN_COOKIE, httponly=True, samesite="Strict", secure=self._is_secure(request), path="/")

    def _is_secure(self, request: Request) -> bool:
        # A forged X-Forwarded-Proto can only make the forger's own cookie stricter.
        forwarded = request.headers.get("X-Forwarded-Proto", "").lower()
        public = self._public.scheme == "https" and self._public.netloc == request.environ.get("HTTP_HOST")
        return request.scheme in ("https", "wss") or forwarded == "https" or public

    # Students

    def make_student_token(self, session_id: str) -> str:
        """A token that lets its bearer be the student of this one session, until a newer link is made."""
        number = self.link_number(session_id)
        return self._signer.student_token(f"{session_id}.{number}" if number else session_id)

    def count_start(self, address: str | None) -> None:
        """Count one exam started by the open portal. Raise `TooMany` where one address starts more than a whole room does."""
        if not self.protected:
            self._starts.take(address)

    def read_student_token(self, token: str) -> str:
        """The session that the token is for. Raise `Unauthorized`, also where a newer link was made."""
        session_id, _, number = self._signer.read_student_token(token).partition(".")
        if int(number or 0) < self.link_number(session_id):
            raise Unauthorized("A newer link was made for this exam, and this one is over. Use the new one, or ask for it.", field="token")
        return session_id


def register_access(app: Flask, access: Access) -> None:
    """Hold every request to `app` to the table. A student's session is then in `g.student_session_id`."""

    @app.before_request
    def check() -> None:
        access.check_caller(request)
        if request.endpoint is not None:  # else no such page: routing says so afterwards
            g.student_session_id = access.check_endpoint(request, request.endpoint)


def is_websocket(environ: Mapping[str, Any]) -> bool:
    """Is this the handshake of a WebSocket?"""
    return str(environ.get("HTTP_UPGRADE", "")).lower() == "websocket"


def _check_direct(request: Request) -> None:
    """Raise `Forbidden` unless this machine itself asks, by its own name and with nothing between."""
    environ = request.environ
    if not _is_loopback(environ.get("REMOTE_ADDR", "")):
        raise Forbidden(
            f"No password is set, so only this machine is answered, and this request comes from {environ.get('REMOTE_ADDR')}. {SET_PASSWORD}"
        )
    through = next((name for name in environ if name in PROXY_HEADERS or name.startswith("HTTP_X_FORWARDED_")), None)
    if through:
        header = through.removeprefix("HTTP_").replace("_", "-").title()
        raise Forbidden(f"No password is set, so only this machine is answered, and this request came through a proxy ({header}). {SET_PASSWORD}")
    if environ.get("SERVER_PROTOCOL") == "HTTP/1.0":  # how nginx forwards by default, with no header that says so
        raise Forbidden(f"No password is set, so only this machine is answered, and HTTP/1.0 is what a proxy speaks. {SET_PASSWORD}")
    host = environ.get("HTTP_HOST", "")
    if _host_name(host) not in LOCAL_HOSTS:  # a name of somebody's own that points here (DNS rebinding)
        raise Forbidden(f"No password is set, so the server answers as localhost or 127.0.0.1 only, not as {host[:100]!r}. {SET_PASSWORD}")


def _bearer(request: Request) -> str:
    authorization = request.authorization
    if authorization is None or authorization.type != "bearer":
        return ""
    return authorization.token or ""


def _host_and_port(url: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None


def _host_name(host: str) -> str | None:
    """The name in a Host header, None where it isn't one."""
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018 (raises on a port that is no number)
    except ValueError:
        return None
    return parts.hostname if parts.netloc == host and not parts.username else None


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def _is_loopback_name(host: str) -> bool:
    return host == "localhost" or _is_loopback(host)
