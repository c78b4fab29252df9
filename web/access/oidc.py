"""The institution's sign-in provider (OpenID Connect): where people are sent, and what is believed of what it says when they come back.

Every question to it ends within ten seconds, whatever it does; nothing is asked before somebody signs in.
"""

from __future__ import annotations

import hmac
import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

import requests
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import KeySet
from requests.adapters import HTTPAdapter

from basics.errors import ProctorError, ProviderAway, Unauthorized
from basics.texts import _
from settings.settings import Settings

log = logging.getLogger(__name__)

CONNECT_S, READ_S = 3.0, 5.0  # of one connection, and between two of its bytes
WHOLE_S = 10.0  # of one question to the provider, however slowly it answers
AT_ONCE = 4  # questions that run, each in a thread: a provider that hangs holds no more
ANSWER_MAX = 1 << 20  # bytes
DISCOVERY_S = 3600.0
SENT_TO_S = 60.0  # a person is sent only to a provider that answered so lately: of one that is away a browser shows an error of its own
NEW_KEYS_S = 60.0  # how often a key that isn't known is asked for
CLOCKS_S = 120  # by which the provider's clock and ours may differ
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
DISCOVERED = ("authorization_endpoint", "token_endpoint", "jwks_uri")

Result = TypeVar("Result")


class _Bounded(HTTPAdapter):
    """Reads an answer to its end, but no more of it than a provider has to say."""

    def send(self, request: Any, *given: Any, **named: Any) -> requests.Response:
        answer = super().send(request, *given, **{**named, "stream": True, "timeout": (CONNECT_S, READ_S)})
        body = answer.raw.read(ANSWER_MAX + 1, decode_content=True)
        answer.close()
        if len(body) > ANSWER_MAX:
            raise requests.exceptions.ContentDecodingError(f"its answer has more than {ANSWER_MAX} bytes")
        answer._content, answer._content_consumed = body, True
        return answer


class Provider:
    """The provider of one server's settings. Safe between threads."""

    def __init__(self, settings: Settings, *, wall: Callable[[], float] = time.time, clock: Callable[[], float] = time.monotonic) -> None:
        self.issuer = settings.oidc_issuer.rstrip("/")
        self._client_id = settings.oidc_client_id
        self._secret = settings.oidc_client_secret.get_secret_value()
        self._scope = settings.oidc_scope
        self._groups = settings.oidc_groups_claim
        self._wall, self._clock = wall, clock
        self._places = threading.Semaphore(AT_ONCE)
        self._found: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._problem = ""

    def health(self) -> dict[str, str]:
        """For `/api/health`."""
        return {"state": "degraded" if self._problem else "ok", "reason": self._problem}

    def begin(self, callback: str, *, state: str, nonce: str, verifier: str) -> str:
        """The address to which a person who wants to sign in is sent. Raise `ProviderAway`."""
        found = self._ask(lambda: self._discovered(SENT_TO_S))
        address, _state = self._session(found, callback).create_authorization_url(
            found["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
        )
        return str(address)

    def finish(self, callback: str, code: str, *, nonce: str, verifier: str) -> dict[str, Any]:
        """What the provider says of who came back with `code`: its claims, the groups among them.

        Raise `Unauthorized` for what can't be believed, `ProviderAway`.
        """
        return self._ask(lambda: self._finish(callback, code, nonce, verifier))

    def groups_of(self, claims: Mapping[str, Any]) -> list[str]:
        """The groups that the claims name, at most 500."""
        said = claims.get(self._groups)
        given = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        return [group for group in given if isinstance(group, str) and len(group) <= 500][:500]

    # In a thread of its own

    def _finish(self, callback: str, code: str, nonce: str, verifier: str) -> dict[str, Any]:
        found = self._discovered()
        session = self._session(found, callback)
        try:
            token = session.fetch_token(found["token_endpoint"], grant_type="authorization_code", code=code, code_verifier=verifier)
        except OAuthError as error:
            raise _refused(_("the provider did not take the code back (%(error)s)", error=str(error)[:200])) from None
        claims = self._claims(str(token.get("id_token", "")), found, nonce)
        if self._groups not in claims and "userinfo_endpoint" in found:
            more = _object(session.get(found["userinfo_endpoint"]))
            if more.get("sub") != claims["sub"]:
                raise _refused(_("what it says of the person is of another one"))
            claims = {**more, **claims}
        return claims

    def _claims(self, id_token: str, found: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        try:
            claims = self._decoded(id_token, found)
        except BadSignatureError:
            raise _refused(_("its signature is wrong")) from None
        except (JoseError, ValueError, TypeError) as error:
            raise _refused(_("its token can't be read (%(error)s)", error=str(error)[:200])) from None
        audience = claims.get("aud")
        meant = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
        if str(claims.get("iss", "")).rstrip("/") != self.issuer:
            raise _refused(_("it was issued by %(issuer)s", issuer=repr(str(claims.get("iss"))[:200])))
        if self._client_id not in meant or (len(meant) > 1 and claims.get("azp") != self._client_id):
            raise _refused(_("it is for another server"))
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise _refused(_("it belongs to another sign-in"))
        now = self._wall()
        ends, made = claims.get("exp"), claims.get("iat")
        if not isinstance(ends, int | float) or not isinstance(made, int | float):
            raise _refused(_("it does not say until when it is good"))
        if now > ends + CLOCKS_S or made > now + CLOCKS_S:
            raise _refused(_("the provider's clock and this server's differ by minutes; look which of them is wrong"))
        if not isinstance(claims.get("sub"), str) or not 0 < len(claims["sub"]) <= 255:
            raise _refused(_("it names nobody"))
        return claims

    def _decoded(self, id_token: str, found: Mapping[str, Any]) -> dict[str, Any]:
        now, known = self._clock(), self._keys
        if known is None or now - known[0] > DISCOVERY_S:
            known = self._keys = (now, self._read_keys(found))
        try:
            return dict(jwt.decode(id_token, known[1], algorithms=ALGORITHMS).claims)
        except (JoseError, ValueError):
            if now - known[0] < NEW_KEYS_S and known[0] != now:
                raise
        self._keys = (now - 1e-6, self._read_keys(found))  # it may sign with a new one
        return dict(jwt.decode(id_token, self._keys[1], algorithms=ALGORITHMS).claims)

    def _read_keys(self, found: Mapping[str, Any]) -> KeySet:
        with _plain() as session:
            try:
                return KeySet.import_key_set(_object(session.get(found["jwks_uri"])))  # type: ignore[arg-type]
            except (JoseError, ValueError, TypeError, KeyError) as error:
                raise _away(_("its keys can't be read (%(error)s)", error=str(error)[:200])) from None

    def _discovered(self, known_for_s: float = DISCOVERY_S) -> dict[str, Any]:
        now, known = self._clock(), self._found
        if known is not None and now - known[0] < known_for_s:
            return known[1]
        with _plain() as session:
            found = _object(session.get(f"{self.issuer}/.well-known/openid-configuration"))
        if str(found.get("issuer", "")).rstrip("/") != self.issuer:
            raise _away(_("it calls itself %(issuer)s, and OIDC_ISSUER says otherwise", issuer=repr(str(found.get("issuer"))[:200])))
        for name in DISCOVERED:
            if not isinstance(found.get(name), str) or not found[name].startswith(("https://", "http://")):
                raise _away(_("it does not say its %(name)s", name=name))
        self._found = (now, found)
        return found

    def _session(self, found: Mapping[str, Any], callback: str) -> Any:
        methods = found.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        by = "client_secret_basic" if "client_secret_basic" in methods else "client_secret_post"
        session = OAuth2Session(
            self._client_id,
            self._secret or None,
            token_endpoint_auth_method=by if self._secret else "none",
            scope=self._scope,
            redirect_uri=callback,
            code_challenge_method="S256",
        )
        return _with_bounds(session)

    def _ask(self, act: Callable[[], Result]) -> Result:
        """Do `act` in a thread, and wait for it so long. Raise `ProviderAway` where it does not come to an end, or fails."""
        if not self._places.acquire(blocking=False):
            raise self._noted(_away(_("others wait for its answer already")))
        done: Future[Result] = Future()

        def run() -> None:
            try:
                done.set_result(act())
            except BaseException as error:
                done.set_exception(error)
            finally:
                self._places.release()

        threading.Thread(target=run, name="sign-in-provider", daemon=True).start()
        try:
            result = done.result(WHOLE_S)
        except TimeoutError:
            raise self._noted(_away(_("it does not answer within %(seconds)s s", seconds=int(WHOLE_S)))) from None
        except requests.RequestException as error:
            raise self._noted(_away(_("it can't be reached (%(error)s)", error=type(error).__name__))) from error
        except ProctorError as error:
            raise self._noted(error) from error
        except Exception as error:
            log.exception("the sign-in provider's answer could not be used", extra={"counted_as": "the provider"})
            raise self._noted(_away(_("its answer can't be used (%(error)s)", error=type(error).__name__))) from error
        self._problem = ""
        return result

    def _noted(self, error: ProctorError) -> ProctorError:
        if isinstance(error, ProviderAway):
            self._problem, self._found = error.message, None  # whoever comes next is sent there only if it answers
        log.warning("sign-in at the provider %s: %s", self.issuer, error.message, extra={"counted_as": "the provider"})
        return error


def _with_bounds(session: Any) -> Any:
    session.mount("https://", _Bounded())
    session.mount("http://", _Bounded())
    session.max_redirects = 0
    session.trust_env = False
    return session


def _plain() -> requests.Session:
    session: requests.Session = _with_bounds(requests.Session())
    return session


def _object(answer: requests.Response) -> dict[str, Any]:
    if answer.status_code != 200:
        raise _away(_("it answers with status %(status)s", status=answer.status_code))
    try:
        content = answer.json()
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise _away(_("its answer is no JSON object"))
    return content


def _away(why: str) -> ProviderAway:
    return ProviderAway(_("Signing in through your institution does not work now: %(why)s. Try again in some minutes.", why=why))


def _refused(why: str) -> Unauthorized:
    return Unauthorized(_("What the sign-in provider sent is not believed: %(why)s. Sign in again, or tell whoever runs the server.", why=why))
