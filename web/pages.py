"""The pages for people: live dashboard, review, analytics, exams, settings, one session and its report, the student's portal, the login.

A page carries what its scripts need in `data-` attributes; everything that changes comes to it by REST and Socket.IO.
"""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from babel.lists import format_list
from flask import Blueprint, Response, redirect, render_template, request, url_for
from markupsafe import Markup, escape
from werkzeug.wrappers import Response as BaseResponse

from basics.errors import ProctorError
from basics.signals import SIGNALS
from settings.settings import Settings
from web.calls.addresses import server_address
from web.calls.errors import retry_after, status_of
from web.calls.values import check_session_id
from web.languages import init_languages, language, said
from web.parts import parts
from web.setting_names import settings_in_force
from web.student.check_items import CHECK_ITEMS

pages = Blueprint("pages", __name__)
pages.record_once(lambda state: init_languages(state.app))


@pages.app_context_processor
def _names() -> dict[str, object]:
    """The names of signals and of the check's rows, for the pages' lists and scripts."""
    signals = {kind: said(signal.name) for kind, signal in SIGNALS.items()}
    return {
        "signals": list(signals.items()),
        "signals_listed": format_list(list(signals.values()), locale=language()),
        "check_items": [(item, said(row.name)) for item, row in CHECK_ITEMS.items()],
    }


def _with_code(text: str) -> Markup:
    """A setting's meaning, with what it has between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


def _watched(settings: Settings, where: str) -> list[str]:
    """What a student is told of the signals that count, each sentence once."""
    told = [said(signal.watched) for kind, signal in SIGNALS.items() if signal.where == where and settings.points()[kind]]
    return list(dict.fromkeys(told))


@pages.get("/")
def dashboard() -> str:
    """Show the sessions that run, live."""
    base = server_address(request)
    return render_template("live.html", active="live", portal_address=f"{base}/portal", server_address=base, **_for_writing(), **_for_proctors())


@pages.get("/flagged")
def flagged() -> BaseResponse:
    """Lead an old bookmark to the review page, newest first as that page was."""
    return redirect(url_for("pages.review", state="all", rank="newest"))


@pages.get("/review")
def review() -> str:
    """Show the flagged intervals as a queue to decide on."""
    return render_template("review.html", active="review", video_fps=parts().settings.video_fps, **_for_proctors())


@pages.get("/analytics")
def analytics() -> str:
    """Show what all sessions have in common, as charts with their tables."""
    return render_template("analytics.html", active="analytics", high_risk_flags=parts().settings.high_risk_flags, **_for_proctors())


@pages.get("/exams")
def exams() -> str:
    """Show the exams, the students' accommodations, and where a link for a student is made."""
    return render_template("exams.html", active="exams", points=parts().settings.points(), **_for_writing(), **_for_proctors())


@pages.get("/settings")
def settings() -> str:
    """Show the settings in force, read-only, and what this viewer may choose for this browser."""
    return render_template("settings.html", active="settings", groups=settings_in_force(parts().settings), with_code=_with_code, **_for_proctors())


@pages.get("/help")
def help_page() -> str:
    """Show the help of every proctors' page, and the glossary."""
    return render_template("help.html", active="help", **_for_proctors())


@pages.get("/session/<session_id>")
def session(session_id: str) -> str:
    """Show one session, while it runs and after it. Its page says itself when there is no such session."""
    check_session_id(session_id)
    fps = parts().settings.video_fps
    return render_template("session.html", active="session", session_id=session_id, video_fps=fps, **_for_writing(), **_for_proctors())


@pages.get("/session/<session_id>/report")
def report(session_id: str) -> str:
    """Show one session on paper: who, when, checks, timeline, flags with stills, decisions, rules."""
    check_session_id(session_id)
    return render_template("report.html", active="session", session_id=session_id, **_for_proctors())


@pages.get("/verify")
def verify() -> str:
    """Show what checks a package in the browser, to everybody."""
    return render_template("verify.html")


@pages.get("/portal", strict_slashes=False)
def portal() -> Response:
    """Show the student's page. It reads its token from the address's fragment, which never comes here."""
    settings = parts().settings
    exam_opens = parts().exam_page.shown_in(server_address(request))
    page = render_template(
        "portal.html",
        exam_url=settings.exam_url,
        exam_opens=exam_opens,
        exam_without_link_min=settings.exam_without_link_min,
        screen_capture=settings.screen_capture,
        exam_place=settings.exam_place,
        blur_min_s=settings.blur_min_s,
        checked={item: row for item, row in CHECK_ITEMS.items() if item != "screen" or settings.screen_capture != "off"},
        watched={where: _watched(settings, where) for where in ("camera", "page")},
        keep_days=settings.keep_days,
        portal_open=settings.is_portal_open,
        clip_roll_s=settings.interval_duration + settings.clip_preroll_s + settings.clip_postroll_s,
    )
    # A window that the page opens would be cut from it, and could not be told from one that was closed.
    opens_window = {"Cross-Origin-Opener-Policy": "same-origin-allow-popups"} if settings.exam_url and exam_opens != "frame" else {}
    return Response(page, mimetype="text/html", headers=opens_window)


@pages.route("/login", methods=["GET", "POST"])
def login() -> BaseResponse:
    """Ask for the password; with the right one go on to the page that was wanted."""
    access = parts().access
    wanted = own_path(request.values.get("next", ""))
    if request.method == "GET":
        return redirect(wanted) if access.is_proctor(request) else _login_page(wanted)
    try:
        known = request.cookies.get(access.browser_cookie, "")
        access.check_login(request.form.get("username", ""), request.form.get("password", ""), request.remote_addr, known)
    except ProctorError as error:
        page = _login_page(wanted, error=said(error.message), status=status_of(error))
        if (wait := retry_after(error)) is not None:
            page.headers["Retry-After"] = str(wait)
        return page
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
    path = split.path if split.path.startswith(f"{request.root_path}/") else request.root_path + split.path
    query = f"?{quote(split.query, safe='=&%@-._~')}" if split.query else ""
    place = f"#{quote(split.fragment, safe='=&%@-._~')}" if split.fragment else ""
    return quote(path, safe="/%@-._~") + query + place


def _login_page(wanted: str, error: str = "", status: int = 200) -> Response:
    page = render_template("login.html", next=wanted, error=error, portal_open=parts().settings.is_portal_open)
    return Response(page, status=status, mimetype="text/html")


def _for_writing() -> dict[str, object]:
    """What a page is told from which students are written to."""
    return {"own_messages": parts().settings.own_messages}


def _for_proctors() -> dict[str, object]:
    """What each of a proctor's pages is told."""
    settings = parts().settings
    return {
        "flag_threshold": settings.flag_threshold,
        "interval_duration": settings.interval_duration,
        "update_silent_s": settings.update_silent_s,
        "portal_open": settings.is_portal_open,
        "logged_in": not parts().access.protected,
    }
