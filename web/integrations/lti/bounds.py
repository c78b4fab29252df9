"""How much one learning platform makes here: so many accounts and exams in all, and so many in a day, that the server's own people have room."""

from __future__ import annotations

from datetime import timedelta

from basics.texts import _, joined
from basics.times import utc_now
from web.integrations.lti.errors import Refused
from web.parts import parts

ACCOUNTS_MAX, ACCOUNTS_A_DAY = 2_000, 500
EXAMS_MAX, EXAMS_A_DAY = 5_000, 500
DAY = timedelta(days=1)


def check_accounts(registration_id: str) -> None:
    """Raise `Refused` where this platform may make no account just now."""
    known, since = parts().people.accounts.of_registration(registration_id), utc_now() - DAY
    new = sum(account.made_at is not None and account.made_at > since for account in known)
    if len(known) >= ACCOUNTS_MAX or new >= ACCOUNTS_A_DAY:
        raise _full(f"{len(known)} accounts of this platform, {new} of them since yesterday")


def check_exams(registration_id: str) -> None:
    """Raise `Refused` where this platform may make no exam just now, `StorageError`."""
    exams = parts().exams
    count, new = exams.count_of_platform(registration_id), exams.count_of_platform(registration_id, utc_now() - DAY)
    if count >= EXAMS_MAX or new >= EXAMS_A_DAY:
        raise _full(f"{count} exams of this platform, {new} of them since yesterday")


def _full(reason: str) -> Refused:
    text = _("Your learning platform has made as many accounts or exams here as it may.")
    return Refused(joined(" ", [text, _("Try again tomorrow, or ask an administrator of this server.")]), reason)
