"""What the messages of Proctoring Services 1.0 say beside a launch's own claims, checked and bounded.

Whoever comes by one of them is who takes the exam: roles are not looked at, as the specification has it.
"""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from basics.texts import _
from records.lti_attempts import Attempt
from records.lti_people import user_id_of
from records.lti_registrations import Registration, is_at_issuer, is_platform_url
from records.roster_rows import NAME_MAX
from web.integrations.lti.claims import LONGEST_ID, LTI, PROCTORING, Launch, fits, told
from web.integrations.lti.errors import Refused, not_believed

log = logging.getLogger(__name__)

DATA_MAX = 16_384  # bytes of session_data, which some platforms make a token of their own
CUSTOM_MAX = 8_192  # of the custom parameters, as JSON: one platform has the assessment's password there, and wants it back
LINK_MAX = 4_096  # of the resource link's claim, as JSON
NUMBER_MAX, DIGITS_MAX = 1_000_000, 7
PROBLEM_MAX, LOG_MAX = 500, 4_000  # of what went wrong at the platform
BLACKBOARD = "blackboard.com"
ACTIONS = ("flag", "pause", "resume", "terminate", "update")
_TOLD = (("given_name", "given_name"), ("middle_name", "middle_name"), ("family_name", "family_name"), ("full_name", "name"))
"""Claims of `verified_user`, and those of a launch by which the platform tells them."""


def started(launch: Launch, exam_id: str) -> Attempt:
    """The attempt that an LtiStartProctoring begins. Raise `Refused` for one that does not say all that it must, or leads elsewhere."""
    claims = launch.claims
    link, custom = claims.get(f"{LTI}resource_link"), claims.get(f"{LTI}custom")
    data, start_url = claims.get(f"{PROCTORING}session_data"), claims.get(f"{PROCTORING}start_assessment_url")
    if not launch.link_id or not isinstance(link, dict) or not fits(link, LINK_MAX):
        raise lacks("resource_link")
    if not isinstance(data, str) or not data or not fits(data, DATA_MAX):
        raise lacks("session_data")
    if not isinstance(start_url, str) or not is_platform_url(start_url):
        raise lacks("start_assessment_url")
    if not is_of_platform(launch.registration, start_url):
        host = urlsplit(start_url).hostname
        raise Refused(
            _("Your learning platform has its exam at %(host)s, which is not registered here as its own. Ask whoever runs this server.", host=host),
            f"start_assessment_url at {host!r}, which is not the platform's",
        )
    if custom is not None and (not isinstance(custom, dict) or not fits(custom, CUSTOM_MAX)):
        raise lacks("custom")
    control_url, actions = _control(launch)
    shown = set(launch.name.casefold().split())  # what people here see: the parts of another name they have not compared
    names = {name: text for name, claim in _TOLD if (text := told(claims.get(claim), NAME_MAX)) and shown >= set(text.casefold().split())}
    registration_id = launch.registration.registration_id
    return Attempt(
        registration_id,
        launch.deployment_id,
        launch.link_id,
        launch.sub,
        number_of(launch),
        user_id_of(registration_id, launch.sub),
        exam_id,
        resource_link=link,
        start_url=start_url,
        session_data=data,
        custom=custom,
        names=names,
        control_url=control_url,
        actions=actions,
    )


def number_of(launch: Launch) -> int | str:
    """Which attempt it is, as it came: an integer from 1, or its digits. Raise `Refused`."""
    number = launch.claims.get(f"{PROCTORING}attempt_number")
    digits = isinstance(number, str) and number.isascii() and number.isdigit() and len(number) <= DIGITS_MAX
    if isinstance(number, bool) or not isinstance(number, int | str) or (isinstance(number, str) and not digits):
        raise lacks("attempt_number")
    if not 1 <= int(number) <= NUMBER_MAX:
        raise lacks("attempt_number")
    return number


def settings_of(launch: Launch) -> str:
    """Our own settings of a proctored exam, which the platform keeps for us: an exam's id, where somebody wrote it there; empty: none."""
    settings = launch.claims.get(f"{PROCTORING}proctoring_settings")
    return told(settings.get("data"), LONGEST_ID) if isinstance(settings, dict) else ""


def problem_of(launch: Launch) -> tuple[str, str]:
    """What an LtiEndAssessment says went wrong: for the person, and for the log; empty where nothing did.

    TAO writes the names of these two claims with spaces around them.
    """
    said = {name.strip(): text for name, text in launch.claims.items()}
    return told(said.get(f"{PROCTORING}errormsg"), PROBLEM_MAX), told(said.get(f"{PROCTORING}errorlog"), LOG_MAX)


def is_of_platform(registration: Registration, address: str) -> bool:
    """Is this an address at the issuer's host, or below it, or at a host at which the platform is registered?

    Blackboard signs for all its schools, each of which may be at a host of its own.
    """
    if urlsplit(registration.issuer).hostname == BLACKBOARD:
        return is_platform_url(address) and address.startswith("https:")
    known = {urlsplit(one).hostname for one in (registration.auth_login_url, registration.auth_token_url, registration.key_set_url)}
    return is_at_issuer(registration.issuer, address) or urlsplit(address).hostname in known


def _control(launch: Launch) -> tuple[str, tuple[str, ...]]:
    """Where the platform takes a word on the attempt, and which; empty: nowhere."""
    claim = launch.claims.get(f"{PROCTORING}acs")
    given = claim if isinstance(claim, dict) else {}
    address, actions = given.get("assessment_control_url"), given.get("actions")
    if not isinstance(address, str) or not isinstance(actions, list):
        return "", ()
    if not is_platform_url(address) or not is_of_platform(launch.registration, address):
        log.warning("lti: %s names an assessment control service that is not its own; it is not used", launch.registration.registration_id)
        return "", ()
    named = {one.removesuffix("Request") for one in actions[:20] if isinstance(one, str)}  # "flagRequest" of an older Open edX
    return address, tuple(one for one in ACTIONS if one in named)


def lacks(name: str) -> Refused:
    """A claim of this name is missing, or is none that can be taken."""
    return not_believed(_("it does not say all that it must (%(missing)s)", missing=name), f"no {name} that can be taken")
