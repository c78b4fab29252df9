"""What the LTI tool of one server is made of: registrations, keys, people and links as they are kept, and its limits."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from basics.errors import TooMany
from basics.texts import _
from database import Database
from records.lti_keys import LtiKeys
from records.lti_links import LtiLinks
from records.lti_people import LtiPeople
from records.lti_registrations import LtiRegistrations
from records.lti_used import LtiUsed
from web.access.limits import KEPT_ADDRESSES, RateLimit, network_of, too_many
from web.integrations.lti.cookies import States
from web.integrations.lti.outward import Outward
from web.integrations.lti.tokens import PlatformKeys

WINDOW_S = 10.0
OF_ADDRESS = 200  # launches of one address in so many seconds: a university may be one, and an exam begins for all at once
OF_REGISTRATION, OF_ALL = 150, 400  # of those that a platform has signed: each takes time of the core that exams need, too
AT_ONCE = 32  # launches that are worked on at a time; the threads left answer those who take their exams
LINE_S = 900.0  # after which the last who came too early come again, at most
ASSESSMENTS, ASSESSMENTS_S = 150, 60.0  # times that one session's page to its assessment is loaded in so many seconds; a window asks while it waits
REFUSALS_KEPT, REFUSALS_S = 60, 600.0  # that the audit keeps one by one of a platform in so many seconds
COUNTED_S = 3600.0  # all others are counted, and noted once in so many
LISTS_AT_ONCE = 4  # lists of courses' people that are read at a time, each in a thread that waits for platforms


class Refusals:
    """Which refusals the audit keeps one by one, and how many there were beside them. Safe between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = RateLimit(REFUSALS_KEPT, REFUSALS_S, "", clock)
        self._clock = clock
        self._lock = threading.Lock()
        self._count, self._told_at = 0, -COUNTED_S

    def is_kept(self, registration_id: str) -> bool:
        """Is this one of a registered platform, which has room for it yet? Anybody may be refused without a platform, at any rate."""
        try:
            if registration_id:
                self._limit.take(registration_id)
        except TooMany:
            return False
        return bool(registration_id)

    def count(self) -> int:
        """Count one that isn't kept; give how many there were since the last time that it was to be told, 0 where it isn't yet."""
        with self._lock:
            self._count += 1
            if self._clock() - self._told_at < COUNTED_S:
                return 0
            found, self._count, self._told_at = self._count, 0, self._clock()
        return found


class Line:
    """Who comes too early comes again one after the other, as fast as they can be taken: else ten thousand who wait would come every few seconds.

    Each address and each platform has a line of its own. Safe between threads.
    """

    def __init__(self, a_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._apart_s, self._clock = 1 / a_second, clock
        self._lock = threading.Lock()
        self._last: OrderedDict[str, float] = OrderedDict()  # when the last of each comes again

    def take(self, limit: RateLimit, who: str | None) -> None:
        """Count one try. Raise `TooMany` with the wait of its place in the line where there is none left."""
        try:
            limit.take(who)
        except TooMany as early:
            raise too_many(_("Many come at once."), self.place(network_of(who), float(early.details["retry_after_s"]))) from None

    def place(self, key: str, least_s: float) -> int:
        """In how many seconds the next of this line is to come."""
        now = self._clock()
        with self._lock:
            at = min(max(now + least_s, self._last.pop(key, now) + self._apart_s), now + max(least_s, LINE_S))
            self._last[key] = at
            if len(self._last) > KEPT_ADDRESSES:
                self._last.popitem(last=False)
        return max(1, round(at - now))


class LtiTool:
    """Safe between threads."""

    def __init__(self, database: Database, secret_key: str, outward: Outward) -> None:
        self.registrations = LtiRegistrations(database)
        self.keys = LtiKeys(database, secret_key)
        self.used = LtiUsed(database)
        self.people = LtiPeople(database)
        self.links = LtiLinks(database)
        self.platform_keys = PlatformKeys(outward)
        self.states = States(secret_key)
        many = _("Many come at once.")
        self.logins = RateLimit(2 * OF_ADDRESS, WINDOW_S, many)
        self.launches = RateLimit(OF_ADDRESS, WINDOW_S, many)
        self.of_registration = RateLimit(OF_REGISTRATION, WINDOW_S, many)
        self.of_all = RateLimit(OF_ALL, WINDOW_S, many)
        self.assessments = RateLimit(ASSESSMENTS, ASSESSMENTS_S, _("This page was loaded too often."))
        self.refusals = Refusals()
        self.line = Line(OF_REGISTRATION / WINDOW_S)
        self._places = threading.Semaphore(AT_ONCE)
        self._listing: list[frozenset[str]] = []
        self._lock = threading.Lock()

    @contextmanager
    def place(self) -> Iterator[None]:
        """One of the launches that are worked on. Raise `TooMany` where there are as many as the server takes."""
        if not self._places.acquire(blocking=False):
            raise TooMany(_("Many come at once."), retry_after_s=3)
        try:
            yield
        finally:
            self._places.release()

    @contextmanager
    def listing(self, registrations: Collection[str]) -> Iterator[None]:
        """The lists of these registrations' courses are read: one of each at a time. Raise `TooMany`."""
        wanted = frozenset(registrations)
        with self._lock:
            if len(self._listing) >= LISTS_AT_ONCE or any(wanted & others for others in self._listing):
                raise TooMany(_("Another list is being filled from a course now. Try again in a minute."), retry_after_s=30)
            self._listing.append(wanted)
        try:
            yield
        finally:
            with self._lock:
                self._listing.remove(wanted)
