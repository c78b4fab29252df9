"""How sessions come to this server that are not live on it, and how they leave it without ending: a session follows its student's page.

At the start those are taken that are this server's own, or whose owner is gone. Later one is taken when its student's page comes here: at once
where its owner is gone, or proves to be; where it lives it is asked to give the session up, and the page comes again until it has.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from basics.errors import NotFound, StorageError
from cluster.membership import DEAD_S, REFUSED_S, Membership
from cluster.owning import epoch_of, owner_of
from database import Database, Document
from sessions.clock_mark import mark
from sessions.events import Events, SessionMoved
from sessions.ownership import Owned, Ownership
from sessions.resume import Resumed, claim_clips, close_abandoned, close_unreadable, give_up_clips, make_kept_clips, resumed_from
from sessions.session import ExamSession
from sessions.student_links import read_again
from sessions.wandering import Wandering
from settings.settings import Settings

if TYPE_CHECKING:
    from sessions.monitor import Monitor

log = logging.getLogger(__name__)

OVER_MAX = 10_000  # sessions of which it is remembered that they are over here
STRAYS_MAX = 100  # at one look
HANDS = 4  # sessions that are given up at a time
SENT_ON_S = 15.0  # for which a page that comes to a server that drains is sent on: then there is no other way for it, and its exam goes on here
CLIPS_S = 2.0  # that are waited for when a session is given up: the pictures are here alone
CLIP_LOOK_S = 0.05
KNOCK_S = 0.5
AGAIN_S = 1.0  # between two tries to keep sessions under another name
FLUSH_S = 1.0


class Moved(Exception):
    """The session is another server's, or just on its way: its page is to come again, until it is here or there."""


class Taking:
    """Of one server. Safe between threads."""

    def __init__(
        self,
        monitor: Monitor,
        settings: Settings,
        database: Database,
        ownership: Ownership,
        membership: Membership | None,
        events: Events,
        clock: Callable[[], float],
    ) -> None:
        self._monitor = monitor
        self._settings = settings
        self._database = database
        self._ownership = ownership
        self._membership = membership
        self._events = events
        self._clock = clock
        self._spool_is_played = threading.Event()  # what an earlier run left comes first: it may say more of its sessions
        self._taken = self._let_go_of = 0
        self._at_work: set[str] = set()
        self._over: OrderedDict[str, int] = OrderedDict()  # by id the epoch in which a session was over here: its record may not say so yet
        self._sent_on: OrderedDict[str, float] = OrderedDict()  # by id since when its page is sent on
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self.wandering = Wandering(clock)
        self._hands = ThreadPoolExecutor(HANDS, thread_name_prefix="giving-up")
        if membership is not None:
            membership.on_asked(self._asked)
            membership.on_lost(lambda old, _new: self._hands.submit(self._keep_all, old))

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopping.set()
        self._hands.shutdown(cancel_futures=True)

    def counts(self) -> dict[str, int]:
        """How many sessions came here from other servers, and how many went to them."""
        return {"sessions_taken_total": self._taken, "sessions_let_go_total": self._let_go_of}

    # At the start

    def try_resume(self) -> bool:
        """Take up what an earlier run left, once the database has its spool. False: try again later."""
        if self._membership is not None and not self._membership.registered:
            return False
        if not (self._database.wait_ready(0) and self._database.flush(FLUSH_S)):
            return False
        try:
            self._monitor.maker.remember()
            self._spool_is_played.set()
            self.resume()
        except StorageError as error:
            log.debug("sessions of an earlier run wait for the database: %s", error.message)
            return False
        except Exception:
            log.exception("sessions of an earlier run can't be taken up")
        return True

    def resume(self) -> None:
        """Take up the sessions that are this server's or whose owner is gone; those that were away too long are closed as interrupted."""
        living = self._ownership.living()
        for document in self._database.running_sessions(but_of=living):
            with suppress(Moved), self._alone_at(document["_id"]):
                if self._monitor.get(document["_id"]) is None and self._ownership.is_free(document):
                    self._take(document)
        recorder = self._monitor.recorder
        give_up_clips(self._database, recorder, self._leaves_clips_to_others)  # first: it must not meet one that is made just now
        make_kept_clips(self._database, recorder, self._monitor.is_live)

    def _leaves_clips_to_others(self, session_id: str) -> bool:
        """Does this session go on here, or is it another server's that lives, which knows what becomes of its clips?"""
        if self._monitor.is_live(session_id):
            return True
        try:
            return self._ownership.owner(session_id) in self._ownership.living()
        except NotFound:
            return False

    # When a page comes

    def bring(self, session_id: str) -> ExamSession | None:
        """The session whose student's page is here; None where it is over. Raise `Moved`, `NotFound`, `StorageError`."""
        if not self._spool_is_played.is_set() and not self._monitor.resumed.is_set():
            raise Moved("the server has just started and takes up its sessions")
        with self._alone_at(session_id):
            session = self._monitor.get(session_id)
            if session is not None:
                return session
            document = self._database.session(session_id)
            if document["state"] != "running":
                return None
            if self._sends_on(session_id):
                raise Moved("this server is about to end; the page comes again by itself, to another")
            if not self._may_take(document):
                raise Moved("this exam is at another server, or on its way here; the page comes again by itself")
            return self._take(document)

    def _may_take(self, document: Document) -> bool:
        owner, members = owner_of(document), self._membership
        if self._is_over_here(document):
            return False
        if members is None or members.alone or owner is None or owner == members.name:
            return True
        found = members.look(owner)
        if found is None or not found.lives:
            return self._ownership.is_free(document)
        still = found.still_s
        if (still >= DEAD_S or (still >= REFUSED_S and refuses(found.url))) and members.declare_dead(owner):
            return self._ownership.is_free(document)
        if document.get("source") != "local":
            members.ask_for(document["_id"], owner)
        return False

    def _sends_on(self, session_id: str) -> bool:
        """Is this server about to end, and the page to come to another? Not for ever: the way in front may know of none."""
        if not (self._ownership.is_draining and self._ownership.others_take()):
            self._sent_on.clear()
            return False
        with self._lock:
            since = self._sent_on.setdefault(session_id, self._clock())
            while len(self._sent_on) > OVER_MAX:
                self._sent_on.popitem(last=False)
        return self._clock() - since < SENT_ON_S

    def _is_over_here(self, document: Document) -> bool:
        """Has it just ended here, or was it given up, and that is still on its way to the database?"""
        given_up = self._membership is not None and owner_of(document) is None
        return not given_up and self._over.get(document["_id"]) == epoch_of(document)

    def _take(self, document: Document) -> ExamSession | None:
        """Make it this server's, and live; None where it was away for too long, or can't be read. Raise `Moved` where another was faster."""
        session_id = document["_id"]
        taken = self._ownership.take(document)
        if taken is None:
            raise Moved("another server has taken this exam; the page comes again by itself")
        longest = self._settings.abandoned_s + self._settings.check_interval
        try:
            skew_s = self._ownership.wall_skew_s(document)
            resumed = resumed_from(self._database, self._monitor.maker.make, self._clock(), taken, longest, skew_s)
            if resumed is not None:
                self._adopt(resumed)
        except StorageError:
            raise
        except Exception:
            log.exception("session can't be taken up; it is closed as interrupted", extra={"session_id": session_id})
            close_unreadable(self._database, taken)
            return None
        if resumed is None:
            return None
        if owner_of(document) != self._ownership.name:
            self._taken += 1
            self.wandering.came(session_id)
        return resumed.session

    def close_abandoned(self, document: Document) -> bool:
        """Close a session whose owner is gone and whose student came nowhere since; False where that is not so any more. Raise `StorageError`."""
        session_id = document["_id"]
        with suppress(Moved), self._alone_at(session_id):
            if not self._monitor.is_live(session_id) and (taken := self._ownership.take(document)) is not None:
                close_abandoned(self._database, self._monitor.maker.make, self._clock(), taken)
                log.warning("session is closed: its server is gone, and its student came to none", extra={"session_id": session_id})
                return True
        return False

    def strays(self) -> list[Document]:
        """Sessions that are stored as this server's and are live nowhere: the database went away while they were taken up. Raise `StorageError`."""
        if not self._monitor.resumed.is_set():
            return []
        live = [session.session_id for session in self._monitor.active()]
        with self._database.reading():
            rows = self._database.collection("sessions").find({"state": "running", "owner": self._ownership.name, "_id": {"$nin": live}})
            return [document for document in rows.limit(STRAYS_MAX) if not self._is_over_here(document)]

    @contextmanager
    def _alone_at(self, session_id: str) -> Iterator[None]:
        """One thread at a time takes a session. Raise `Moved` while another does."""
        with self._lock:
            if session_id in self._at_work:
                raise Moved("this exam is just being taken up; the page comes again by itself")
            self._at_work.add(session_id)
        try:
            yield
        finally:
            with self._lock:
                self._at_work.discard(session_id)

    # It is here

    def _adopt(self, resumed: Resumed) -> None:
        # Whichever side was away, and for how long the clocks ever say: the pages that are there come back within seconds.
        self.expect_back(resumed, max(self._settings.resume_s, self._settings.abandoned_s - resumed.away))
        self._monitor.add(resumed.session)
        self.go_on(resumed.session)

    def expect_back(self, resumed: Resumed, seconds: float) -> None:
        """Give the student so long to come back. Before the session is live: its page may come in that moment."""
        session, attendance = resumed.session, self._monitor.attendance
        attendance.expect(session.session_id, resumed.nonce, waited=resumed.waited, vouched=resumed.vouched)
        if session.begun and session.station is None:
            session.unknown_while("page_away", True)
            attendance.give_until(session.session_id, seconds, unseen=resumed.away)

    def go_on(self, session: ExamSession) -> None:
        """It is live again."""
        kept = {"clock": mark(session.start)} if session.begun else self._ownership.wall_clock()
        session.storage.write("sessions", session.session_id, kept)
        self._monitor.taking_effect.bring(session, newer_only=True)  # one may have been set while nobody had the session
        with suppress(StorageError):  # who ended them hears of the outage, too, and so does this server afterwards
            read_again(self._monitor, self._database, [session])
        self._monitor.open(session)

    # It is elsewhere

    def is_over(self, session: ExamSession) -> None:
        """It has ended here, or is given up: until its record says so it must not be taken up again."""
        with self._lock:
            self._over[session.session_id] = epoch_in(session)
            while len(self._over) > OVER_MAX:
                self._over.popitem(last=False)

    def give_up(self, session_id: str) -> None:
        """Let a session go on at another server, with all that was read of it; its page comes again there. Harmless where it is not live."""
        session = self._monitor.remove(session_id)
        if session is None:
            return
        self._leave(session)
        with self._monitor.held(session_id):
            for do in (session.read_picture, partial(session.read_sound, finish=True), partial(session.checkpoint, last=True)):
                try:
                    if session.begun:
                        do()
                except Exception:
                    log.exception("the last of it is not read", extra={"session_id": session_id})
            session.is_running = False
            self._await_clips(session)
            session.close()
        session.storage.write("sessions", session_id, {"owner": None})  # behind all that was written of it
        log.info("session is given up: it goes on at another server", extra={"session_id": session_id})

    def hand_over(self, session_id: str) -> Future[None]:
        """Give a session up soon, to whichever server its page comes."""
        return self._hands.submit(self._give_to_asker, session_id)

    def let_go(self, session: ExamSession) -> None:
        """Another server has taken it: it is live here no more, and what is still written of it is fenced."""
        session_id = session.session_id
        if self._monitor.remove(session_id) is not session:
            return
        self._leave(session)
        with self._monitor.held(session_id):
            session.is_running = False
            session.save_clips()
            session.close()
        log.warning("session is let go: another server has taken it", extra={"session_id": session_id})
        recorder = self._monitor.recorder
        with suppress(StorageError):  # else the next start does, of what is kept
            make_kept_clips(self._database, recorder, lambda one: one != session_id)
            claim_clips(self._database, recorder, session)

    def _leave(self, session: ExamSession) -> None:
        self._let_go_of += 1
        self._events.publish(SessionMoved(session))

    def _await_clips(self, session: ExamSession) -> None:
        """Clips of what was flagged are made now: pictures and sound stay here."""
        until = time.monotonic() + CLIPS_S
        while any(one["clip"]["state"] == "pending" for one in session.intervals()) and time.monotonic() < until:
            self._stopping.wait(CLIP_LOOK_S)

    def _asked(self, session_ids: Sequence[str]) -> None:
        for session_id in session_ids:
            if not self._stopping.is_set():
                self._hands.submit(self._give_to_asker, session_id)

    def _give_to_asker(self, session_id: str) -> None:
        try:
            if self._monitor.is_live(session_id):
                self.give_up(session_id)
            elif self._monitor.resumed.is_set():  # it could not be taken up here
                with self._alone_at(session_id):
                    document = self._database.session(session_id)
                    if owner_of(document) == self._ownership.name and not self._monitor.is_live(session_id) and not self._is_over_here(document):
                        self._database.write("sessions", session_id, {"owner": None}, epoch=epoch_of(document))
        except (Moved, NotFound, StorageError) as error:
            log.info("the session is not given up now: %s", error, extra={"session_id": session_id})
        except Exception:
            log.exception("the session could not be given up", extra={"session_id": session_id})

    # Under another name

    def _keep_all(self, old: str) -> None:
        """The others took this server for dead, and may have taken its sessions: keep those that nobody has, once all that was written is there."""
        waiting = list(self._monitor.active())
        while waiting and not self._stopping.is_set():
            if self._database.flush(FLUSH_S):
                waiting = [session for session in waiting if not self._is_told(session, old)]
            if waiting:
                self._stopping.wait(AGAIN_S)

    def _is_told(self, session: ExamSession, old: str) -> bool:
        """Is it decided whose this session is?"""
        try:
            kept = self._ownership.keep(session.session_id, epoch_in(session), old)
        except StorageError:
            return False
        if kept:
            session.storage.write("sessions", session.session_id, {"owner": self._ownership.name})  # one that was not stored yet, too
        else:
            self.let_go(session)
        return True


def epoch_in(session: ExamSession) -> int:
    """In which epoch this server has it."""
    storage = session.storage
    return storage.epoch if isinstance(storage, Owned) else 0


def refuses(url: str, connect: Callable[..., socket.socket] = socket.create_connection) -> bool:
    """Does nobody listen at a server's address? A time-out says nothing: a firewall may drop what comes."""
    parts = urlsplit(url)
    if not parts.hostname:
        return False
    try:
        connect((parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)), KNOCK_S).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False
