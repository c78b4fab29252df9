"""The token by which the server of an exam's own site says who starts the exam: a JWT signed with the exam's secret (HS256). Pure.

Its claims: `exam` (the exam's id), `sub` (the student's id), `jti` (8 to 200 characters that no other token has), `exp` (at most five minutes ahead),
and if it likes `name` and `iat`. One by which that server asks how a student stands has `use: ask`, needs no `jti`, and starts nothing.
What else it holds is not looked at.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import OctKey

from basics.errors import Unauthorized
from basics.identifiers import normal_id
from basics.plain_text import one_line, printable
from basics.texts import _, joined
from records.exams import exam_key
from records.roster_rows import NAME_MAX

ALGORITHM = "HS256"
TOKEN_MAX = 4096  # characters
LONGEST_S = 300  # from when it comes to when it ends
CLOCKS_S = 60  # by which two servers' clocks may differ
REMEMBERED_S = LONGEST_S + 3 * CLOCKS_S  # that it was used: longer than it is good
NONCE_MIN, NONCE_MAX = 8, 200
ASK = "ask"  # the `use` of a token that starts nothing
LATEST = 1e12  # s since 1970; JSON has numbers that are no time at all

AGAIN = _("Load your exam’s page again, and open this window from there. If it goes on, show this to whoever runs that page.")


class Refused(Unauthorized):
    """A token that is not believed. `why` is a part of a sentence; `reason` is for the log: in English, and never with a token in it."""

    def __init__(self, why: str, reason: str) -> None:
        said = _("Your exam’s page did not say who you are so that it can be believed: %(why)s.", why=why)
        super().__init__(joined(" ", [said, AGAIN]), field="token")
        self.why, self.reason = why, reason


@dataclass(frozen=True, slots=True)
class Start:
    """Who starts an exam, as its site says. `nonce` is of this one token."""

    user_id: str
    name: str
    nonce: str


def read_start(token: str, secret: str, key: str, now: float) -> Start:
    """Who it is that the token is of, for the exam of this `key`. It is not used up by that. `now` is in seconds since 1970. Raise `Refused`."""
    claims = _believed(token, secret, key, now)
    if "use" in claims:
        raise Refused(_("its token is not for starting an exam (use)"), f"a start token of the use {str(claims['use'])[:40]!r}")
    nonce = claims.get("jti")
    if not isinstance(nonce, str) or not NONCE_MIN <= len(nonce) <= NONCE_MAX:
        raise Refused(_("it has no number of its own (jti)"), "a token without a jti of 8 to 200 characters")
    try:
        return Start(normal_id(claims.get("sub")), _name(claims.get("name")), nonce)
    except ValueError as error:
        raise Refused(_("it does not name the student as it must (sub, name)"), f"sub or name {error}") from None


def read_ask(token: str, secret: str, key: str, now: float) -> str:
    """The id of the student of whom an exam's site asks by the token, for the exam of this `key`. `now` as above. Raise `Refused`."""
    claims = _believed(token, secret, key, now)
    if claims.get("use") != ASK:
        raise Refused(_("it is not for asking (use: ask)"), "a token that is not for asking")
    try:
        return normal_id(claims.get("sub"))
    except ValueError as error:
        raise Refused(_("it does not name the student as it must (sub, name)"), f"sub {error}") from None


def _believed(token: str, secret: str, key: str, now: float) -> Mapping[str, Any]:
    claims = _signed(token, secret)
    try:
        meant = exam_key(normal_id(claims.get("exam")))
    except ValueError:
        meant = ""
    if meant != key:
        raise Refused(_("it is for another exam"), f"a token for the exam {str(claims.get('exam'))[:80]!r}")
    _check_time(claims, now)
    return claims


def _signed(token: str, secret: str) -> Mapping[str, Any]:
    if not token or len(token) > TOKEN_MAX or token.count(".") != 2:
        raise Refused(_("there is no whole token in it"), f"no token ({len(token)} characters)")
    try:
        head = json.loads(_decoded(token.partition(".")[0]))
        algorithm = head["alg"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Refused(_("its token can’t be read"), "a token whose head can't be read") from None
    if algorithm != ALGORITHM:  # the token never chooses
        raise Refused(_("its token is not signed as it must be (HS256)"), f"a token signed by {str(algorithm)[:40]!r}")
    try:
        claims: Any = jwt.decode(token, OctKey.import_key(secret), algorithms=[ALGORITHM]).claims
    except BadSignatureError:
        raise Refused(_("its signature is wrong"), "a wrong signature") from None
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise Refused(_("its token can’t be read"), f"a token that can't be read ({type(error).__name__})") from None
    if not isinstance(claims, dict):
        raise Refused(_("its token can’t be read"), "a token that is no object")
    return claims


def _check_time(claims: Mapping[str, Any], now: float) -> None:
    ends, made = _moment(claims.get("exp")), _moment(claims.get("iat", now))
    if ends is None or made is None:
        raise Refused(_("it does not say until when it is good (exp)"), "no exp, or an iat that is no time")
    if now > ends + CLOCKS_S:
        raise Refused(_("it is not good any more"), f"expired {now - ends:.0f} s ago")
    if ends > now + LONGEST_S + CLOCKS_S:
        raise Refused(_("it is good for longer than five minutes"), f"good for {ends - now:.0f} s more")
    if made > now + CLOCKS_S:
        raise Refused(_("its server’s clock is ahead of this one’s by minutes"), f"made {made - now:.0f} s ahead")


def _moment(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LATEST else None


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part.encode() + b"=" * (-len(part) % 4))


def _name(value: Any) -> str:
    """A name as a list of students has it. Raise `ValueError`."""
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > NAME_MAX:
        raise ValueError("is no text of at most 200 characters")
    return one_line(printable(value)).strip()
