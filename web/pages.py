"""The pages for people: live dashboard, review, analytics, exams, settings, one session and its report, the student's portal, the login.

A page carries what its scripts need in `data-` attributes; everything that changes comes to it by REST and Socket.IO.
"""

from __future__ import annotations

import re
from dataclasses import replace

from babel.lists import format_list
from flask import Blueprint, Response, redirect, render_template, request, url_for
from markupsafe import Markup, escape
from werkzeug.wrappers import Response as BaseResponse

from basics.errors import NotFound, ProctorError
from basics.signals import SIGNALS
from basics.texts import _
from cluster.route import stored_route
from records.exams import exam_key as exam_key_of
from records.identity import days_kept
from scoring.accommodation_presets import ACCOMMODATION_PRESETS
from scoring.exam_rules import rules_for
from scoring.rules import Rules
from web.access.callers import caller
from web.access.headers import content_security_policy
from web.access.hold import exam_of_session, hold
from web.access.who_may import PROCTOR
from web.calls.addresses import server_address
from web.calls.values import DOCUMENT_ID_PATTERN, check_session_id
from web.landing import first_page, own_path
from web.languages import begin_in, init_languages, known_languages, language, said
from web.operator.people_pages import for_people
from web.operator.sign_in import let_in, login_page
from web.parts import parts
from web.proctor.exam_words import exam_words
from web.setting_names import settings_in_force
from web.student.check_items import CHECK_ITEMS
from web.student.surface import AT_PLATFORM, surface_of, watched_by

pages = Blueprint("pages", __name__)
pages.record_once(lambda state: init_languages(state.app))


@pages.app_context_processor
def _names() -> dict[str, object]:
    """The names of signals and of the check's rows, for the pages' lists and scripts."""
    who = caller()
    signals = {kind: said(signal.name) for kind, signal in SIGNALS.items()}
    return {
        "rights": who.rights(),
        "own_name": who.name if who.signs else "",
        "signals": list(signals.items()),
        "signals_listed": format_list(list(signals.values()), locale=language()),
        "check_items": [(item, said(row.name)) for item, row in CHECK_ITEMS.items()],
        "asks_identity": _asks_identity,
    }


def _asks_identity(exam_key: str) -> bool:
    """Has the exam pictures of its students to compare, and may the caller look at them?"""
    exam = parts().exams.shown(exam_key)
    return exam is not None and (exam.definition.identity_step or exam.definition.room_view) and caller().may("look", exam.exam_id)


def _in_exam_of(session_id: str) -> dict[str, object]:
    """What the caller may in the session's exam, and the exam's key where it asks for pictures; nothing where nothing is known of it."""
    try:
        exam_id = exam_of_session(session_id)
    except ProctorError:
        return {"rights_here": frozenset(), "identity_key": ""}
    key = exam_key_of(exam_id) if isinstance(exam_id, str) else ""
    here = frozenset(right for right in caller().rights() if caller().may(right, exam_id))
    return {"rights_here": here, "identity_key": key if key and _asks_identity(key) else ""}


def _route_of(session_id: str) -> str:
    """The key that leads to the session's server, where there are several."""
    running = parts().monitor.get(session_id)
    if running is not None or parts().monitor.maker.routing.alone:
        return running.identity.route if running is not None else ""
    try:
        return stored_route(parts().database.session(session_id))
    except ProctorError:
        return ""


def _was_asked(session_id: str) -> bool:
    """Was a platform asked for something, in a session that its attempt has left?"""
    try:
        return parts().platform_acts.is_of(session_id)
    except ProctorError:
        return False


def _known_key(exam_key: str) -> str:
    if not re.fullmatch(DOCUMENT_ID_PATTERN, exam_key):
        raise NotFound(_("There is no exam of this address."), field="exam_key")
    return exam_key


def _with_code(text: str) -> Markup:
    """A setting's meaning, with what it has between backticks as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


@pages.get("/")
def dashboard() -> str | BaseResponse:
    """Show the sessions that run, live; who may watch none is led on to what there is."""
    if not caller().may_at_all("look"):
        return redirect(first_page(caller()))
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
    presets = {name: preset.fields() for name, preset in ACCOMMODATION_PRESETS.items()}
    return render_template("exams.html", active="exams", points=parts().settings.points(), presets=presets, **_for_writing(), **_for_proctors())


@pages.get("/exams/<exam_key>")
def exam(exam_key: str) -> str:
    """Show the page on which an exam is set up; `new`: another one. It says itself when there is no such exam."""
    if exam_key != "new" and (known := parts().exams.shown(_known_key(exam_key))) is not None:
        hold("exams", known.exam_id)  # who only watches it reads no form that saves nothing
    key, spoken = "" if exam_key == "new" else exam_key, list(known_languages().values())
    kept = {"keep_days": parts().settings.keep_days, "server_days": parts().settings.keep_by_kind()}
    return render_template("exam.html", active="exams", exam_key=key, spoken=spoken, **kept, **exam_words(), **_for_proctors())


@pages.get("/exams/<exam_key>/results")
def results(exam_key: str) -> str:
    """Show an exam's results by student, and let people conclude sessions. It says itself when there is no such exam."""
    return render_template("results.html", active="exams", exam_key=_known_key(exam_key), **_for_proctors())


@pages.get("/exams/<exam_key>/report")
def exam_report(exam_key: str) -> str:
    """Show a whole exam on paper: numbers, students, rules, who decided what."""
    return render_template("exam_report.html", active="exams", exam_key=_known_key(exam_key), **_for_proctors())


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
    here: dict[str, object] = {"video_fps": parts().settings.video_fps, "route": _route_of(session_id), **_in_exam_of(session_id)}
    here["platform"] = parts().lti_attempts.is_awaited(session_id) or _was_asked(session_id)
    return render_template("session.html", active="session", session_id=session_id, **here, **_for_writing(), **_for_proctors())


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
    exam = parts().exams.shown(key) if (key := request.args.get("exam", "")) else None
    begin_in(exam.definition.language if exam else None)
    rules = rules_for(exam.definition, Rules.from_settings(settings)) if exam else Rules.from_settings(settings)
    surface = surface_of(exam.definition if exam else None, settings, parts().exam_page, server_address(request))
    if exam and request.args.get("at") == AT_PLATFORM:  # its address is the session's own
        surface = replace(surface, address=AT_PLATFORM, opens_in="window")
    page = render_template(
        "portal.html",
        exam=exam,
        exam_url=surface.address,
        exam_opens=surface.opens_in,
        exam_without_link_min=settings.exam_without_link_min,
        screen_capture=surface.screen_capture,
        exam_place=surface.place,
        sites=surface.sites,
        blur_min_s=settings.blur_min_s,
        checked={item: row for item, row in CHECK_ITEMS.items() if item != "screen" or surface.screen_capture != "off"},
        watched={where: [said(text) for text in watched_by(dict(rules.points), where)] for where in ("camera", "page")},
        keep_days=(exam.definition.keep_days if exam else {}).get("records", settings.keep_days),
        identity_days=days_kept(exam.definition if exam else None, settings),
        portal_open=settings.is_portal_open,
        keeps_absences=bool(rules.points.get("no_face")),
        clip_roll_s=rules.interval_duration + settings.clip_preroll_s + settings.clip_postroll_s,
    )
    # A window that the page opens would be cut from it, and could not be told from one that was closed.
    headers = {"Cross-Origin-Opener-Policy": "same-origin-allow-popups"} if surface.opens_window else {}
    if surface.sites:  # nor may it be cut from the page that opened it
        headers["Cross-Origin-Opener-Policy"] = "unsafe-none"
    if exam:  # its address, and no other's, may be in the frame
        headers["Content-Security-Policy"] = content_security_policy(request.environ.get("HTTP_HOST", ""), surface.address)
    return Response(page, mimetype="text/html", headers=headers)


@pages.get("/seb/quit")
def leave_seb() -> str:
    """Show what is at the address by which Safe Exam Browser ends, to any other browser."""
    return render_template("seb_quit.html")


@pages.route("/login", methods=["GET", "POST"])
def login() -> BaseResponse:
    """Ask for name and password; with the right ones go on to the page that was wanted, or to the second factor's code."""
    access = parts().access
    wanted = own_path(request.values.get("next", ""))
    if request.method == "GET":
        return redirect(wanted) if access.is_proctor(request) else login_page(wanted)
    try:
        known = request.cookies.get(access.browser_cookie, "")
        account = parts().sign_in.by_password(request.form.get("username", ""), request.form.get("password", ""), request.remote_addr, known)
        if account is not None:
            return login_page(wanted, ticket=parts().sign_in.half_way(account)) if account.totp else let_in(account, "password", wanted)
    except ProctorError as error:
        return login_page(wanted, error)
    response = redirect(wanted)
    access.remember_login(request, response)
    parts().sign_in.note("signed in", PROCTOR, request.remote_addr, request.headers.get("User-Agent", ""), how="shared password")
    return response


@pages.post("/logout")
def logout() -> BaseResponse:
    """Forget the login: its sockets end, and a copy of its cookie opens nothing any more."""
    response = redirect(url_for("pages.login"))
    access, people = parts().access, parts().people
    if not access.protected:
        found = people.login(request.cookies.get(access.login_cookie, ""))
        if found is not None:
            account, login = found
            people.logins.end(login.id)
            parts().sign_in.note("signed out", account.name, request.remote_addr, account=account.id)
    if access.forget_login(request, response):
        parts().sign_in.note("signed out", PROCTOR, request.remote_addr)
    people.changed()
    return response


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
        **for_people(),
    }
