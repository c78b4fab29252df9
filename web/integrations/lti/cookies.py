"""What a launch carries to the platform and back (`state`), and the cookie that shows on the way back that it is the same browser."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from flask import Request, Response
from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from basics.texts import _, joined
from web.access.signing import opened
from web.integrations.lti.errors import BEGIN_AGAIN, Refused

COOKIE = "proctor_lti"
WAY_S = 600  # at the platform, where somebody may have to log in first
CHOICE_S = 3600  # for which a choice that such a launch began may wait
CLOCKS_S = 60  # by which two servers' clocks may differ
HINTS_MAX = 1500  # characters of what the platform gave along, that go there and back again in an address
FRAMES = frozenset({"iframe", "frame", "embed", "object"})


@dataclass(frozen=True, slots=True)
class State:
    """A launch on its way: of which registration, what its token must name, in which browser it began, and what began it (`begun_by`)."""

    registration_id: str
    nonce: str
    browser: str
    begun_by: Mapping[str, str] = field(default_factory=dict)


class States:
    """Signs and reads states."""

    def __init__(self, key: str) -> None:
        self._signer = URLSafeTimedSerializer(key, salt="lti state")

    def sign(self, state: State) -> str:
        """For the address of the platform."""
        given = dict(state.begun_by)
        return str(self._signer.dumps([state.registration_id, state.nonce, state.browser, given if len(urlencode(given)) <= HINTS_MAX else {}]))

    def read(self, signed: str) -> State:
        """The state that came back. Raise `Refused` for one that is not ours, or too old."""
        try:
            registration_id, nonce, browser, given = opened(self._signer, signed, WAY_S, CLOCKS_S)
        except SignatureExpired as old:
            raise Refused(joined(" ", [_("This was begun more than ten minutes ago."), BEGIN_AGAIN]), f"an old state ({old.message})") from None
        except (BadData, UnicodeError, TypeError, ValueError):
            raise Refused(joined(" ", [_("This was not begun here, or did not come back whole."), BEGIN_AGAIN]), "a state that is not ours") from None
        return State(registration_id, nonce, browser, given)


def browser_of(request: Request) -> str:
    """The mark of this browser, or of a new one: every launch that is begun in it shares it."""
    known = request.cookies.get(COOKIE, "")
    return known if 20 <= len(known) <= 100 and known.isascii() and known.isprintable() else secrets.token_urlsafe(24)


def print_of(browser: str) -> str:
    """What a state tells of the mark."""
    return hashlib.sha256(browser.encode("utf-8", "replace")).hexdigest()[:32]


def give_browser(response: Response, request: Request, browser: str, *, secure: bool) -> None:
    """Leave the mark in the browser. The launch comes from another site, and perhaps in a frame of it: only such a cookie comes along.

    By plain HTTP, which is this machine's own, a browser takes no cookie for other sites: it is one without a word of them.
    """
    also = {"samesite": "None", "partitioned": True} if secure else {}
    response.set_cookie(COOKIE, browser, max_age=WAY_S + CHOICE_S + CLOCKS_S, path=f"{request.root_path}/lti", httponly=True, secure=secure, **also)  # type: ignore[arg-type]


def check_browser(state: State, request: Request) -> None:
    """Raise `Refused` where the launch was begun in another browser, or this one keeps no cookie."""
    given = request.cookies.get(COOKIE, "")
    if hmac.compare_digest(print_of(given).encode(), state.browser.encode()) and given:
        return
    if given:
        raise Refused(joined(" ", [_("This was begun in another browser."), BEGIN_AGAIN]), "a state of another browser")
    raise Refused(
        _("Your browser did not keep the cookie that shows that it was you who began. Open it in a new window."),
        "the browser brought no cookie",
        in_window=True,
    )


def is_framed(request: Request) -> bool:
    """Is this to be shown inside another page, as far as the browser tells?"""
    return request.headers.get("Sec-Fetch-Dest", "") in FRAMES
