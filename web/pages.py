"""The pages for people: the live dashboard, the flagged intervals, one session, the student's portal, and the login.

A page carries what its scripts need in `data-` attributes; everything that changes comes to it by REST and Socket.IO.
"""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from flask import Blueprint, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from errors import ProctorError
from web.api import check_session_id
from web.errors import status_of
from web.parts import parts

pages = Blueprint("pages", __name__)


@pages.get("/")
def dashboard() -> str:
    """Show the sessions that run, live."""
    settings = parts().settings
    base = settings.public_url.rstrip("/") or request.host_url.rstrip("/")
    return render_template("live.html", active="live", portal_address=f"{base}/portal", server_address=base, **_for_proctors())


@pages.get("/flagged")
def flagged() -> str:
    """Show the flagged intervals, newest first."""
    return render_template("flagged.html", active="flagged", **_for_proctors())


@pages.get("/session/<session_id>")
def session(session_id: str) -> str:
    """Show one session, while it runs and after it. Its page says itself when there is no such session."""
    check_session_id(session_id)
    return render_template("session.html", active="session", session_id=session_id, **_for_proctors())


@pages.get("/portal")
def portal() -> str:
    """Show the student's page. It reads its token from the address's fragment, which never comes here."""
    return render_template("portal.html")


@pages.route("/login", methods=["GET", "POST"])
def login() -> BaseResponse:
    """Ask for the password; with the right one go on to the page that was wanted."""
    access = parts().access
    wanted = own_path(request.values.get("next", ""))
    if request.method == "GET":
        return redirect(wanted) if access.is_proctor(request) else _login_page(wanted)
    try:
        access.check_login(request.form.get("username", ""), request.form.get("password", ""), request.remote_addr)
    except ProctorError as error:
        return _login_page(wanted, error=error.message, status=status_of(error))
    response = redirect(wanted)
    access.remember_login(request, response)
    return response


@pages.post("/logout")
def logout() -> BaseResponse:
    """Forget the login."""
    response = redirect(url_for("pages.login"))
    parts().access.forget_login(request, response)
    return response


def own_path(address: str) -> str:
    """`address` as a path of this server, safe to go on to after a login; the dashboard where it leads elsewhere."""
    # browsers read a backslash as a slash, and drop tabs and line ends: `/\evil.example` is another server
    plain = address.isprintable() and "\\" not in address and not address.startswith("//")
    split = urlsplit(address) if plain else None
    if split is None or split.scheme or split.netloc or not split.path.startswith("/"):
        return url_for("pages.dashboard")
    return quote(split.path, safe="/%@-._~") + (f"?{quote(split.query, safe='=&%@-._~')}" if split.query else "")


def _login_page(wanted: str, error: str = "", status: int = 200) -> Response:
    return Response(render_template("login.html", next=wanted, error=error), status=status, mimetype="text/html")


def _for_proctors() -> dict[str, object]:
    """What each of a proctor's pages is told."""
    settings = parts().settings
    return {
        "flag_threshold": settings.flag_threshold,
        "interval_duration": settings.interval_duration,
        "portal_open": settings.portal_open,
        "logged_in": not parts().access.protected,
    }
