"""Protected mode, in which no password is set: this machine's own account is answered, and nobody else.

A browser shows the token of the address that the server printed at its start, and keeps a cookie. A script needs nothing, where it comes from
this machine's own name without any trace of a proxy, and where the kernel (on Linux) says that its program is our account's or root's; else it
sends the token as API_TOKEN is sent. The token is made anew at each start, and lies in DATA_DIR/local_token for our account alone.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import re
import secrets
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from basics.errors import ConfigError, Forbidden
from basics.texts import _
from web.access.peer import owner_of

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
PROXY_HEADERS = re.compile(
    r"HTTP_(.*FORWARDED.*|.*CLIENT_IP|VIA|CDN_LOOP|X_REAL_IP|X_(ORIGINAL|ENVOY|AMZN|ARR|AZURE|PROXY)_.*|(CF|FLY|TAILSCALE)_.*)"
)
"""What web servers, tunnels and providers in front add, each by a name of its own."""
SET_PASSWORD = _("Set PROCTOR_PASSWORD in .env and start again to let others in.")
ARGUMENT = "local"  # of the printed address
COOKIE_MAX_AGE = 30 * 24 * 3600  # s
STUDENTS_OWN = frozenset(
    (
        *("static", "languages.texts", "health.health", "health.ready", "pages.portal", "entering.enter", "entering.rehearse"),
        *("students.start", "students.go_on", "students.session", "students.exam", "students.check", "students.rehearsal"),
        "admission.ask",
        *("trials.speed", "trials.look", "link.student_link", "http_link.student_link_by_http", "link_trial.try_link"),
        *("student_identity.say", "student_identity.answer", "student_identity.take"),
        *("student_password.shown", "seb.check", "seb.file", "seb.start", "pages.leave_seb", "lti_assessment.start", "lti_assessment.over"),
        *("snippet.script", "snippet.module", "snippet.window", "snippet.enter"),
        *(f"own_report.{name}" for name in ("page", "shown", "make_link", "answer", "nothing_to_add", "ask_new_look", "clip")),
    )
)
"""What a student's page uses: on this machine an exam's link opens in any browser of our own account."""


class LocalCallers:
    """Knows this machine's own callers."""

    def __init__(self, key: str, data_dir: Path) -> None:
        """Make the token of this run; `key` is the server's own."""
        mark = hmac.new(key.encode(), b"local browser", hashlib.sha256).hexdigest()
        # A cookie is every port's of this machine: a name of its own for each server keeps two from putting each other out.
        self.cookie, self._value = f"proctor_local_{mark[:8]}", mark[8:]
        self.token = secrets.token_urlsafe(24)
        self.path = data_dir / "local_token"

    def write_token(self) -> None:
        """Write the token where scripts of our account find it. Raise `ConfigError`."""
        temporary = self.path.with_name(f"{self.path.name}.{secrets.token_hex(8)}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(self.token + "\n")
            temporary.replace(self.path)
        except OSError as error:
            raise ConfigError(f"The token for this machine's callers can't be written to {self.path}: {error}.", field="DATA_DIR") from error

    def check(self, request: Request, endpoint: str | None) -> None:
        """Raise `Forbidden` unless this machine itself asks, with nothing between, and may use `endpoint`."""
        check_direct(request)
        if self.is_known(request):
            return
        owner = owner_of(request.environ)
        if owner == "other":
            raise Forbidden(
                _(
                    "No password is set, so only the account that runs this server is answered, and this request comes from another account's "
                    "program (a web server in front runs as one). %(set_password)s A script of yours may send the token in %(path)s.",
                    set_password=SET_PASSWORD,
                    path=self.path,
                )
            )
        if is_browser(request) and not (owner == "own" and endpoint in STUDENTS_OWN):
            raise Forbidden(
                _(
                    "No password is set, so a browser must show that it is yours: open the address that the server printed at its start "
                    "(…/?%(argument)s=…) once in this browser. The token in it stands in %(path)s, too.",
                    argument=ARGUMENT,
                    path=self.path,
                )
            )

    def is_own(self, request: Request) -> bool:
        """Is the caller, whom `check` let through, a proctor's equal? A student's page in a browser that isn't known is none."""
        return self.is_known(request) or not is_browser(request)

    def is_known(self, request: Request) -> bool:
        """Does the caller bring the token, or the cookie that was given for it?"""
        given = request.cookies.get(self.cookie, "")
        if hmac.compare_digest(given.encode("utf-8", "replace"), self._value.encode()):
            return True
        authorization = request.authorization
        return authorization is not None and authorization.type == "bearer" and self._is_token(authorization.token or "")

    def welcome(self, request: Request) -> Response | None:
        """Where the request brings the printed address's token: the answer that keeps it as a cookie, and goes on to the page without it."""
        given = request.args.get(ARGUMENT)
        if given is None or request.method != "GET" or not self._is_token(given):
            return None
        rest = urlencode([(name, value) for name, value in request.args.items(multi=True) if name != ARGUMENT])
        response = redirect(f"{request.root_path}{request.path}" + (f"?{rest}" if rest else ""), 303)
        response.set_cookie(self.cookie, self._value, max_age=COOKIE_MAX_AGE, httponly=True, samesite="Lax", path=f"{request.root_path}/")
        return response

    def cookies(self) -> dict[str, str]:
        """The cookie of a browser that is known."""
        return {self.cookie: self._value}

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())


def is_browser(request: Request) -> bool:
    """Does the caller say that it is a browser? All of them do."""
    headers = request.headers
    return headers.get("User-Agent", "").startswith("Mozilla/") or any(name.startswith("HTTP_SEC_FETCH_") for name in request.environ)


def check_direct(request: Request) -> None:
    """Raise `Forbidden` unless this machine itself asks, by its own name and with nothing between."""
    environ = request.environ
    if not is_loopback(environ.get("REMOTE_ADDR", "")):
        raise Forbidden(
            _(
                "No password is set, so only this machine is answered, and this request comes from %(remote_addr)s. %(set_password)s",
                remote_addr=environ.get("REMOTE_ADDR"),
                set_password=SET_PASSWORD,
            )
        )
    through = next((name for name in environ if PROXY_HEADERS.fullmatch(name)), None)
    if through:
        header = through.removeprefix("HTTP_").replace("_", "-").title()
        raise Forbidden(
            _(
                "No password is set, so only this machine is answered, and this request came through a proxy (%(header)s). %(set_password)s",
                header=header,
                set_password=SET_PASSWORD,
            )
        )
    if environ.get("SERVER_PROTOCOL") == "HTTP/1.0":  # how nginx forwards by default, with no header that says so
        raise Forbidden(
            _(
                "No password is set, so only this machine is answered, and HTTP/1.0 is what a proxy speaks. %(set_password)s",
                set_password=SET_PASSWORD,
            )
        )
    upgrades = "upgrade" in environ.get("HTTP_CONNECTION", "").lower()
    if upgrades and not environ.get("HTTP_UPGRADE"):  # how it forwards what is no WebSocket by the usual recipe for WebSockets
        raise Forbidden(
            _(
                "No password is set, so only this machine is answered, and an upgrade to nothing is what a proxy asks for. %(set_password)s",
                set_password=SET_PASSWORD,
            )
        )
    host = environ.get("HTTP_HOST", "")
    if host_name(host) not in LOCAL_HOSTS:  # a name of somebody's own that points here (DNS rebinding)
        raise Forbidden(
            _(
                "No password is set, so only this machine is answered, and as localhost or 127.0.0.1 only, not as %(host)s. %(set_password)s",
                host=repr(host[:100]),
                set_password=SET_PASSWORD,
            )
        )


def host_name(host: str) -> str | None:
    """The name in a Host header, None where it isn't one."""
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018 (raises on a port that is no number)
    except ValueError:
        return None
    return parts.hostname if parts.netloc == host and not parts.username else None


def is_loopback(address: str) -> bool:
    """Is `address` this machine's own?"""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def is_loopback_name(host: str) -> bool:
    """Does FLASK_HOST let this machine in alone?"""
    return host == "localhost" or is_loopback(host)
