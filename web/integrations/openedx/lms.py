"""What this server tells an Open edX as itself: by its access token there, each for one installation, and with an end to everything."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Literal
from urllib.parse import urlencode

from basics.texts import _
from records.edx_installations import Installation, Installations, mark_of
from records.hook_posting import KEPT_MAX, Answer
from web.integrations.lti.outward import Answer as Said
from web.integrations.lti.outward import Outward, Unanswered

EARLY_S = 30.0  # a token is not used any more so long before its end
LONGEST_S = 3600.0  # a token is asked for anew each hour at the least
TOKEN_MAX = 16_384  # characters
ANSWER_MAX = 256 << 10  # bytes
FINAL = frozenset({400, 404, 412})  # of an attempt: it is unknown there, proctored no more, or takes no other review
ATTEMPTS = "/api/edx_proctoring/v1/proctored_exam/attempt"
Path = Literal["ready", "reviewed"]
_Key = tuple[str, str, str, str]


class Lms:
    """Tells installations. Safe between threads."""

    def __init__(self, outward: Outward, installations: Installations, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._outward, self._installations, self._clock = outward, installations, clock
        self._tokens: dict[_Key, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def tell(self, one: Installation, attempt_id: str, what: Path, body: Mapping[str, Any]) -> Answer:
        """Tell of one attempt. Never raises: what is wrong is the answer's `reason`."""
        began = time.monotonic()
        try:
            answer = self._told(one, f"{one.lms_url}{ATTEMPTS}/{attempt_id}/{what}", json.dumps(body).encode())
        except Unanswered as none:
            return Answer(reason=none.args[0], took_s=time.monotonic() - began)
        took_s, said = time.monotonic() - began, json.dumps(answer.content, ensure_ascii=False)[:KEPT_MAX] if answer.content is not None else ""
        if answer.status in FINAL:
            return Answer(answer.status, said, _("it does not take this of the attempt"), took_s=took_s, over="given_up")
        if answer.status < 300 and not answer.kind.endswith("json"):  # something in front of it answers, such as a login
            return Answer(reason=_("a web page answered"), is_page=True, took_s=took_s)
        return Answer(answer.status, said, took_s=took_s)

    def _told(self, one: Installation, address: str, body: bytes) -> Said:
        key, token = self._token(one)
        answer = self._with(token, address, body)
        if answer.status == 401:
            with self._lock:
                self._tokens.pop(key, None)
            answer = self._with(self._token(one)[1], address, body)
        return answer

    def _with(self, token: str, address: str, body: bytes) -> Said:
        headers = {"Authorization": f"JWT {token}", "Content-Type": "application/json", "Accept": "application/json"}
        return self._outward.answer("POST", address, headers, body, most=ANSWER_MAX)

    def _token(self, one: Installation) -> tuple[_Key, str]:
        """An access token of the installation's own, kept until shortly before its end. Raise `Unanswered`."""
        secret = self._installations.lms_secret_of(one)
        if not secret:
            raise Unanswered(_("the secret for it can’t be opened: SECRET_KEY is another than when it was given. Give it again"))
        key, now = (one.id, one.lms_url, one.lms_client_id, mark_of(secret)), self._clock()
        with self._lock:
            known = self._tokens.get(key)
        if known is not None and now < known[1]:
            return key, known[0]
        form = {"grant_type": "client_credentials", "client_id": one.lms_client_id, "client_secret": secret, "token_type": "jwt"}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        answer = self._outward.answer("POST", f"{one.lms_url}/oauth2/access_token", headers, urlencode(form).encode(), most=ANSWER_MAX)
        said = answer.content if isinstance(answer.content, dict) else {}
        token, lasts = said.get("access_token"), said.get("expires_in")
        if answer.status != 200 or not isinstance(token, str) or not 0 < len(token) <= TOKEN_MAX or not (token.isascii() and token.isprintable()):
            raise Unanswered(
                _("it gives this server no access token (status %(status)s); look at its client id and secret there", status=answer.status)
            )
        lasts_s = float(lasts) if isinstance(lasts, int | float) and not isinstance(lasts, bool) else 0.0
        if lasts_s > EARLY_S:
            with self._lock:
                self._tokens = {known: kept for known, kept in self._tokens.items() if known[0] != one.id} | {
                    key: (token, now + min(lasts_s, LONGEST_S) - EARLY_S)
                }
        return key, token
