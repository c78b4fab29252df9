"""Sends what the outbox has, again where it fails, and gives up after three days. Of several servers on one database one sends.

An endpoint has a few requests under way at most, and no other waits for one that hangs. What came of each is stored with it, so that a server that
dies loses nothing: what it had in hand is sent again by another, under the same id.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from basics.errors import InvalidInput, StorageError
from basics.figures import Figure
from basics.texts import _, joined, ngettext
from basics.times import iso_time, utc_now
from basics.worker import Worker
from database import Database, Document
from records.hook_address import target_of
from records.hook_posting import Answer, headers_of, post
from records.hooks import ENDPOINTS_MAX, Endpoint, Hooks
from records.outbox import Outbox

log = logging.getLogger(__name__)

RETRY_S = (5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)  # after each try that failed; the example of the Standard Webhooks rules
LONGEST = timedelta(days=3)  # from the first try to the last
JITTER = 0.1  # of a pause, so that what failed together does not come back together
SLOW_STATUS = frozenset({429, 502, 503, 504})
SLOW_S = 60.0  # for which an endpoint that answers so is left alone, unless it says itself for how long:
SLOWEST_S = 3600.0
GONE = 410
EACH = 4  # requests under way to one endpoint
LOOK_S = 1.0  # between turns where there are endpoints; where there are none, as often as the list of them is read:
ENDPOINTS_S = 5.0
TODO = _("Look at the webhooks' page for what the endpoint answered, have it mended, and enable it there. What is kept can be sent again.")


class Receivers(Protocol):
    """Others than webhooks that are told by the same outbox, each in its own words. What is given up disables none of them."""

    most: int

    def all(self) -> list[Endpoint]:
        """What each wants to be told. Raise `StorageError`."""

    def tell(self, endpoint: Endpoint, row: Document) -> Answer:
        """Try to tell one of a notice. Raise `StorageError`."""

    def slow_down(self, endpoint_id: str, until: datetime) -> None:
        """One asks to be left alone until then. Raise `StorageError`."""

    def given_up(self, endpoint: Endpoint, row: Document, why: str) -> None:
        """One could not be told this."""


class HookSender:
    """The thread and its pool. Safe between threads."""

    def __init__(
        self,
        database: Database,
        hooks: Hooks,
        outbox: Outbox,
        is_mine: Callable[[], bool] = lambda: True,
        *,
        now: Callable[[], datetime] = utc_now,
        send: Callable[..., Answer] = post,
        others: Sequence[Receivers] = (),
    ) -> None:
        self._database, self._hooks, self._outbox = database, hooks, outbox
        self._others = others
        self._of_others: dict[str, Receivers] = {}
        self._is_mine, self._now, self._send = is_mine, now, send
        self._endpoints: list[Endpoint] = []
        self._read_at: datetime | None = None
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._waiting = 0
        self._oldest: datetime | None = None
        self._leads = False
        self._took_up_at = -LOOK_S
        self._pool = ThreadPoolExecutor(EACH * (ENDPOINTS_MAX + sum(one.most for one in others)), thread_name_prefix="webhook")
        self._worker = Worker("webhooks", self._work)

    def start(self) -> None:
        """Begin. Whether anybody is to be told anything is known when this returns, where the database answers."""
        try:
            self.look_again()
        except StorageError as error:
            log.debug("whether there are webhooks is not known yet: %s", error.message)
        self._worker.start()

    def stop(self) -> None:
        """End; what is under way has its time, what waits stays."""
        self._worker.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def wake(self) -> None:
        """Something is to be sent, or an endpoint is another than before."""
        self._read_at = None
        self._worker.wake()

    def look_again(self) -> list[Endpoint]:
        """Read the endpoints. Raise `StorageError`."""
        found = [(endpoint, others) for others in self._others for endpoint in others.all()]
        self._of_others = {endpoint.id: others for endpoint, others in found}
        self._endpoints, self._read_at = [*self._hooks.all(), *(endpoint for endpoint, _others in found)], self._now()
        self._database.is_listened_to = bool(self._endpoints)
        return self._endpoints

    # Turns

    def _work(self) -> float:
        try:
            takes_up = time.monotonic() - self._took_up_at >= LOOK_S  # not whenever something was sent: batches are written in so much time
            return self.turn(takes_up=takes_up)
        except StorageError as error:
            log.debug("webhooks wait for the database: %s", error.message)
            return ENDPOINTS_S

    def turn(self, *, takes_up: bool = True) -> float:
        """Make notices of what is marked, and begin to send what is due; the seconds until the next turn. Raise `StorageError`."""
        read_at = self._read_at
        if read_at is None or not timedelta(0) <= self._now() - read_at < timedelta(seconds=ENDPOINTS_S):
            self.look_again()
        self._leads = bool(self._endpoints) and self._is_mine()
        if not self._leads:
            return ENDPOINTS_S
        if takes_up:
            self._took_up_at = time.monotonic()
            self._outbox.take_up(self._endpoints)
        for endpoint in self._endpoints:
            self._begin(endpoint)
        self._waiting, self._oldest = self._outbox.counts()
        return LOOK_S

    def _begin(self, endpoint: Endpoint) -> None:
        if not endpoint.enabled or (endpoint.slow_until is not None and endpoint.slow_until > self._now()):
            return
        with self._lock:
            free = EACH - self._under_way[endpoint.id]
        if free <= 0:
            return
        for row in self._outbox.due(endpoint.id, free):
            with self._lock:
                self._under_way[endpoint.id] += 1
            self._pool.submit(self._deliver, endpoint, row)

    def _deliver(self, endpoint: Endpoint, row: Document) -> None:
        try:
            self._note(endpoint, row, self._try(endpoint, row))
        except StorageError as error:  # it is sent again when its minute is over
            log.debug("what came of a webhook is not stored: %s", error.message)
        except Exception:
            log.exception("a webhook could not be sent", extra={"session_id": row.get("session_id")})
        finally:
            with self._lock:
                self._under_way[endpoint.id] -= 1
            self._worker.wake()

    def _try(self, endpoint: Endpoint, row: Document) -> Answer:
        if (others := self._of_others.get(endpoint.id)) is not None:
            return others.tell(endpoint, row)
        now, body = self._now(), str(row["body"]).encode("utf-8", "replace")
        secrets = self._hooks.secrets_of(endpoint, now)
        if not secrets:
            return Answer(reason=_("its secret can't be opened: SECRET_KEY is another than when it was made. Make a new one"))
        try:
            target = target_of(endpoint.url, self._hooks.private_hosts)
        except InvalidInput as refused:
            return Answer(reason=refused.message)
        return self._send(target, headers_of(str(row["event_id"]), body, secrets, now), body)

    def _note(self, endpoint: Endpoint, row: Document, answer: Answer) -> None:
        now = self._now()
        last = {
            "at": now,
            "status": answer.status,
            "said": answer.said,
            "reason": str(answer.reason),
            "is_page": answer.is_page,
            "took_ms": round(answer.took_s * 1000),
        }
        if answer.is_success:
            self._counts["delivered"] += 1
            self._outbox.finish(row, "delivered", last)
            return
        self._counts["failed"] += 1
        if answer.over:
            self._give_up(endpoint, row, last, str(answer.reason))
            return
        if answer.status == GONE:
            self._give_up(endpoint, row, last, _("it answered 410: it wants nothing any more"))
            return
        wait = _asked_for(answer.retry_after, now)
        if answer.status in SLOW_STATUS:
            self._of_others.get(endpoint.id, self._hooks).slow_down(endpoint.id, now + timedelta(seconds=wait or SLOW_S))
            self._read_at = None
        due_at = self._next(row, now, wait or 0.0)
        if due_at is None:
            self._give_up(endpoint, row, last, _("it took nothing for three days"))
            return
        log.info("what %s is to be told is tried again at %s: %s", endpoint.name, iso_time(due_at), answer.status or answer.reason)
        self._outbox.finish(row, "waiting", last, due_at)

    def _next(self, row: Document, now: datetime, least_s: float) -> datetime | None:
        """When it is tried again; None: not any more."""
        first = row.get("first_try_at")
        over = (first if isinstance(first, datetime) else now) + LONGEST
        if now >= over:
            return None
        pause = RETRY_S[min(int(row["tries"]), len(RETRY_S) - 1)] * (1 + random.uniform(-JITTER, JITTER))
        return min(now + timedelta(seconds=max(pause, least_s)), over)

    def _give_up(self, endpoint: Endpoint, row: Document, last: Document, why: str) -> None:
        if (others := self._of_others.get(endpoint.id)) is not None:
            self._outbox.finish(row, "given_up", last)
            others.given_up(endpoint, row, why)
            return
        log.warning("the webhook %s is disabled: %s", endpoint.name, why)
        self._hooks.disable(endpoint.id, str(why))
        self._database.audit({"who": "server", "what": "webhook: disabled", "endpoint_id": endpoint.id, "name": endpoint.name, "reason": str(why)})
        self._read_at = None
        self._outbox.finish(row, "given_up", last)

    # For operators

    def health(self) -> dict[str, Any]:
        """How it does; `waiting` as the server that sends saw it last."""
        endpoints = self._endpoints
        if not endpoints:
            return {"state": "off"}
        reasons = [
            _("%(name)s was disabled: %(why)s", name=one.name, why=one.disabled_why) for one in endpoints if not one.enabled and one.disabled_why
        ]
        if self._outbox.is_full:
            reasons.append(_("so many notices wait that no more are made; those to come are kept until there is room"))
        trouble = bool(reasons)
        if self._outbox.dropped:
            reasons.append(
                ngettext(
                    "%(count)s notice that was over was deleted early, to make room",
                    "%(count)s notices that were over were deleted early, to make room",
                    self._outbox.dropped,
                )
            )
        told = {"waiting": self._waiting, "oldest_s": self._age(), **{name: self._counts[name] for name in ("delivered", "failed")}}
        return {"state": "degraded" if trouble else "ok", "reason": joined("; ", reasons), **({"todo": TODO} if trouble else {}), **told}

    def figures(self) -> list[Figure]:
        """For `/metrics`."""
        leads = self._leads
        return [
            Figure("hooks_waiting", "Notices of webhooks that wait, at the server that sends.", self._waiting if leads else 0),
            Figure("hooks_oldest_seconds", "Seconds that the oldest of them has waited.", self._age() if leads else 0.0),
            Figure("hooks_delivered_total", "Notices of webhooks that were taken.", self._counts["delivered"]),
            Figure("hooks_failures_total", "Tries to send a notice that failed.", self._counts["failed"]),
        ]

    def _age(self) -> float:
        return round(max(0.0, (self._now() - self._oldest).total_seconds()), 1) if self._oldest is not None else 0.0


def _asked_for(retry_after: str, now: datetime) -> float | None:
    """For how many seconds an answer asks to be left alone, bounded; None where it does not say."""
    if retry_after.isascii() and retry_after.isdigit():
        return min(max(float(retry_after[:9]), 1.0), SLOWEST_S)
    try:
        at = parsedate_to_datetime(retry_after)
    except (TypeError, ValueError):
        return None
    zoned = at if at.tzinfo is not None else at.replace(tzinfo=timezone.utc)
    return min(max((zoned - now).total_seconds(), 1.0), SLOWEST_S)
