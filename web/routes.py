"""Puts everything that answers requests on an app."""

from __future__ import annotations

from flask import Flask

from web.access.behind import Behind
from web.access.gate import Gate
from web.access.headers import register_headers
from web.access.hold import register_access
from web.calls.errors import register_errors
from web.hop.arrival import Arrivals
from web.hop.calls import register_hop
from web.integrations.hook_calls import hooks
from web.integrations.lti.act_calls import lti_acts
from web.integrations.lti.assessment import lti_assessment
from web.integrations.lti.course_calls import lti_courses
from web.integrations.lti.deep_linking import lti_choose
from web.integrations.lti.dynamic import lti_register
from web.integrations.lti.launch import lti
from web.integrations.lti.names_roles import lti_names
from web.integrations.lti.registration_calls import lti_registrations
from web.integrations.openedx.installation_calls import edx_installations
from web.integrations.openedx.instructor import openedx
from web.integrations.seb import seb
from web.integrations.snippet.asking import snippet_asking
from web.integrations.snippet.entering import snippet
from web.integrations.snippet.secret import snippet_secret
from web.operator.account import account
from web.operator.audit import audit_calls
from web.operator.health import health_calls
from web.operator.metrics import register_metrics
from web.operator.people import people, tokens
from web.operator.people_pages import people_pages
from web.operator.sign_in import sign_in
from web.operator.sign_in_oidc import sign_in_oidc
from web.pages import pages
from web.parts import EXTENSION, Parts
from web.proctor.absences import absences
from web.proctor.accommodations import accommodations
from web.proctor.analytics import analytics
from web.proctor.erasure import erasure_calls
from web.proctor.exam_calls import exams
from web.proctor.exam_desk import exam_desk
from web.proctor.exam_password import exam_password
from web.proctor.identity import identity
from web.proctor.packages import packages
from web.proctor.results import results
from web.proctor.reviews import reviews
from web.proctor.roster_calls import rosters
from web.proctor.roster_links import roster_links
from web.proctor.roster_mail import roster_mail
from web.proctor.roster_wall import roster_wall
from web.proctor.running import desk
from web.proctor.sessions import api
from web.proctor.stills import stills
from web.proctor.student_side import student_side
from web.proctor.videos import videos
from web.student.admission import admission
from web.student.entering import entering
from web.student.http_link import http_link
from web.student.identity import PICTURE_BYTES_MAX, student_identity
from web.student.link import link
from web.student.link_trial import link_trial
from web.student.own_report import own_report
from web.student.password import student_password
from web.student.start import students
from web.student.trials import trials
from web.traces import register_traces

BLUEPRINTS = (
    api,
    students,
    admission,
    own_report,
    trials,
    student_identity,
    videos,
    reviews,
    results,
    accommodations,
    desk,
    exam_desk,
    exams,
    rosters,
    roster_links,
    roster_mail,
    roster_wall,
    entering,
    stills,
    absences,
    packages,
    identity,
    student_side,
    erasure_calls,
    analytics,
    health_calls,
    audit_calls,
    pages,
    people,
    tokens,
    account,
    people_pages,
    sign_in,
    sign_in_oidc,
    lti,
    link,
    http_link,
    link_trial,
    exam_password,
    student_password,
    lti_register,
    lti_choose,
    lti_assessment,
    lti_acts,
    lti_names,
    lti_courses,
    lti_registrations,
    seb,
    hooks,
    snippet,
    snippet_asking,
    snippet_secret,
    openedx,
    edx_installations,
)


def register_web(app: Flask, parts: Parts) -> None:
    """Put everything that answers requests on `app`. The check of who may runs before every view, whoever registered it."""
    app.extensions[EXTENSION] = parts
    app.secret_key = parts.access.secret_key
    app.config["MAX_CONTENT_LENGTH"] = parts.settings.max_body_kb * 1024
    app.config["MAX_FORM_MEMORY_SIZE"] = parts.settings.max_body_kb * 1024
    register_errors(app)
    register_headers(app)
    register_metrics(app, parts)
    register_traces(app, parts.hops.traces)
    register_access(app, parts.access)
    register_hop(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    # In front of Socket.IO as well, which answers before the app.
    app.wsgi_app = Gate(app.wsgi_app, parts.access.may_watch, max_sessions=parts.settings.max_sessions)  # type: ignore[method-assign]
    body_max = max(parts.settings.max_body_kb * 1024, PICTURE_BYTES_MAX)
    app.wsgi_app = Arrivals(app.wsgi_app, parts.hops, body_max=body_max)  # type: ignore[method-assign]
    app.wsgi_app = Behind(app.wsgi_app, parts.settings)  # type: ignore[method-assign]
