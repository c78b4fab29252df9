"""Who may what: one table says of each endpoint whether it is open, a student's, or needs a right, and in which exam that must hold.

An endpoint that isn't in the table is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from web.access.callers import Right

Who = Literal["open", "student", "proctor"]
Where = Literal["server", "page", "list", "session", "video", "clip", "body", "every", "student", "accommodation", "exam"]
"""Where a right must be had. `server`: for the whole server. `page`: somewhere, the page's own calls decide further. `list`: somewhere, and the view
leaves out what lies in other exams (`caller().exam_filter`). In the exam of a `session` (its id in the address), of a `video` or a `clip` (by id or
path), of a call's `body` (`exam_id`; none: the sessions without an exam), of the `student`'s running session that the body names, of an
`accommodation`, of the exam that the address names by its key (`exam`). `every`: in the body's exam, and in every exam where it names none."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Of an endpoint: whose it is, and for people and scripts which right it needs, and where. Of several `rights` any one will do; none:
    whoever is logged in."""

    who: Who = "proctor"
    rights: tuple[Right, ...] = ()
    where: Where = "server"


OPEN, STUDENT, SIGNED_IN = Rule("open"), Rule("student"), Rule()


def needs(right: Right, where: Where = "server", *others: Right) -> Rule:
    """The rule of an endpoint for those who have a right, or one of `others`."""
    return Rule("proctor", (right, *others), where)


RULES: Mapping[str, Rule] = {
    "static": OPEN,
    "languages.texts": OPEN,
    "api.create_session": needs("desk", "body"),
    "api.end_session": needs("desk", "student"),
    "api.sessions": needs("look", "list"),
    "api.active_sessions": needs("look", "list"),
    "api.session_stats": needs("look", "list"),
    "api.session_details": needs("look", "session"),
    "api.flagged": needs("look", "list"),
    "videos.by_id": needs("look", "video"),
    "videos.by_path": needs("look", "clip"),
    "accommodations.save": needs("accommodations", "every"),
    "accommodations.listed": needs("accommodations", "list"),
    "accommodations.remove": needs("accommodations", "accommodation"),
    "analytics.figures": needs("look", "list"),
    "analytics.table": needs("look", "list"),
    "analytics.exams": needs("look", "list"),
    "stills.screen": needs("look", "session"),
    "stills.of_interval": needs("look", "session"),
    "absences.listed": needs("look", "session"),
    "absences.picture": needs("look", "session"),
    "packages.key": OPEN,
    "packages.of_session": needs("results", "session"),
    "packages.file_of_session": needs("results", "session", "server"),  # of another server, for its caller
    "packages.of_exam": needs("results", "page"),  # the view holds it to the exam that is asked for
    "identity.listed": needs("look", "exam"),
    "identity.page": needs("look", "exam"),
    "identity.shown": needs("look", "session"),
    "identity.picture": needs("look", "session"),
    "identity.decide": needs("decide", "session"),
    "identity.ask": needs("desk", "session"),
    "erasure.erase": needs("server"),
    "erasure.export": needs("server"),
    "erasure.delete": needs("server"),
    "erasure.set_hold": needs("server"),
    "erasure.holds": needs("server"),
    "desk.set_break": needs("desk", "session"),
    "desk.mark_seen": needs("desk", "session"),
    "desk.send_message": needs("desk", "session"),
    "desk.end_session": needs("desk", "session"),
    "desk.make_link": needs("desk", "session"),
    "desk.mark_moment": needs("desk", "session"),
    "desk.reopen_session": needs("desk", "session"),
    "exam_desk.send_to_exam": needs("desk", "body"),
    "exams.make": needs("exams", "body"),
    "exams.presets": needs("exams", "page"),
    "exams.show": needs("look", "exam"),
    "exams.change": needs("exams", "exam"),
    "exams.put_in_state": needs("exams", "exam"),
    "exams.duplicate": needs("exams", "exam"),
    "exams.end": needs("desk", "exam"),
    "exams.delete": needs("exams", "exam"),
    "rosters.preview": needs("roster", "exam"),
    "rosters.take": needs("roster", "exam"),
    "rosters.listed": needs("roster", "exam"),
    "rosters.table": needs("roster", "exam"),
    "rosters.change": needs("roster", "exam"),
    "rosters.remove": needs("roster", "exam"),
    "rosters.page": needs("roster", "exam"),
    "roster_links.set_links": needs("roster", "exam"),
    "roster_links.table": needs("roster", "exam"),
    "roster_links.shown": needs("roster", "exam"),
    "roster_links.sheet": needs("roster", "exam"),
    "roster_links.qr": needs("roster", "exam"),
    "roster_mail.send": needs("roster", "exam"),
    "roster_wall.not_come": needs("look", "list"),
    "entering.enter": OPEN,  # the link or code decides
    "entering.rehearse": OPEN,  # likewise
    "results.listed": needs("results", "exam"),
    "results.table": needs("results", "exam"),
    "results.people": needs("results", "exam"),
    "results.conclude_without_finding": needs("results", "exam"),  # the view asks for `decide`, too: a token that only reads has results
    "results.shown": needs("look", "session"),
    "results.conclude": needs("results", "session"),  # the view asks for `decide`, too: a token that only reads has results
    "results.second": needs("results", "session"),  # likewise
    "results.withdraw": needs("results", "session"),  # likewise
    "reviews.queue": needs("look", "list"),
    "reviews.decide": needs("decide", "video"),
    "reviews.history": needs("look", "video"),
    "reviews.readings": needs("look", "video"),
    "student_side.shown": needs("look", "session"),
    "student_side.make_link": needs("desk", "session"),
    "student_side.end_links": needs("desk", "session"),
    "student_side.make_links": needs("desk", "exam"),
    "student_side.new_looks": needs("results", "list"),
    "student_side.answer_new_look": needs("results", "session"),  # the view asks for `decide`, too: a token that only reads has results
    "own_report.page": OPEN,
    "own_report.shown": OPEN,  # the report's token, or the student's own, decides
    "own_report.make_link": STUDENT,
    "own_report.answer": OPEN,  # likewise
    "own_report.nothing_to_add": OPEN,  # likewise
    "own_report.ask_new_look": OPEN,  # likewise
    "own_report.clip": OPEN,  # the ticket in the report decides
    "students.start": OPEN,  # PORTAL_OPEN decides
    "students.go_on": OPEN,  # PORTAL_OPEN decides, and the browser's nonce
    "students.session": STUDENT,
    "students.exam": OPEN,  # PORTAL_OPEN decides
    "students.check": STUDENT,
    "admission.ask": STUDENT,
    "students.rehearsal": OPEN,  # PORTAL_OPEN decides
    "student_identity.say": STUDENT,
    "student_identity.answer": STUDENT,
    "student_identity.take": STUDENT,
    "trials.speed": OPEN,  # PORTAL_OPEN or a student's token decides
    "trials.look": OPEN,  # likewise
    "link.student_link": STUDENT,
    "http_link.student_link_by_http": STUDENT,
    "link_trial.try_link": OPEN,  # PORTAL_OPEN or a student's token decides
    "health.health": OPEN,  # says more to who is logged in
    "health.ready": OPEN,
    "health.metrics": needs("metrics"),
    "audit.entries": needs("audit"),
    "audit.table": needs("audit"),
    "audit.page": needs("audit"),
    "health.openapi": OPEN,
    "pages.dashboard": SIGNED_IN,  # leads on who has no exam to watch
    "pages.flagged": needs("look", "page"),
    "pages.review": needs("look", "page"),
    "pages.session": needs("look", "session"),
    "pages.report": needs("look", "session"),
    "pages.analytics": needs("look", "page"),
    "pages.exams": needs("look", "page", "accommodations"),
    "pages.exam": needs("exams", "page"),
    "pages.results": needs("results", "page"),  # the calls hold it to the exam
    "pages.exam_report": needs("results", "page"),  # likewise
    "pages.settings": SIGNED_IN,
    "pages.help_page": SIGNED_IN,
    "people_pages.people": needs("people"),
    "people_pages.account": SIGNED_IN,
    "people.listed": needs("people"),
    "people.choices": needs("exams", "page", "people"),
    "people.add": needs("people"),
    "people.shown": needs("people"),
    "people.change": needs("people"),
    "people.remove": needs("people"),
    "people.invite": needs("people"),
    "people.reset": needs("people"),
    "people.log_out": needs("people"),
    "tokens.listed_tokens": needs("people"),
    "tokens.add_token": needs("people"),
    "tokens.revoke_token": needs("people"),
    "hooks.page": needs("server"),
    "hooks.listed": needs("server"),
    "hooks.add": needs("server"),
    "hooks.shown": needs("server"),
    "hooks.change": needs("server"),
    "hooks.remove": needs("server"),
    "hooks.test": needs("server"),
    "hooks.make_secret": needs("server"),
    "hooks.deliveries": needs("server"),
    "hooks.resend": needs("server"),
    "account.who_am_i": SIGNED_IN,
    "account.set_password": SIGNED_IN,  # these are for accounts only, and each for its own
    "account.offer_factor": SIGNED_IN,
    "account.confirm_factor": SIGNED_IN,
    "account.remove_factor": SIGNED_IN,
    "account.renew_recovery_codes": SIGNED_IN,
    "account.logins": SIGNED_IN,
    "account.end_login": SIGNED_IN,
    "account.end_logins": SIGNED_IN,
    "sign_in.code": OPEN,
    "sign_in.invitation": OPEN,
    "sign_in_oidc.begin": OPEN,
    "sign_in_oidc.back": OPEN,  # what the provider says decides
    "lti.login": OPEN,
    "lti.launch": OPEN,  # what the learning platform signed decides
    "lti.jwks": OPEN,
    "lti.own_jwks": OPEN,
    "sign_in.look_at_invitation": OPEN,  # the invitation's token decides
    "sign_in.accept_invitation": OPEN,  # likewise
    "exam_password.shown": needs("exams", "exam"),
    "exam_password.change": needs("exams", "exam"),
    "student_password.shown": STUDENT,
    "lti_register.register": OPEN,  # a link that is good once decides, or the administrator's login
    "lti_register.confirm": needs("server"),
    "lti_choose.choose": OPEN,  # a secret decides, in the browser that began: a platform shows it in a frame, where no login comes
    "lti_choose.chosen": OPEN,  # likewise
    "lti_assessment.start": OPEN,  # a ticket of the student's own page decides
    "lti_assessment.over": OPEN,  # likewise one that the launch gave
    "lti_acts.shown": needs("look", "session"),
    "lti_acts.ask": needs("desk", "session"),
    "lti_acts.withdraw": needs("desk", "session"),
    "lti_names.fill": needs("roster", "exam"),
    "lti_courses.listed": needs("exams", "exam"),
    "lti_courses.let_platform": needs("server"),  # an exam's teachers don't open it to a whole platform
    "lti_courses.unlink": needs("exams", "exam"),
    "lti_registrations.listed": needs("server"),
    "lti_registrations.add": needs("server"),
    "lti_registrations.change": needs("server"),
    "lti_registrations.remove": needs("server"),
    "lti_registrations.make_link": needs("server"),
    "lti_registrations.rotate_key": needs("server"),
    "lti_registrations.page": needs("server"),
    **dict.fromkeys(("openedx.token", "openedx.instructor"), OPEN),  # the installation's secret decides, or what it signed with that
    **dict.fromkeys((f"openedx.{name}" for name in ("config", "make_exam", "save_exam", "show_exam")), OPEN),  # its token decides
    **dict.fromkeys((f"openedx.{name}" for name in ("add_attempt", "attempt", "set_status", "remove_attempt")), OPEN),  # likewise
    **dict.fromkeys(("openedx.retire", "openedx.onboarding_statuses"), OPEN),  # likewise
    **dict.fromkeys((f"edx_installations.{name}" for name in ("page", "listed", "add", "change", "remove")), needs("server")),
    **dict.fromkeys((f"edx_installations.{name}" for name in ("make_secret", "deliveries", "resend")), needs("server")),
    "seb.check": STUDENT,
    "seb.file": OPEN,  # a Mac's client brings nothing along; it holds nothing that the portal's own page doesn't tell
    "seb.start": OPEN,  # the ticket decides, and without one it is the portal
    "seb.read_key": needs("exams", "page"),  # reads what it is sent, and keeps nothing
    "pages.leave_seb": OPEN,
    "snippet.script": OPEN,  # what pages of other sites load
    "snippet.module": OPEN,  # likewise
    "snippet.window": OPEN,
    "snippet.enter": OPEN,  # what the exam's own site signed decides
    "snippet_asking.stands": OPEN,  # likewise
    "snippet_secret.shown": needs("exams", "exam"),
    "snippet_secret.renew": needs("exams", "exam"),
    "pages.verify": OPEN,
    "pages.portal": OPEN,
    "pages.login": OPEN,
    "pages.logout": OPEN,
}

WHO_MAY: Mapping[str, Who] = {endpoint: rule.who for endpoint, rule in RULES.items()}
