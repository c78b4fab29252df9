"""Who calls: this machine's own account, whoever is logged in, a script with a token, or the student of one session.

Without a password the server is in protected mode and answers this machine's own account only (`web.access.local`). With one, people log in,
scripts bring a token, and students a signed one for their one session. What each may is in `web.access.rights`, and held by `web.access.hold`.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from basics.errors import ConfigError, Forbidden, ProctorError, Unauthorized
from basics.texts import _
from basics.times import WALL_DOUBT_S
from records.server_key import find_key
from settings.settings import Settings
from web.access.behind import prefix_of
from web.access.callers import NOBODY, Caller
from web.access.limits import RateLimit
from web.access.local import LocalCallers, is_loopback_name
from web.access.logins import Logins
from web.access.rights import RULES, Rule
from web.access.signing import BROWSER_MAX_AGE, LOGIN_MAX_AGE, Signer

PROCTOR = "proctor"  # the one user's name
LOGIN_COOKIE = "proctor_login"
LINK_PROTOCOL = "proctor.link"  # the subprotocol of the student's link
TOKEN_PROTOCOL = "proctor.token."  # in front of a student's token among the subprotocols that are offered
SEB_PROTOCOL = "proctor.seb."  # likewise, of the pass that a page in Safe Exam Browser was given
ENDED_MAX = 10_000  # logins that were logged out and are remembered until they would have ended by themselves
STARTS = 120  # exams started by the open portal from one address in STARTS_WINDOW; an exam room behind one address starts at once
STARTS_WINDOW = 60.0  # s

ALL_ROLES, ALL_SCOPES = frozenset({"administrator"}), frozenset({"administer"})
LOCAL = Caller("local", PROCTOR, roles=ALL_ROLES)
BY_PASSWORD = Caller("password", PROCTOR, roles=ALL_ROLES)
BY_API_TOKEN = Caller("api_token", "API_TOKEN", scopes=ALL_SCOPES)

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FROM_ELSEWHERE = frozenset({"lti.login", "lti.launch", "snippet.script", "snippet.module"})
"""Endpoints to which another site's page may post, or from which it may load: learning platforms send people so, and what they sign is checked in
its place; an exam's own page loads the snippet, which is everybody's."""


def check_start(settings: Settings) -> None:
    """Raise `ConfigError` where the server would listen to other machines without a password."""
    if not settings.is_protected or is_loopback_name(settings.flask_host):
        return
    raise ConfigError(
        f"FLASK_HOST={settings.flask_host} lets other machines in, and no password is set. "
        "Set PROCTOR_PASSWORD in .env (the user is `proctor`), or FLASK_HOST=127.0.0.1 to serve this machine only.",
        field="PROCTOR_PASSWORD",
    )


class SignIns(Protocol):
    """Knows accounts that are signed in, and named tokens."""

    def of_login(self, cookie: str) -> Caller | None:
        """Whose login this cookie is. Raise `StorageError` where that can't be told now."""

    def of_token(self, token: str, address: str = "") -> Caller | None:
        """Which named token this is. Raise `StorageError` where that can't be told now."""


class Ended(Protocol):
    """Knows the logins by the shared password that were logged out, by their SHA-256."""

    def note(self, login_digest: str) -> None:
        """One was logged out."""

    def read(self) -> Iterable[str]:
        """All of them. Raise `StorageError` where that can't be told now."""


class Access:
    """Decides who calls. Safe to use from many threads; keeps nothing but how often each address tried."""

    def __init__(self, settings: Settings) -> None:
        self._password = settings.proctor_password.get_secret_value()
        self._api_token = fingerprint_of(settings.api_token.get_secret_value())
        self._public = urlsplit(settings.public_url)
        self.prefix = prefix_of(settings)
        self.login_cookie = _login_cookie(self._public.scheme, self.prefix)
        self.browser_cookie = f"{self.login_cookie}_browser"
        self.secret_key = find_key(settings)
        self._signer = Signer(self.secret_key, self._password)
        self.local = LocalCallers(self.secret_key, settings.data_dir) if settings.is_protected else None
        self.link_number: Callable[[str], int] = lambda _: 0  # of a running session's newest link; older ones are refused
        self.sign_ins: SignIns | None = None  # where there is a database that has some
        self.sleep = _sleep_of(settings)
        self._logins = Logins(sleep=self.sleep)
        self.ended_logins: Ended | None = None  # where there is a database that keeps them
        self._ended: OrderedDict[bytes, float] = OrderedDict()  # logins that were logged out, and when
        self._knows_ended = False  # those of before this server's start, too
        self._ended_lock = threading.Lock()
        self.logged_out: Callable[[str], object] = lambda _digest: None  # told of a login by the shared password that was logged out here
        self._starts = RateLimit(STARTS, STARTS_WINDOW, _("Too many exams were started from this address."))

    @property
    def protected(self) -> bool:
        """True in protected mode: no password, this machine only."""
        return self.local is not None

    # Requests

    def check_caller(self, request: Request, endpoint: str | None = None) -> None:
        """Raise `Forbidden` where nothing may be answered at all: in protected mode who isn't this machine's own; another site's page."""
        if endpoint not in FROM_ELSEWHERE:
            self._check_site(request)
        if self.local is not None:
            self.local.check(request, endpoint)

    def check_endpoint(self, request: Request, endpoint: str) -> tuple[Rule, Caller]:
        """The endpoint's rule and its caller. Raise `Unauthorized` where nobody is known who may use it, `Forbidden` where it has no rule."""
        rule = RULES.get(endpoint)
        if rule is None:
            raise Forbidden(_("Nobody may use %(path)s: it has no entry in the table of who may.", path=request.path))
        if rule.who == "student":
            return rule, Caller("student", self.student_session(request))
        if rule.who == "open":
            return rule, NOBODY
        who = self.caller_of(request)
        if who.kind == "nobody":
            raise Unauthorized(_("This is for proctors, and nobody is logged in here. Log in first; a script brings its API_TOKEN."))
        return rule, who

    def caller_of(self, request: Request) -> Caller:
        """Who calls, but for students: this machine's own, who is logged in, a script with a token, or nobody. Raise `StorageError`."""
        if self.local is not None:
            return LOCAL if self.local.is_own(request) else NOBODY
        if self._is_script(request):
            return BY_API_TOKEN
        login = request.cookies.get(self.login_cookie, "")
        if self._is_logged_in(login):
            return replace(BY_PASSWORD, login_id=_digest(login).hex())
        found = None
        if self.sign_ins is not None:
            token = bearer(request)
            found = self.sign_ins.of_token(token, request.remote_addr or "") if token else self.sign_ins.of_login(login) if login else None
        return found or NOBODY

    def is_proctor(self, request: Request) -> bool:
        """Is the caller somebody who is logged in, a script with a token, or (in protected mode) this machine's own?"""
        return self.caller_of(request).kind != "nobody"

    def _is_script(self, request: Request) -> bool:
        token = bearer(request)
        return bool(token and self._api_token) and hmac.compare_digest(hashlib.sha256(token.encode("utf-8", "replace")).digest(), self._api_token)

    def _is_logged_in(self, login: str) -> bool:
        if not self._signer.is_login(login):
            return False
        if not self._knows_ended:
            self.read_ended()
        return _digest(login) not in self._ended

    def read_ended(self) -> None:
        """Take up the logins that were logged out before this server's start, or at another server. Raise `StorageError`."""
        for one in self.ended_logins.read() if self.ended_logins is not None else ():
            with suppress(ValueError):  # somebody wrote to the database by hand
                self.end_login(bytes.fromhex(one))
        self._knows_ended = True

    def student_session(self, request: Request) -> str:
        """The session whose student's token the request brings: as a Bearer token, or (a page's WebSocket sends no headers) as a subprotocol.

        An address with `?token=` is read for clients that were made before; it stands in the logs of what is between.
        """
        token = bearer(request)
        if not token and is_websocket(request.environ):
            token = offered(request, TOKEN_PROTOCOL) or request.args.get("token", "")
        if not token:
            raise Unauthorized(
                _("This needs the token of an exam link. Open the portal by the whole link, or start from the portal page."), field="token"
            )
        return self.read_student_token(token)

    def may_watch(self, environ: dict[str, Any]) -> bool:
        """May the sender of this Socket.IO handshake watch sessions? Asked at each connection."""
        handshake = Request(environ)
        try:
            if self.local is not None:
                self.local.check(handshake, None)
            self._check_site(handshake, changes=True)
            return self.caller_of(handshake).may_at_all("look")
        except ProctorError:
            return False

    def watcher(self, environ: dict[str, Any]) -> Callable[[], Caller]:
        """Of a Socket.IO handshake that was let in: who is its sender now? To be asked for as long as the connection is open."""
        handshake = Request(environ)
        if self.local is not None:
            return lambda: LOCAL
        return lambda: self.caller_of(handshake)

    def _check_site(self, request: Request, *, changes: bool = False) -> None:
        """Refuse what another site's page sends: all that changes something, opens a socket or is fetched; a plain link to a page is let through."""
        site = request.headers.get("Sec-Fetch-Site", "none")
        origin = request.headers.get("Origin")
        changes = changes or request.method not in SAFE_METHODS or is_websocket(request.environ)
        foreign = site not in ("none", "same-origin") or (origin is not None and not self._is_own(origin, request))
        followed_link = request.headers.get("Sec-Fetch-Mode") == "navigate" or site == "same-site"
        if foreign and (changes or (site == "cross-site" and not followed_link)):
            raise Forbidden(
                _(
                    "This request comes from another site's page (%(origin)s) and is refused. Use the server's own pages, or a script.",
                    origin=origin or site,
                )
            )

    def _is_own(self, origin: str, request: Request) -> bool:
        given = _host_and_port(origin)
        if given is None:
            return False
        host, port = given
        public = _host_and_port(self._public.geturl()) if not self.protected else None
        if given == public:
            return True
        name, addressed = _addressed(request)
        if name != host or addressed is not None:
            return name == host and addressed == port
        # A proxy may leave the port out of Host, and our scheme isn't the page's: where PUBLIC_URL doesn't say which, any of the host's is taken.
        return port == 80 if self.protected else public is None or public[0] != host

    # Proctors

    def check_login(self, name: str, password: str, address: str | None, browser: str = "") -> None:
        """Raise `Unauthorized` unless name and password are the proctor's, `TooMany` after too many wrong ones from `address`; the right ones do.

        `browser` is the mark of one from which somebody has logged in before: whoever guesses behind the same address does not stand in its way.
        """

        def is_right() -> bool:
            right_name = hmac.compare_digest(name.encode("utf-8", "replace"), PROCTOR.encode())
            return self.is_password(password) and right_name

        self.count_login(address, self.known_browser(browser, name), is_right)

    def is_password(self, password: str) -> bool:
        """Is this the shared password? There may be none."""
        return hmac.compare_digest(password.encode("utf-8", "replace"), self._password.encode()) and bool(self._password)

    def known_browser(self, mark: str, name: str) -> str:
        """Which browser this is, from which somebody has logged in under this name before; empty where it isn't known."""
        return self._signer.known_browser(mark, name) if mark else ""

    def count_login(self, address: str | None, known: str, is_right: Callable[[], bool]) -> None:
        """Ask `is_right` when it is the address's turn, or the known browser's. Raise `Unauthorized`, `TooMany`."""
        self._logins.check(f"browser {known}" if known else address, is_right)

    def remember_login(self, request: Request, response: Response) -> None:
        """Give the caller the cookie of a login by the shared password, and the mark of its browser; call it after `check_login`."""
        self._give(request, response, self.login_cookie, self._signer.login_token(), LOGIN_MAX_AGE, "Strict")
        self._give(request, response, self.browser_cookie, self._signer.browser_token(PROCTOR), BROWSER_MAX_AGE, "Strict")

    def give_login(self, request: Request, response: Response, name: str, cookie: str, longest_s: float) -> None:
        """Give the caller the cookie of an account's login, and the mark of its browser, which is for this name of a login.

        `Lax`: after a sign-in elsewhere a browser sends no stricter one. What changes something is refused to other sites' pages in any case.
        """
        self._give(request, response, self.login_cookie, cookie, int(longest_s), "Lax")
        self._give(request, response, self.browser_cookie, self._signer.browser_token(name), BROWSER_MAX_AGE, "Strict")

    def _give(self, request: Request, response: Response, name: str, value: str, age: int, site: str) -> None:
        path = self._cookie_path(request)
        response.set_cookie(name, value, max_age=age, httponly=True, samesite=site, secure=self.is_secure(request), path=path)

    def forget_login(self, request: Request, response: Response) -> bool:
        """Take the cookie back, and end its login: a copy of it opens nothing any more, and its sockets end. Was it by the shared password?"""
        login = request.cookies.get(self.login_cookie, "")
        if shared := self._signer.is_login(login):
            self.end_login(_digest(login))
            if self.ended_logins is not None:
                self.ended_logins.note(_digest(login).hex())
            self.logged_out(_digest(login).hex())
        response.delete_cookie(self.login_cookie, httponly=True, samesite="Strict", secure=self.is_secure(request), path=self._cookie_path(request))
        return shared

    def end_login(self, digest: bytes) -> None:
        """A login by the shared password opens nothing any more; `digest` is its cookie's SHA-256."""
        with self._ended_lock:
            self._ended[digest] = now = time.monotonic()
            while len(self._ended) > ENDED_MAX or now - next(iter(self._ended.values())) > LOGIN_MAX_AGE + 2 * WALL_DOUBT_S:
                self._ended.popitem(last=False)

    def is_secure(self, request: Request) -> bool:
        """Does the caller come by HTTPS, as far as can be told?"""
        # A forged X-Forwarded-Proto can only make the forger's own cookie stricter.
        forwarded = request.headers.get("X-Forwarded-Proto", "").lower()
        return self.is_https or request.scheme in ("https", "wss") or forwarded == "https"

    @property
    def is_https(self) -> bool:
        """Is the server reached by HTTPS, as PUBLIC_URL says? A login by anything else isn't kept then."""
        return self._public.scheme == "https"

    def _cookie_path(self, request: Request) -> str:
        return "/" if self.login_cookie.startswith("__Host-") else f"{request.root_path}/"

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
        session_id, _dot, number = self._signer.read_student_token(token).partition(".")
        if int(number or 0) < self.link_number(session_id):
            raise Unauthorized(_("A newer link was made for this exam, and this one is over. Use the new one, or ask for it."), field="token")
        return session_id


def _digest(login: str) -> bytes:
    return hashlib.sha256(login.encode("utf-8", "replace")).digest()


def is_websocket(environ: Mapping[str, Any]) -> bool:
    """Is this the handshake of a WebSocket?"""
    return str(environ.get("HTTP_UPGRADE", "")).lower() == "websocket"


def fingerprint_of(token: str) -> bytes:
    """What is kept of API_TOKEN: `sha256:…` stands for a token that isn't told here. Empty for none."""
    if not token:
        return b""
    return bytes.fromhex(token.removeprefix("sha256:")) if token.startswith("sha256:") else hashlib.sha256(token.encode()).digest()


def bearer(request: Request) -> str:
    """The token in `Authorization: Bearer …`, empty where there is none."""
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


def _addressed(request: Request) -> tuple[str | None, int | None]:
    """The host and port that a request names in its Host header; no host where that is none, no port where it names none."""
    try:
        addressed = urlsplit(f"//{request.environ.get('HTTP_HOST', '')}")
        name, port = addressed.hostname, addressed.port
    except ValueError:
        return None, None
    return name, port


def offered(request: Request, protocol: str) -> str:
    """What stands behind `protocol` among those that a WebSocket offers, empty for none: a page can send it nowhere else but in the address."""
    names = (name.strip() for name in request.headers.get("Sec-WebSocket-Protocol", "").split(","))
    return next((name.removeprefix(protocol) for name in names if name.startswith(protocol)), "")


def _login_cookie(scheme: str, prefix: str) -> str:
    """The name of a login's cookie. By HTTPS browsers hold it to its promises: `__Host-` to this host alone, which allows no path."""
    if scheme != "https":
        return LOGIN_COOKIE
    return f"__Secure-{LOGIN_COOKIE}" if prefix else f"__Host-{LOGIN_COOKIE}"


def _sleep_of(settings: Settings) -> Callable[[float], object]:
    if settings.socketio_async_mode == "eventlet":  # a real sleep would hold everybody up
        import eventlet

        return eventlet.sleep  # type: ignore[no-any-return]
    return time.sleep
