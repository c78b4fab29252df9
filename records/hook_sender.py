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
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

from basics.errors import InvalidInput, StorageError
from basics.figures import Figure
from basics.texts import _, joined, kept, ngettext
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
TRIES_ALONE = 3  # of what a person asked for: a test, a notice sent again
EACH = 4  # requests under way to one endpoint
STOP_S = 5.0  # that what is under way has when the server ends
LOOK_S = 1.0  # between turns where there are endpoints; where there are none, as often as the list of them is read:
ENDPOINTS_S = 5.0
COUNT_S = 10.0
SWEEP_S = 300.0
TOOK = timedelta(minutes=1)  # between notes that an endpoint takes what it is sent
FAILING = timedelta(minutes=5)  # after which health says that one takes nothing
TODO = _(
    "Look at the page of the webhooks, or of Open edX, for what was answered, have it mended, and enable there what was disabled. "
    "What is kept can be sent again."
)


class Receivers(Protocol):
    """Others than webhooks that are told by the same outbox, each in its own words, for as long as a webhook. None is ever disabled here, whatever it
    does not take, nor by how much waits: each wants a few notices of a session at most.
    """

    most: int

    def all(self) -> list[Endpoint]:
        """What each wants to be told. Raise `StorageError`."""

    def tell(self, endpoint: Endpoint, row: Document) -> Answer:
        """Try to tell one of a notice. Raise `StorageError`."""

    def slow_down(self, endpoint_id: str, until: datetime) -> None:
        """One asks to be left alone until then. Raise `StorageError`."""

    def took(self, endpoint_id: str, at: datetime) -> None:
        """One took something. Raise `StorageError`."""

    def failed(self, endpoint_id: str, at: datetime, why: str) -> None:
        """One did not take something. Raise `StorageError`."""

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
        self._has_more = False
        self._counted_at: float | None = None
        self._swept_at: float | None = None
        self._took_at: dict[str, datetime] = {}
        self._failing: set[str] = set()
        self._sendings: set[Future[None]] = set()
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
        """End. What is under way has some seconds; what waits stays, and what was not noted is sent again."""
        self._worker.stop()
        self._pool.shutdown(wait=False, cancel_futures=True)
        wait(self._sendings, STOP_S)

    def wake(self) -> None:
        """Something is to be sent, or an endpoint is another than before."""
        self._read_at = self._counted_at = None
        self._worker.wake()

    def look_again(self) -> list[Endpoint]:
        """Read the endpoints. Raise `StorageError`."""
        found = [(endpoint, others) for others in self._others for endpoint in others.all()]
        self._of_others |= {endpoint.id: others for endpoint, others in found}  # those that were removed since, too: something may be under way
        self._endpoints, self._read_at = [*self._hooks.all(), *(endpoint for endpoint, _others in found)], self._now()
        self._database.is_listened_to = bool(self._endpoints)
        return self._endpoints

    # Turns

    def _work(self) -> float:
        try:
            # Not whenever there is something to send: batches are written in so much time.
            return self.turn(takes_up=self._has_more or time.monotonic() - self._took_up_at >= LOOK_S)
        except StorageError as error:
            log.debug("webhooks wait for the database: %s", error.message)
            return ENDPOINTS_S

    def turn(self, *, takes_up: bool = True) -> float:
        """Make notices of what is marked, and begin to send what is due; the seconds until the next turn. Raise `StorageError`."""
        read_at = self._read_at
        if read_at is None or not timedelta(0) <= self._now() - read_at < timedelta(seconds=ENDPOINTS_S):
            self.look_again()
        self._leads = self._is_mine()
        if not self._leads:
            self._count()  # for health alone
            return ENDPOINTS_S
        if takes_up:  # where nobody listens, too: marks that nobody is to be told of are taken away
            self._took_up_at = time.monotonic()
            self._has_more = self._outbox.take_up(self._endpoints)
        for endpoint in self._endpoints:
            self._begin(endpoint)
        self._look_after()
        if self._has_more:
            return 0.0
        return LOOK_S if self._endpoints else ENDPOINTS_S

    def _look_after(self) -> None:
        """Count what waits, and keep it within its bounds."""
        now = time.monotonic()
        if self._swept_at is None or now - self._swept_at >= SWEEP_S:
            self._swept_at = now
            self._outbox.sweep(self.look_again)
        if self._count():
            self._outbox.make_room()

    def _count(self) -> bool:
        """Count what waits, where it is time for that. The server that sends keeps it within its bounds, too."""
        now = time.monotonic()
        if self._counted_at is not None and now - self._counted_at < COUNT_S:
            return False
        self._counted_at, waiting = now, 0
        since: list[datetime] = []
        for endpoint in (one for one in self._endpoints if one.enabled):
            count, oldest = self._outbox.counts(endpoint.id)
            if self._leads and count > (most := self._outbox.waiting_max) and endpoint.id not in self._of_others:
                self._disable(endpoint, _("more than %(most)s notices wait for it", most=most), tried_at=self._now())
                continue
            waiting += count
            since += [oldest] if oldest is not None else []
        self._waiting, self._oldest = waiting, min(since, default=None)
        return True

    def _begin(self, endpoint: Endpoint) -> None:
        with self._lock:
            free = EACH - self._under_way[endpoint.id]
        for row in self._due(endpoint.id, free):
            with self._lock:
                self._under_way[endpoint.id] += 1
            sending = self._pool.submit(self._deliver, endpoint.id, row)
            self._sendings.add(sending)
            sending.add_done_callback(self._sendings.discard)

    def _due(self, endpoint_id: str, most: int) -> list[Document]:
        """Take what is due of an endpoint, where it may be sent something now."""
        endpoint = self._known(endpoint_id)
        if most <= 0 or endpoint is None or not endpoint.enabled or not self._leads or self._worker.is_stopping:
            return []
        return self._outbox.due(endpoint_id, most) if endpoint.slow_until is None or endpoint.slow_until <= self._now() else []

    def _known(self, endpoint_id: str) -> Endpoint | None:
        return next((one for one in self._endpoints if one.id == endpoint_id), None)

    def _deliver(self, endpoint_id: str, first: Document) -> None:
        """Send one notice, and what is due to its endpoint then, as long as it takes them."""
        todo = [first]
        try:
            while todo and (endpoint := self._known(endpoint_id)) is not None:
                row, began = todo.pop(), self._now()
                todo = self._due(endpoint_id, 1) if self._note(endpoint, row, self._try(endpoint, row), began) else []
        except StorageError as error:  # it is sent again when its minute is over
            log.debug("what came of a webhook is not stored: %s", error.message)
        except Exception:
            log.exception("a webhook could not be sent")
        finally:
            with self._lock:
                self._under_way[endpoint_id] -= 1

    def _try(self, endpoint: Endpoint, row: Document) -> Answer:
        """Send one. What this server can't do counts as a try that failed, so that it is shown, and ends."""
        try:
            if (others := self._of_others.get(endpoint.id)) is not None:
                return others.tell(endpoint, row)
            now, body = self._now(), self._outbox.body_for(endpoint, row).encode("utf-8", "replace")
            secrets = self._hooks.secrets_of(endpoint, now)
            if not secrets:
                return Answer(reason=_("its secret can't be opened: SECRET_KEY is another than when it was made. Make a new one"))
            target = target_of(endpoint.url, self._hooks.private_hosts)
            return self._send(target, headers_of(str(row["event_id"]), body, secrets, now), body)
        except InvalidInput as refused:
            return Answer(reason=refused.message)
        except StorageError:
            raise
        except Exception as error:
            log.exception("a webhook could not be sent", extra={"session_id": row.get("session_id")})
            return Answer(reason=_("this server could not send it (%(error)s); its log says more", error=type(error).__name__))

    def _note(self, endpoint: Endpoint, row: Document, answer: Answer, began: datetime) -> bool:
        """Note what came of a try. Is the endpoint to be sent more at once?"""
        now, alone = self._now(), bool(row.get("alone"))
        last = {
            "at": now,
            "status": answer.status,
            "said": answer.said,
            "reason": kept(answer.reason),
            "is_page": answer.is_page,
            "took_ms": round(answer.took_s * 1000),
        }
        if answer.is_success:
            self._counts["delivered"] += 1
            if not answer.over:
                self._took(endpoint, now)
            self._outbox.finish(row, "delivered", last)
            return True
        self._counts["failed"] += 0 if answer.waits else 1
        self._read_at = None
        wait_s = _asked_for(answer.retry_after, now)
        if answer.status in SLOW_STATUS:
            self._keeper(endpoint).slow_down(endpoint.id, now + timedelta(seconds=wait_s or SLOW_S))
        due_at = None if answer.over or answer.status == GONE else self._next(row, now, wait_s or 0.0)
        if not self._outbox.finish(row, "given_up" if due_at is None else "waiting", last, due_at):
            return False
        if due_at is not None:
            log.info("a notice to %s is tried again at %s: %s", endpoint.name, iso_time(due_at), answer.status or answer.reason)
        why = answer.reason or _("it answered %(status)s", status=answer.status)
        if due_at is not None and not alone and not answer.waits:
            self._failing.add(endpoint.id)
            self._keeper(endpoint).failed(endpoint.id, now, why)
        elif due_at is None and (others := self._of_others.get(endpoint.id)) is not None:
            if answer.over and answer.status:  # it does answer
                self._took(endpoint, now)
            others.given_up(endpoint, row, why)
        elif due_at is None and not alone:
            self._give_up(endpoint, row, answer, began)
        return False

    def _keeper(self, endpoint: Endpoint) -> Hooks | Receivers:
        return self._of_others.get(endpoint.id, self._hooks)

    def _give_up(self, endpoint: Endpoint, row: Document, answer: Answer, began: datetime) -> None:
        """A webhook that wants nothing any more, or took nothing for three days, is disabled."""
        if answer.status == GONE:
            self._disable(endpoint, _("it answered 410: it wants nothing any more"), tried_at=began)
        else:
            self._disable(endpoint, _("it took nothing for three days"), tried_at=began, took_nothing_since=row["first_try_at"])

    def _next(self, row: Document, now: datetime, least_s: float) -> datetime | None:
        """When it is tried again; None: not any more."""
        first: datetime = row["first_try_at"]
        over, tries = first + LONGEST, int(row["tries"])
        if now >= over or (row.get("alone") and tries + 1 >= TRIES_ALONE):
            return None
        return min(now + timedelta(seconds=max(pause_s(tries, random.random()), least_s)), over)

    def _took(self, endpoint: Endpoint, now: datetime) -> None:
        """Note that an endpoint takes what it is sent: at once where it failed before, else once a minute."""
        noted = self._took_at.get(endpoint.id)
        if endpoint.failing_since is not None or endpoint.id in self._failing or noted is None or not timedelta(0) <= now - noted < TOOK:
            self._keeper(endpoint).took(endpoint.id, now)
            self._took_at[endpoint.id] = now
            self._failing.discard(endpoint.id)

    def _disable(self, endpoint: Endpoint, why: str, *, tried_at: datetime, took_nothing_since: datetime | None = None) -> None:
        self._read_at = None
        if not self._hooks.disable(endpoint.id, why, tried_at=tried_at, took_nothing_since=took_nothing_since):
            log.warning("a notice to the webhook %s was given up; it took others since, or was changed", endpoint.name)
            self._hooks.forget_failures(endpoint.id)
            return
        log.warning("the webhook %s is disabled: %s", endpoint.name, why)
        self._database.audit({"who": "server", "what": "webhook: disabled", "endpoint_id": endpoint.id, "name": endpoint.name, "reason": str(why)})

    # For operators

    def health(self) -> dict[str, Any]:
        """How it does; `waiting` as it was counted last, at whichever server; what was `delivered` and `failed` here alone."""
        endpoints = self._endpoints
        if not endpoints:
            return {"state": "off"}
        reasons: list[str] = [
            _("%(name)s was disabled: %(why)s", name=one.name, why=one.disabled_why) for one in endpoints if not one.enabled and one.disabled_why
        ]
        reasons += [self._why_failing(one, one.failing_since) for one in endpoints if one.enabled and one.failing_since is not None]
        reasons = [reason for reason in reasons if reason]
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

    def _why_failing(self, endpoint: Endpoint, since: datetime) -> str:
        """What is to be said of an endpoint that takes nothing; empty where that is nothing yet."""
        minutes = (self._now() - since) // timedelta(minutes=1)
        if self._now() - since < FAILING:
            return ""
        return _("%(name)s has taken nothing for %(count)s min: %(why)s", name=endpoint.name, count=minutes, why=endpoint.failing_why)

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


def pause_s(tries: int, chance: float) -> float:
    """Seconds until the next try of what failed now, after so many tries before; `chance`, 0 to 1, makes it shorter or longer."""
    return RETRY_S[min(tries, len(RETRY_S) - 1)] * (1 + JITTER * (2 * chance - 1))


def _asked_for(retry_after: str, now: datetime) -> float | None:
    """For how many seconds an answer asks to be left alone, bounded; None where it does not say."""
    if retry_after.isascii() and retry_after.isdigit():
        return min(max(float(retry_after[:9]), 1.0), SLOWEST_S)
    try:
        at = parsedate_to_datetime(retry_after)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
    zoned = at if at.tzinfo is not None else at.replace(tzinfo=timezone.utc)
    return min(max((zoned - now).total_seconds(), 1.0), SLOWEST_S)
