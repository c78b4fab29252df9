"""The pages of people: everybody's accounts, and one's own."""

from __future__ import annotations

from flask import Blueprint, render_template

from basics.texts import _
from records.accounts import ROLES
from records.api_tokens import SCOPES
from web.access.callers import caller
from web.languages import said
from web.parts import parts

people_pages = Blueprint("people_pages", __name__)

ROLE_NAMES = {
    "administrator": _("Administrator"),
    "teacher": _("Teacher"),
    "proctor": _("Proctor"),
    "officer": _("Accommodations officer"),
    "auditor": _("Auditor"),
}
ROLE_MEANINGS = {
    "administrator": _("Everything: people, tokens, all exams, the server."),
    "teacher": _("Own exams: set up, students, live, review, results."),
    "proctor": _("Exams that name them: live and review."),
    "officer": _("Students’ accommodations, in all exams."),
    "auditor": _("The audit, and nothing else."),
}
SCOPE_MEANINGS = {
    "read": _("Read sessions, clips, figures and results."),
    "sessions": _("Start, watch and end sessions, write to students, decide."),
    "exams": _("Set up exams, students and accommodations."),
    "administer": _("Everything, people and tokens too."),
}


def for_people() -> dict[str, object]:
    """What a proctors' page is told of who looks at it."""
    return {"logged_in": not parts().access.protected}


@people_pages.get("/people")
def people() -> str:
    """Show the accounts and the tokens for scripts."""
    roles = [(role, said(ROLE_NAMES[role]), said(ROLE_MEANINGS[role])) for role in ROLES]
    scopes = [(scope, said(SCOPE_MEANINGS[scope])) for scope in SCOPES]
    with_provider = bool(parts().settings.provider_name)
    return render_template("people.html", active="people", roles=roles, scopes=scopes, with_provider=with_provider, **for_people())


@people_pages.get("/account")
def account() -> str:
    """Show one's own account: password, second factor, logins."""
    roles = sorted(said(ROLE_NAMES[role]) for role in caller().roles if role in ROLE_NAMES)
    return render_template("account.html", active="account", roles=roles, **for_people())
