"""Sends platforms what people asked of them (Assessment Control Service), again where a platform is away. Of several servers on a database one sends.

Nothing is sent here that no person asked for. What came of each is stored with it: the platform's answer, or why it has none. More time is sent once
and not again where it can't be told whether it was taken: the platform might give it twice.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

from basics.errors import ProviderAway, StorageError
from basics.plain_text import DIRECTION_MARKS
from basics.times import utc_now
from basics.worker import Worker
from database import Document
from records.lti_attempts import LtiAttempts
from records.lti_registrations import LtiRegistrations, Registration, UnknownPlatform
from records.outbox import Outbox
from records.platform_acts import OF_A_PLATFORM, PlatformActs, Why
from web.integrations.lti.dynamic import CONTROL_SCOPE
from web.integrations.lti.outward import Answer
from web.integrations.lti.service import Platforms

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/vnd.ims.lti-ap.v1.control+json"
PLAIN_TYPE = "application/json"  # that of Open edX takes no other
ACCEPTED = f"{MEDIA_TYPE}, {PLAIN_TYPE};q=0.9, */*;q=0.1"
RETRY_S = (2, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 28_800)  # after each try that failed
AWAY = frozenset({408, 425, 429, 502, 503, 504})
UNSUPPORTED = 415
FAILED_MAX = 3  # tries that a platform answers with an error of its own: what waits behind it is not to wait for days
EACH, POOL = 3, 12  # requests under way to one platform, and in all
LOOK_S, NONE_S = 2.0, 10.0  # between turns where platforms are registered, and where none is
SAID_MAX = 300  # characters of an answer that are kept
STATES = frozenset({"none", "running", "paused", "terminated", "complete"})


class ActSender:
    """The thread and its pool. Safe between threads."""

    def __init__(
        self,
        acts: PlatformActs,
        outbox: Outbox,
        registrations: LtiRegistrations,
        attempts: LtiAttempts,
        platforms: Platforms,
        is_mine: Callable[[], bool] = lambda: True,
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._acts, self._outbox, self._registrations, self._attempts, self._platforms = acts, outbox, registrations, attempts, platforms
        self._is_mine, self._now = is_mine, now
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()
        self._pool = ThreadPoolExecutor(POOL, thread_name_prefix="platform")
        self._worker = Worker("platforms", self._work)

    def start(self) -> None:
        """Begin."""
        self._worker.start()

    def stop(self) -> None:
        """End; what is under way has its time, what waits stays."""
        self._worker.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def wake(self) -> None:
        """Something is to be sent."""
        self._worker.wake()

    def _work(self) -> float:
        try:
            if not self._registrations.all():
                return NONE_S
            self.turn()
        except StorageError as error:
            log.debug("what learning platforms are to be told waits for the database: %s", error.message)
        return LOOK_S

    def turn(self) -> list[Future[None]]:
        """Begin to send what is due. Raise `StorageError`."""
        if not self._is_mine():
            return []
        begun = []
        for platform in self._acts.platforms():
            with self._lock:
                free = EACH - self._under_way[platform]
            for row in self._outbox.due(platform, free) if free > 0 else ():
                with self._lock:
                    self._under_way[platform] += 1
                begun.append(self._pool.submit(self._deliver, platform, row))
        return begun

    def _deliver(self, platform: str, row: Document) -> None:
        try:
            self._send(row)
        except StorageError as error:  # it is sent again when its minute is over
            log.debug("what came of an act is not stored: %s", error.message)
        except Exception:
            log.exception("a learning platform could not be told", extra={"session_id": row.get("session_id")})
        finally:
            with self._lock:
                self._under_way[platform] -= 1
            self._worker.wake()

    def _send(self, row: Document) -> None:
        if self._now() >= row["until"]:
            self._over(row, "late")
            return
        try:
            registration = self._registrations.get(str(row["endpoint_id"]).removeprefix(OF_A_PLATFORM))
        except UnknownPlatform:
            self._over(row, "gone")
            return
        attempt = self._attempts.get(str(row["of"]))
        if not registration.enabled or attempt is None or not attempt.control_url:
            self._over(row, "off")
            return
        once = row["action"] == "update"
        try:
            self._platforms.token(registration, CONTROL_SCOPE)
            if once and not self._acts.is_sent_first(row):
                self._over(row, "unsure")
                return
        except ProviderAway as away:
            self._again(row, away.message)
            return
        try:
            answer = self._ask(registration, attempt.control_url, row, MEDIA_TYPE)
            if answer.status == UNSUPPORTED:
                answer = self._ask(registration, attempt.control_url, row, PLAIN_TYPE)
        except ProviderAway as away:
            if once:
                self._over(row, "unsure", said=str(away.message)[:SAID_MAX])
            else:
                self._again(row, away.message)
            return
        self._judge(row, answer, once=once)

    def _ask(self, registration: Registration, address: str, row: Document, kind: str) -> Answer:
        body = str(row["body"]).encode("utf-8", "replace")
        return self._platforms.ask(registration, CONTROL_SCOPE, "POST", address, accept=ACCEPTED, body=body, kind=kind)

    def _judge(self, row: Document, answer: Answer, *, once: bool) -> None:
        """What the platform's answer means. Only one that can be its own service's counts as taken."""
        told = {"status": answer.status, **_told(answer)}
        if 200 <= answer.status < 300:
            if answer.kind == "text/html":  # something in front of the service: a login, a page of maintenance
                self._over(row, "page", **told)
            else:
                self._outbox.finish(row, "delivered", {"at": self._now(), **told})
        elif not once and (answer.status in AWAY or (answer.status >= 500 and int(row["tries"]) + 1 < FAILED_MAX)):
            self._again(row, f"status {answer.status}", **told)
        else:
            self._over(row, "refused", **told)

    def _again(self, row: Document, why: str, **told: Any) -> None:
        pause = RETRY_S[min(int(row["tries"]), len(RETRY_S) - 1)]
        due_at = min(self._now() + timedelta(seconds=pause), row["until"])
        log.info("a learning platform is told again at %s: %s", due_at, why, extra={"session_id": row["session_id"]})
        self._outbox.finish(row, "waiting", {"at": self._now(), "why": "away", "said": str(why)[:SAID_MAX], **told}, due_at)

    def _over(self, row: Document, why: Why, **told: Any) -> None:
        extra = {"session_id": row["session_id"]}
        log.warning("a learning platform did not take what was asked (%s): %s %s", row["action"], why, told or "", extra=extra)
        self._outbox.finish(row, "given_up", {"at": self._now(), "why": why, **told})


def _told(answer: Answer) -> dict[str, Any]:
    """What the answer says, bounded: the attempt's state, the time that was given, or plain text, which Open edX answers."""
    content = answer.content
    if isinstance(content, str):
        return {"said": _line(content)}
    if not isinstance(content, dict):
        return {}
    state, extra = content.get("status"), content.get("extra_time")
    known = {"state": state} if isinstance(state, str) and state in STATES else {}
    more = {"extra_time": extra} if isinstance(extra, int) and not isinstance(extra, bool) and 0 <= extra < 100_000 else {}
    said = next((_line(text) for name in ("error_description", "error", "message", "detail") if isinstance(text := content.get(name), str)), "")
    return {**known, **more, **({"said": said} if said else {})}


def _line(text: str) -> str:
    seen = "".join(one if one.isprintable() and one not in DIRECTION_MARKS else " " for one in text[: 4 * SAID_MAX])
    return " ".join(seen.split())[:SAID_MAX]
