"""What this server asks of learning platforms as itself: its access tokens, each for one registration, and the requests that carry them."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from urllib.parse import urlencode

from joserfc import jwt

from basics.errors import ProviderAway
from basics.texts import _
from records.lti_keys import ALGORITHM, LtiKeys
from records.lti_registrations import Registration
from web.integrations.lti.outward import Answer, NotTaken, Outward, away, wanted

ASSERTION_S = 60  # for which an assertion is good
EARLY_S = 30.0  # a token is not used any more so long before its end
LONGEST_S = 86_400.0  # a token is asked for anew each day at the least
TOKEN_MAX = 16_384  # characters
TOKENS_MAX = 2000
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_Key = tuple[str, str, str, str, str]


class Platforms:
    """Asks the platforms of one app. Its tokens are known by registration and scope, and by nothing that two tenants may share. Thread-safe."""

    def __init__(
        self, outward: Outward, keys: LtiKeys, *, wall: Callable[[], float] = time.time, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.outward = outward
        self._keys = keys
        self._wall, self._clock = wall, clock
        self._tokens: dict[_Key, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def ask(
        self,
        registration: Registration,
        scope: str,
        method: str,
        address: str,
        *,
        accept: str,
        body: bytes | None = None,
        kind: str = "",
        token: str = "",
    ) -> Answer:
        """Ask a service of the registration's platform; `kind` is the body's media type, `token` one of `token` that was asked for just now.

        A token that the platform does not take any more is asked for anew, once. Raise `ProviderAway`, of which `NotTaken` where nothing can have
        come of it, `StorageError`.
        """
        token = token or self.token(registration, scope)
        answer = self._with(token, method, address, accept, body, kind)
        if answer.status == 401:
            self._forget(registration, scope, token)
            answer = self._with(self.token(registration, scope), method, address, accept, body, kind)
        return answer

    def token(self, registration: Registration, scope: str) -> str:
        """An access token of this registration for `scope`, kept until shortly before its end. Raise `NotTaken`, `StorageError`."""
        key, now = _key(registration, scope), self._clock()
        with self._lock:
            known = self._tokens.get(key)
        if known is not None and now < known[1]:
            return known[0]
        try:
            token, lasts_s = self._new_token(registration, scope)
        except ProviderAway as none:  # whatever it was for is not asked without one, or was refused with the one before
            raise NotTaken(none.message) from none
        if lasts_s > EARLY_S:
            with self._lock:
                if len(self._tokens) >= TOKENS_MAX:
                    self._tokens = {one: kept for one, kept in self._tokens.items() if now < kept[1]}
                if len(self._tokens) < TOKENS_MAX:
                    self._tokens[key] = (token, now + lasts_s - EARLY_S)
        return token

    def _with(self, token: str, method: str, address: str, accept: str, body: bytes | None, kind: str) -> Answer:
        headers = {"Authorization": f"Bearer {token}", "Accept": accept, **({"Content-Type": kind} if kind else {})}
        return self.outward.ask(method, address, headers, body)

    def _forget(self, registration: Registration, scope: str, token: str) -> None:
        key = _key(registration, scope)
        with self._lock:
            if self._tokens.get(key, ("", 0.0))[0] == token:  # another thread may have a new one already
                del self._tokens[key]

    def _new_token(self, registration: Registration, scope: str) -> tuple[str, float]:
        now, key = int(self._wall()), self._keys.signing(registration.keys_of)
        claims = {
            "iss": registration.client_id,
            "sub": registration.client_id,
            "aud": registration.audience or registration.auth_token_url,
            "iat": now,
            "exp": now + ASSERTION_S,
            "jti": secrets.token_urlsafe(18),
        }
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": jwt.encode({"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"}, claims, key),
            "scope": scope,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        said = wanted(self.outward.ask("POST", registration.auth_token_url, headers, urlencode(form).encode()))
        token, lasts_s = said.get("access_token"), said.get("expires_in")
        if not isinstance(token, str) or not 0 < len(token) <= TOKEN_MAX or not _stands_in_a_header(token):
            raise _no_token()
        known = isinstance(lasts_s, int | float) and not isinstance(lasts_s, bool)
        return token, float(min(max(lasts_s, 0.0), LONGEST_S)) if known else 0.0


def _key(registration: Registration, scope: str) -> _Key:
    # Beside the registration what decides whose token it is: after a change of these an older token is nobody's.
    return registration.registration_id, registration.client_id, registration.auth_token_url, registration.audience, scope


def _stands_in_a_header(token: str) -> bool:
    return token.isascii() and all(33 <= ord(character) < 127 for character in token)


def _no_token() -> ProviderAway:
    return away(_("it gives no access token"))
