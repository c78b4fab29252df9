"""The server's own key and what it signs: a student's token for one session, a proctor's login.

How old a token is says the wall's clock, which may be wrong: two hours are borne with either way, and a step while the server runs changes nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from typing import Any, Literal

from itsdangerous import BadData, SignatureExpired, TimestampSigner, URLSafeTimedSerializer

from basics.errors import StorageError, Unauthorized
from basics.looks import look
from basics.texts import _
from basics.times import WALL_DOUBT_S

Age = Literal["good", "old", "early"]

STUDENT_TOKEN_MAX_AGE = 24 * 3600  # s; longer than any exam, and a link that leaked is dead the next day
LOGIN_MAX_AGE = 12 * 3600  # s; one working day
BROWSER_MAX_AGE = 400 * 86_400  # s; the longest that browsers keep a cookie
SESSION_ID = re.compile(r"[0-9a-f]{32}")
LINK = re.compile(r"[0-9a-f]{32}(\.[0-9]{1,6})?")  # a session and, from the second link on, the link's number


class Signer:
    """Makes and reads signed tokens. Two servers read each other's when they share SECRET_KEY and PROCTOR_PASSWORD."""

    def __init__(self, key: str, password: str, *, wall: Callable[[], float] = time.time, clock: Callable[[], float] = time.monotonic) -> None:
        """`wall` tells the time of day in seconds, `clock` time that nobody sets."""
        self._wall, self._clock = wall, clock
        self._since_start = wall() - clock()  # what the wall's clock shows beside the other, had nobody set it since
        self._student = URLSafeTimedSerializer(key, salt="student", signer=_stamped_by(wall))
        self._login = URLSafeTimedSerializer(key, salt="login", signer=_stamped_by(wall))
        self._browser = URLSafeTimedSerializer(key, salt="browser", signer=_stamped_by(wall))
        # A login ends when the password changes: its token carries this mark of the password it was made with.
        self._mark = hmac.new(key.encode(), password.encode(), hashlib.sha256).hexdigest()[:16]

    def student_token(self, session_id: str) -> str:
        """A token for the student of one session: its id, and after a dot the link's number where it isn't the first."""
        return str(self._student.dumps({"s": session_id}))

    def read_student_token(self, token: str) -> str:
        """The session that `token` is for. Raise `Unauthorized` when it isn't ours, or too old, `StorageError` when its age can't be told now."""
        content, made = _read(self._student, token)
        session_id = content.get("s") if isinstance(content, dict) else None
        if not isinstance(session_id, str) or not LINK.fullmatch(session_id):
            raise Unauthorized(_("This exam link is not valid here. Open the whole link again, or ask for a new one."), field="token")
        age = self._age(made, STUDENT_TOKEN_MAX_AGE)
        if age == "early":
            raise StorageError(
                _("The server's clock stands before this link was made: it was not set yet. Try again in some minutes."), field="token"
            )
        if age == "old":
            raise Unauthorized(_("This exam link is more than a day old. Start again from the portal, or ask for a new link."), field="token")
        return session_id

    def login_token(self) -> str:
        """A token for a proctor who has given the password, unlike any other: one login is logged out and not those of the same second."""
        return str(self._login.dumps({"p": self._mark, "n": secrets.token_hex(8)}))

    def is_login(self, token: str) -> bool:
        """Was `token` made by `login_token` under the present password, and not too long ago?"""
        content, made = _read(self._login, token)
        mark = content.get("p") if isinstance(content, dict) else None
        if not isinstance(mark, str) or not hmac.compare_digest(mark.encode(), self._mark.encode()):
            return False
        return self._age(made, LOGIN_MAX_AGE) == "good"

    def browser_token(self, name: str) -> str:
        """Marks a browser from which somebody has logged in under this name. It opens nothing."""
        return str(self._browser.dumps({"b": secrets.token_hex(8), "n": look(name)}))

    def known_browser(self, token: str, name: str) -> str:
        """Which browser `token` marks; empty where it isn't one of ours, or somebody else has logged in there: whoever guesses has an own name."""
        content, _ = _read(self._browser, token)
        if not isinstance(content, dict) or content.get("n") != look(name):
            return ""
        mark = content.get("b")
        return mark if isinstance(mark, str) else ""

    def _age(self, made: float, longest: float) -> Age:
        """Is what was made at `made` still good for `longest` seconds, too old, or made later than it is now?"""
        # Of a clock that was set while the server runs nobody knows which of its times was right: either may say that the token is good.
        ages = [now - made for now in (self._wall(), self._since_start + self._clock())]
        if any(-WALL_DOUBT_S <= age <= longest + WALL_DOUBT_S for age in ages):
            return "good"
        return "early" if min(ages) < 0 else "old"


def opened(signed_by: URLSafeTimedSerializer, ticket: str, longest_s: float, doubt_s: float = WALL_DOUBT_S) -> Any:
    """What a ticket holds that is good for so long. Raise `BadData`, of which `SignatureExpired` where it is too old.

    By `doubt_s` clocks are borne with: of two servers the one that reads it may be behind the one that made it, and a clock may be set meanwhile.
    """
    content, made = signed_by.loads(ticket, return_timestamp=True)
    age = time.time() - made.timestamp()
    if not -doubt_s <= age <= longest_s + doubt_s:
        raise SignatureExpired(f"it is {age:.0f} s old", date_signed=made)
    return content


def _stamped_by(wall: Callable[[], float]) -> type[TimestampSigner]:
    class Stamps(TimestampSigner):
        def get_timestamp(self) -> int:
            return int(wall())

    return Stamps


def _read(serializer: URLSafeTimedSerializer, token: str) -> tuple[Any, float]:
    """What was signed, and when by the wall's clock; nothing where it isn't ours."""
    try:
        content, made = serializer.loads(token, return_timestamp=True)
    except (BadData, UnicodeError):
        return None, 0.0
    return content, made.timestamp()
