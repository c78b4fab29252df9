"""A platform's token: read only by the keys that the platform publishes, and believed only when all of it is so.

Keys are kept for each registration alone. An unknown one is looked for once a minute, three a minute in all, so that neither made-up names keep a new
one out nor ask the platform again and again; and no platform holds up more than who waits for it.
"""

from __future__ import annotations

import base64
import hmac
import json
import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from typing import Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import RSAKey

from basics.errors import ProctorError, ProviderAway, TooMany
from basics.texts import _
from basics.times import utc_now
from records.lti_registrations import Registration
from web.integrations.lti.claims import END_ASSESSMENT, LONGEST_ID, LTI, RESOURCE_LINK, START_PROCTORING, VERSION, Launch, is_id
from web.integrations.lti.errors import Refused, away, not_believed
from web.integrations.lti.outward import Outward, Unanswered

log = logging.getLogger(__name__)

ALGORITHM = "RS256"
TOKEN_MAX = 32 * 1024  # characters
LATEST = 1e12  # a moment, in seconds since 1970
CLOCKS_S = 60  # by which the platform's clock and ours may differ
WHOLE_S = 8.0  # that somebody waits for a platform's keys
KEYS_BYTES, KEYS_MAX, LEAST_BITS = 256 * 1024, 100, 2048
FRESH_S = 3600.0  # then keys are asked for again
STALE_S = 24 * 3600.0  # so long they serve all the same, where the platform is away
AGAIN_S, ASKED_MAX = 60.0, 3  # in so many seconds it is asked so often, for each unknown key once
WAITING = 8  # requests that wait for one platform at a time


@dataclass(slots=True)
class _Known:
    """The keys of one registration, by `kid`; when they were read, when asked for of late, for which, and the asking that goes on."""

    keys: Mapping[str, RSAKey] = field(default_factory=dict)
    at: float = -math.inf
    tried: list[tuple[float, str]] = field(default_factory=list)
    asking: Future[None] | None = None
    problem: str = ""
    waiting: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(WAITING))


class PlatformKeys:
    """The keys of all registrations of one server. Safe between threads."""

    def __init__(self, outward: Outward, clock: Callable[[], float] = time.monotonic) -> None:
        self._outward = outward
        self._clock = clock
        self._known: dict[tuple[str, str], _Known] = {}
        self._lock = threading.Lock()

    def key(self, registration: Registration, kid: str) -> RSAKey:
        """The registration's public key of this name. Raise `Refused` where the platform has none, `ProviderAway`, `TooMany`."""
        known = self._of(registration)
        if kid in known.keys and self._clock() - known.at < FRESH_S:
            return known.keys[kid]
        asking = self._ask(registration, known, kid)
        if asking is not None and not (kid in known.keys and self._clock() - known.at < STALE_S):  # else it serves until there are newer ones
            self._wait(known, asking)
        if kid in known.keys and self._clock() - known.at < STALE_S:
            return known.keys[kid]
        if known.problem:
            raise away(known.problem)
        if asking is not None and not asking.done():
            raise away(_("it does not answer within %(seconds)s s", seconds=int(WHOLE_S)))
        raise not_believed(_("it is signed by a key that the platform does not publish"), f"the key {kid[:80]!r} is not published")

    def _of(self, registration: Registration) -> _Known:
        with self._lock:
            return self._known.setdefault((registration.registration_id, registration.key_set_url), _Known())

    def _ask(self, registration: Registration, known: _Known, kid: str) -> Future[None] | None:
        """The asking that goes on, or begins now; None where it is too soon for another."""
        with self._lock:
            if known.asking is not None and not known.asking.done():
                return known.asking
            now = self._clock()
            known.tried = [one for one in known.tried if now - one[0] < AGAIN_S]
            if len(known.tried) >= ASKED_MAX or kid in [asked_for for _at, asked_for in known.tried]:
                return None
            known.tried.append((now, kid))
            asking: Future[None] = Future()
            known.asking = asking
        threading.Thread(target=self._read, args=(registration, known, asking), name="lti-keys", daemon=True).start()
        return asking

    def _wait(self, known: _Known, asking: Future[None]) -> None:
        began = known.tried[-1][0] if known.tried else -math.inf
        if not known.waiting.acquire(blocking=False):
            raise TooMany(_("Many wait for your learning platform's keys."), retry_after_s=3)
        try:
            wait_for([asking], max(0.0, began + WHOLE_S - self._clock()))
        finally:
            known.waiting.release()

    def _read(self, registration: Registration, known: _Known, asking: Future[None]) -> None:
        try:
            keys = keys_of(fetched(self._outward, registration.key_set_url))
            known.keys, known.at, known.problem = keys, self._clock(), ""
        except (Unanswered, ProctorError) as error:
            known.problem = error.message if isinstance(error, ProctorError) else error.args[0]
            log.warning("the keys of the learning platform %s can't be read: %s", registration.registration_id, known.problem)
        except Exception:
            known.problem = _("its answer can't be used")
            log.exception("the keys of the learning platform %s can't be read", registration.registration_id)
        finally:
            asking.set_result(None)


def fetched(outward: Outward, address: str) -> Any:
    """The JSON that stands at a platform's address, None where it is none: at most 256 KB, within 8 s. Raise `Unanswered`, `ProviderAway`."""
    answer = outward.answer("GET", address, {"Accept": "application/json"}, most=KEYS_BYTES, within_s=WHOLE_S)
    if answer.status != 200:
        raise ProviderAway(_("it answers with status %(status)s", status=answer.status))
    return answer.content


def keys_of(key_set: Any) -> dict[str, RSAKey]:
    """The keys of a key set that can sign a launch, by `kid`. Raise `ProviderAway` where it is no key set, or has none."""
    found = key_set.get("keys") if isinstance(key_set, dict) else None
    if not isinstance(found, list):
        raise ProviderAway(_("its answer is no set of keys"))
    keys: dict[str, RSAKey] = {}
    for one in found[:KEYS_MAX]:
        if not isinstance(one, dict) or one.get("kty") != "RSA" or one.get("use", "sig") != "sig" or one.get("alg", ALGORITHM) != ALGORITHM:
            continue
        try:
            if int.from_bytes(_decoded(one["n"]), "big").bit_length() >= LEAST_BITS:
                keys[str(one["kid"])] = RSAKey.import_key({name: one[name] for name in ("kty", "n", "e", "kid")})
        except (JoseError, ValueError, TypeError, KeyError):
            log.debug("a key of a learning platform can't be used")
    if not keys:
        raise ProviderAway(_("its set of keys has none for RS256"))
    return keys


def read_launch(
    keys: PlatformKeys, registration: Registration, id_token: str, nonce: str, types: Collection[str], *, wall: Callable[[], float] = time.time
) -> Launch:
    """The launch that a registration's platform signed for the login of this nonce. It is not used up by that.

    Raise `Refused` for what can't be believed, or is a message of none of these `types`, `ProviderAway`, `TooMany`.
    """
    claims = _signed(keys, registration, id_token)
    _check_meant(registration, claims, nonce, wall())
    launch = Launch(registration, claims)
    _check_message(registration, launch, types)
    return launch


def _signed(keys: PlatformKeys, registration: Registration, id_token: str) -> Mapping[str, Any]:
    if not id_token or len(id_token) > TOKEN_MAX or id_token.count(".") != 2:
        raise not_believed(_("there is no whole token in it"), f"no token ({len(id_token)} characters)")
    try:
        head = json.loads(_decoded(id_token.partition(".")[0]))
        kid, algorithm = head["kid"], head["alg"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise not_believed(_("its token can’t be read"), "a token whose head can't be read") from None
    if algorithm != ALGORITHM:  # the token never chooses
        raise not_believed(_("its token is not signed as it must be (RS256)"), f"a token signed by {str(algorithm)[:40]!r}")
    if not isinstance(kid, str) or not 0 < len(kid) <= LONGEST_ID:
        raise not_believed(_("its token does not name its key"), "a token without a kid")
    key = keys.key(registration, kid)
    try:
        claims: Any = jwt.decode(id_token, key, algorithms=[ALGORITHM]).claims
    except BadSignatureError:
        raise not_believed(_("its signature is wrong")) from None
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise not_believed(_("its token can’t be read"), f"a token that can't be read ({type(error).__name__})") from None
    if not isinstance(claims, dict):
        raise not_believed(_("its token can’t be read"), "a token that is no object")
    found: dict[str, Any] = claims
    return found


def _check_meant(registration: Registration, claims: Mapping[str, Any], nonce: str, now: float) -> None:
    """Is it from this platform, for us, of now, and of this login?"""
    if claims.get("iss") != registration.issuer:
        raise not_believed(_("it was issued by another platform"), f"issued by {str(claims.get('iss'))[:200]!r}")
    audience = claims.get("aud")
    meant = audience if isinstance(audience, list) else [audience]
    ours = registration.client_id
    if ours not in meant or (len(meant) > 1 and claims.get("azp") != ours) or claims.get("azp", ours) != ours:
        raise not_believed(_("it is for another tool"), f"for {str(audience)[:200]!r}, azp {str(claims.get('azp'))[:200]!r}")
    ends, made = _moment(claims.get("exp")), _moment(claims.get("iat"))
    if ends is None or made is None:
        raise not_believed(_("it does not say when it was made, or until when it is good"), "no exp or iat")
    if now > ends + CLOCKS_S:
        raise not_believed(_("it is not good any more"), f"expired {now - ends:.0f} s ago")
    if made > now + CLOCKS_S:
        raise not_believed(_("the platform's clock is ahead of this server's by minutes"), f"made {made - now:.0f} s ahead")
    if not isinstance(claims.get("nonce"), str) or not hmac.compare_digest(claims["nonce"].encode("utf-8", "replace"), nonce.encode()):
        raise not_believed(_("it belongs to another launch"), "another launch's nonce")


def _check_message(registration: Registration, launch: Launch, types: Collection[str]) -> None:
    """Has it all that a launch must have?"""
    claims = launch.claims
    if claims.get(f"{LTI}version") != VERSION:
        raise not_believed(_("it is not of LTI 1.3"), f"version {str(claims.get(f'{LTI}version'))[:40]!r}")
    deployment = claims.get(f"{LTI}deployment_id")
    if not isinstance(deployment, str) or not is_id(deployment):
        raise not_believed(_("it does not name its deployment"), "no deployment_id")
    if deployment not in registration.deployments and not registration.takes_deployments(utc_now()):
        raise Refused(
            _(
                "This part of your learning platform (deployment %(id)s) is not registered here. Ask whoever runs this server.",
                id=repr(deployment[:80]),
            ),
            f"unknown deployment {deployment[:80]!r}",
        )
    if (kind := claims.get(f"{LTI}message_type")) not in types:
        raise not_believed(_("it is a message that is not taken here"), f"message_type {str(kind)[:80]!r}")
    missing = [] if is_id(claims.get("sub")) else ["sub"]
    missing += [] if isinstance(claims.get(f"{LTI}target_link_uri"), str) else ["target_link_uri"]
    missing += [] if isinstance(claims.get(f"{LTI}roles"), list) or kind in (START_PROCTORING, END_ASSESSMENT) else ["roles"]
    missing += ["resource_link"] if kind in (RESOURCE_LINK, START_PROCTORING) and not launch.link_id else []
    if missing:
        raise not_believed(_("it does not say all that it must (%(missing)s)", missing=", ".join(missing)), f"claims missing: {', '.join(missing)}")


def _moment(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LATEST else None


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part.encode() + b"=" * (-len(part) % 4))
