"""How an Open edX shows who it is: by a token that it gets for its secret, and by what it signs with that secret for a person's browser.

A token ends with the secret for which it was given. Nothing in either is believed before its signature is right.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from itsdangerous import BadData, URLSafeTimedSerializer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from basics.errors import Unauthorized
from basics.texts import _
from basics.times import WALL_DOUBT_S
from records.edx_installations import Installation, Installations, mark_of

TOKEN_S = 600
TOKEN_MAX, SIGNED_MAX = 1000, 8192  # characters
CLOCKS_S = 60.0  # by which an installation's clock and ours, or two servers', may differ
SIGNED_S = 600.0  # for which an installation may sign at most; it does so for 60 s
LATEST = 1e11  # of a time in seconds
ALGORITHM = "HS256"


class Tokens:
    """Makes and reads them, for all servers on one key."""

    def __init__(self, secret_key: str, installations: Installations, *, wall: Callable[[], float] = time.time) -> None:
        self._signed = URLSafeTimedSerializer(secret_key, salt="openedx")
        self._installations = installations
        self._wall = wall

    def make(self, installation: Installation, mark: str) -> str:
        """A token for an installation that has shown the secret of this mark; good for ten minutes."""
        return str(self._signed.dumps([installation.id, mark]))

    def read(self, token: str) -> Installation:
        """Whose token this is. Raise `Unauthorized`, also where its secret is good no more, `StorageError`."""
        try:
            if len(token) > TOKEN_MAX:
                raise _wrong()
            content, made = self._signed.loads(token, return_timestamp=True)
        except (BadData, UnicodeError):
            raise _wrong() from None
        # One of later than now was made before the clock was set: whoever has it comes with it until its own ten minutes are over.
        if not -WALL_DOUBT_S <= self._wall() - made.timestamp() <= TOKEN_S + CLOCKS_S:
            raise Unauthorized(_("This token is not good any more. Ask for a new one at /openedx/oauth2/access_token."), field="token")
        found = self._installations.find(content[0])
        if found is None or not found.enabled or content[1] not in [mark_of(secret) for secret in self._installations.secrets_of(found)]:
            raise _wrong()
        return found

    def signed_by(self, installation: Installation, token: str) -> Mapping[str, Any]:
        """What an installation signed with its secret, for now. Raise `Unauthorized`; what is said is not looked at."""
        if len(token) > SIGNED_MAX:
            raise _not_signed()
        for secret in self._installations.secrets_of(installation):
            try:
                claims: Any = jwt.decode(token, OctKey.import_key(secret), algorithms=[ALGORITHM]).claims
            except (JoseError, ValueError, TypeError, KeyError, RecursionError):
                continue
            ends = claims.get("exp") if isinstance(claims, dict) else None
            if claims.get("iss") != installation.id or not isinstance(ends, int | float) or isinstance(ends, bool) or not 0 < ends < LATEST:
                raise _not_signed()
            if not -CLOCKS_S <= ends - self._wall() <= SIGNED_S:
                raise Unauthorized(_("This way in from Open edX is not good any more. Go back there and open it again."))
            return dict(claims)
        raise _not_signed()


def _wrong() -> Unauthorized:
    return Unauthorized(
        _("This is for an Open edX that is registered here, with the token that it gets at /openedx/oauth2/access_token."), field="token"
    )


def _not_signed() -> Unauthorized:
    return Unauthorized(_("What Open edX sent is not believed: it is not signed as it must be. Go back there and open it again."))
