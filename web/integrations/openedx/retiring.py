"""Who is retired in Open edX is erased here: as the student that they were, and as one of a course's staff."""

from __future__ import annotations

from contextlib import suppress

from basics.errors import NotFound, ProctorError
from records.edx_attempts import student_id_of
from records.edx_installations import Installation
from records.erasure import is_alone
from records.lti_accounts import is_of_platform_alone
from records.lti_people import LtiPerson, user_id_of
from web.calls.audit import note
from web.integrations.lti.arrivals import account_of
from web.integrations.openedx.exams import BY
from web.parts import parts
from web.proctor.erasure import erasure


def retired(installation: Installation, sub: str) -> bool:
    """Erase everything of a person, as Open edX calls them. False while a session runs or a legal hold is set, or where it can't be done now."""
    try:
        _erase(installation, sub)
    except ProctorError as error:
        note("openedx: not erased", BY, installation=installation.id, reason=error.message)
        return False
    return True


def _erase(installation: Installation, sub: str) -> None:
    records, student, staff = erasure(), student_id_of(installation.id, sub), user_id_of(installation.id, sub)
    with suppress(NotFound):  # nothing is stored
        records.erase(student, BY)
    _end_account(LtiPerson(installation.id, sub, staff))
    if parts().lti.people.by_user_id(staff) is not None:
        with suppress(NotFound):
            records.erase(staff, BY)
    records.blank([sub] if is_alone(sub) else [])  # lines may name whom no record does


def _end_account(person: LtiPerson) -> None:
    """The account by which a person came as staff goes, too; not one that somebody here gave a role or a password: that is this server's own."""
    account = account_of(person)
    if account is None:
        return
    if not is_of_platform_alone(account):
        note("openedx: account stays", BY, account_id=account.id)
        return
    parts().people.accounts.remove(account.id)
    parts().people.changed()
    note("account: deleted", BY, account_id=account.id, registration=account.registration_id)
