"""Sends platforms what people asked of them (Assessment Control Service), again where a platform is away. Of several servers on a database one sends.

Nothing is sent here that no person asked for. What came of each is stored with it: the platform's answer, or why it has none. What surely was not
taken is told apart from what may have been: more time is not sent again where that can't be told, the platform might give it twice. Who has a notice
in hand has it for longer than all that it may ask: sent by a second server meanwhile it would come twice, and after what was asked for later.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Any

from basics.errors import ProviderAway, StorageError
from basics.figures import Figure
from basics.plain_text import DIRECTION_MARKS
from basics.texts import _
from basics.times import utc_now
from basics.worker import Worker
from database import Document
from records.keep_times import part_of
from records.lti_attempts import LtiAttempts
from records.lti_registrations import LtiRegistrations, Registration, UnknownPlatform
from records.outbox import Outbox
from records.platform_acts import OF_A_PLATFORM, PlatformActs, Why
from web.integrations.lti.attempt_claims import is_of_platform
from web.integrations.lti.dynamic import CONTROL_SCOPE
from web.integrations.lti.outward import Answer, NotTaken
from web.integrations.lti.service import Platforms

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/vnd.ims.lti-ap.v1.control+json"
PLAIN_TYPE = "application/json"  # that of Open edX takes no other
ACCEPTED = f"{MEDIA_TYPE}, {PLAIN_TYPE};q=0.9, */*;q=0.1"
RETRY_S = (2, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400, 28_800)  # after each try that failed
LOST = frozenset({502, 504})  # something in front of the service has no answer of its
AWAY = frozenset({408, 425, 429, 503}) | LOST
UNSUPPORTED = 415
UNTRIED = frozenset({"late", "gone", "off"})  # given up without one more try
FAILED_MAX = 3  # tries that a platform answers with an error of its own: what waits behind it is not to wait for days
EACH, POOL = 3, 12  # requests under way to one platform, and in all
HELD = timedelta(minutes=3)  # for which a server has an act in hand: seven questions (token, act, of each once more, as another type) of 20 s at most
LOOK_S, NONE_S = 2.0, 10.0  # between turns where platforms are registered, and where none is
STOP_S = 5.0  # that what is under way has when the server ends
COUNT_S = 10.0
LATE = timedelta(minutes=5)  # after which health says that something waits
TODO = _("Look on the sessions' pages for what the learning platform answered, and whether it can be reached; what must be done now is done there.")
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
        self._counts: Counter[str] = Counter()
        self._waiting = 0
        self._oldest: datetime | None = None
        self._counted_at: datetime | None = None
        self._leads = False
        self._sendings: set[Future[None]] = set()
        self._pool = ThreadPoolExecutor(POOL, thread_name_prefix="platform")
        self._worker = Worker("platforms", self._work)

    def start(self) -> None:
        """Begin."""
        self._worker.start()

    def stop(self) -> None:
        """End. What is under way has some seconds; what waits stays."""
        self._worker.stop()
        self._pool.shutdown(wait=False, cancel_futures=True)
        wait(self._sendings, STOP_S)

    def wake(self) -> None:
        """Something is to be sent."""
        self._worker.wake()

    def _work(self) -> float:
        try:
            self.turn()  # where none is registered any more, too: what waits is to be told so
            return LOOK_S if self._registrations.all() else NONE_S
        except StorageError as error:
            log.debug("what learning platforms are to be told waits for the database: %s", error.message)
        return LOOK_S

    def turn(self) -> list[Future[None]]:
        """Begin to send what is due. Raise `StorageError`."""
        self._leads = self._is_mine()
        if not self._leads:
            self._count()  # for health alone
            return []
        begun = []
        for platform in sorted(self._acts.platforms(), key=self._under_way_to):  # none waits for others that hang
            with self._lock:  # what is taken is begun at once: while it waits its time runs
                free = min(EACH - self._under_way[platform], POOL - self._under_way.total())
            for row in self._outbox.due(platform, free, HELD) if free > 0 else ():
                with self._lock:
                    self._under_way[platform] += 1
                sending = self._pool.submit(self._deliver, platform, row)
                self._sendings.add(sending)
                sending.add_done_callback(self._sendings.discard)
                begun.append(sending)
        self._count()
        return begun

    def _under_way_to(self, platform: str) -> int:
        with self._lock:
            return self._under_way[platform]

    def _count(self) -> None:
        now = self._now()
        if self._counted_at is None or not timedelta(0) <= now - self._counted_at < timedelta(seconds=COUNT_S):
            self._waiting, self._oldest = self._acts.waiting()
            self._counted_at = now

    def _deliver(self, platform: str, row: Document) -> None:
        try:
            self._send(row)
        except StorageError as error:  # it is sent again when its time in hand is over
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
        if not registration.enabled or attempt is None or not attempt.control_url or not is_of_platform(registration, attempt.control_url):
            self._over(row, "off")
            return
        try:
            token = self._platforms.token(registration, CONTROL_SCOPE)
        except ProviderAway as away:
            self._again(row, away.message)
            return
        sends = self._acts.sends(row)
        if row.get("once") and sends == "again":
            self._over(row, "unsure")
        elif sends != "not":  # withdrawn, or another's meanwhile
            self._tell(registration, attempt.control_url, row, token, is_first=sends == "first")

    def _tell(self, registration: Registration, address: str, row: Document, token: str, *, is_first: bool) -> None:
        """`is_first`: nothing of it can be there yet."""
        try:
            answer = self._ask(registration, address, row, token, MEDIA_TYPE)
            if answer.status == UNSUPPORTED:
                answer = self._ask(registration, address, row, token, PLAIN_TYPE)
        except NotTaken as away:
            self._again(row, away.message, untaken=is_first)
        except ProviderAway as away:
            if row.get("once"):
                self._over(row, "unsure", said=str(away.message)[:SAID_MAX])
            else:
                self._again(row, away.message)
        else:
            self._judge(row, answer, is_first=is_first)

    def _ask(self, registration: Registration, address: str, row: Document, token: str, kind: str) -> Answer:
        body = str(row["body"]).encode("utf-8", "replace")
        return self._platforms.ask(registration, CONTROL_SCOPE, "POST", address, accept=ACCEPTED, body=body, kind=kind, token=token)

    def _judge(self, row: Document, answer: Answer, *, is_first: bool) -> None:
        """What the platform's answer means. Only one that can be its own service's counts as taken."""
        told, once = {"status": answer.status, **_told(answer)}, bool(row.get("once"))
        if 200 <= answer.status < 300:
            if answer.kind == "text/html":  # something in front of the service: a login, a page of maintenance
                self._over(row, "page", **told)
            elif self._outbox.finish(row, "delivered", {"at": self._now(), **told}):
                self._counts["delivered"] += 1
        elif not once and answer.status in AWAY:
            self._again(row, f"status {answer.status}", untaken=is_first and answer.status not in LOST, **told)
        elif not once and answer.status >= 500 and (failed := _failed(row) + 1) < FAILED_MAX:
            self._again(row, f"status {answer.status}", **told, failed=failed)
        else:
            self._over(row, "unsure" if answer.status in LOST else "refused", **told)

    def _again(self, row: Document, why: str, *, untaken: bool = False, **told: Any) -> None:
        """Try it again later. `untaken`: no try of it so far can have been taken."""
        self._counts["failed"] += 1
        pause = RETRY_S[min(int(row["tries"]), len(RETRY_S) - 1)]
        due_at = min(self._now() + timedelta(seconds=pause), row["until"])
        last = {"at": self._now(), "why": "away", "said": str(why)[:SAID_MAX], "failed": _failed(row), **told}
        if self._outbox.finish(row, "waiting", last, due_at, forget=("sent",) if untaken else ()):
            log.info("a learning platform is told again at %s: %s", due_at, why, extra={"session_id": row["session_id"]})

    def _over(self, row: Document, why: Why, **told: Any) -> None:
        self._counts["failed"] += 1
        extra, tried = {"session_id": row["session_id"]}, why not in UNTRIED
        if not tried and row.get("sent"):  # by a try before, whose answer is not known
            why = "unsure"
        if self._outbox.finish(row, "given_up", {"at": self._now(), "why": why, **told}, tried=tried):
            log.warning("a learning platform did not take what was asked (%s): %s %s", row["action"], why, told or "", extra=extra)

    # For operators

    def health(self) -> dict[str, Any]:
        """How it does, at whichever server; `off` where nothing waits and nothing was sent from here."""
        waiting, oldest_s = self._waiting, self._age()
        counts = {name: self._counts[name] for name in ("delivered", "failed")}
        if not waiting and not any(counts.values()):
            return {"state": "off"}
        told = {"waiting": waiting, "oldest_s": oldest_s, **counts}
        if oldest_s < LATE.total_seconds():
            return {"state": "ok", **told}
        reason = _("what somebody asked of a learning platform has waited for %(count)s min", count=int(oldest_s // 60))
        return {"state": "degraded", "reason": reason, "todo": TODO, **told}

    def figures(self) -> list[Figure]:
        """For `/metrics`."""
        waiting, oldest_s = (self._waiting, self._age()) if self._leads else (0, 0.0)
        return [
            Figure("platform_acts_waiting", "Acts of people that wait for learning platforms, at the server that sends.", waiting),
            Figure("platform_acts_oldest_seconds", "Seconds that the oldest of them has waited.", oldest_s),
            Figure("platform_acts_delivered_total", "Acts of people that learning platforms took.", self._counts["delivered"]),
            Figure("platform_acts_failures_total", "Tries to tell a learning platform that failed.", self._counts["failed"]),
        ]

    def _age(self) -> float:
        return round(max(0.0, (self._now() - self._oldest).total_seconds()), 1) if self._oldest is not None else 0.0


def _failed(row: Document) -> int:
    """How often the platform has answered with an error of its own."""
    failed = part_of(row, "last").get("failed")
    return failed if isinstance(failed, int) else 0


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
