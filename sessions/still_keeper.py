"""Keeps the stills of faces that exams ask for, in a thread of its own: no exam waits for a disk."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

from basics.errors import ProctorError
from records.identity import IdentityRecords, Whose
from sessions.events import Events, FaceSeen

log = logging.getLogger(__name__)

WAITING_MAX = 50  # pictures in memory, 1 MB each; of a room that starts at once those beyond are left out
LOOK_S = 0.5


class StillKeeper:
    """Between the sessions and the folder of pictures."""

    def __init__(self, records: IdentityRecords, events: Events, tell: Callable[[str, str | None], None] = lambda *_: None) -> None:
        """`tell(session_id, exam_id)` is called once a still is kept."""
        self._records = records
        self._tell = tell
        self._waiting: queue.Queue[FaceSeen] = queue.Queue(WAITING_MAX)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="identity-stills", daemon=True)
        events.subscribe(FaceSeen, self._take)

    def start(self) -> None:
        """Begin to keep what comes."""
        self._thread.start()

    def stop(self, timeout: float = 5) -> None:
        """End; what waits is kept before."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _take(self, event: FaceSeen) -> None:
        try:
            self._waiting.put_nowait(event)
        except queue.Full:
            log.warning("a still of the face is left out: too many came at once", extra={"session_id": event.session.session_id})

    def _run(self) -> None:
        while not (self._stop.is_set() and self._waiting.empty()):
            try:
                event = self._waiting.get(timeout=LOOK_S)
            except queue.Empty:
                continue
            session, picture = event.session, event.picture
            try:
                self._records.keep_still(Whose(session.session_id, session.user_id, session.exam_id), picture.image, round(picture.at, 1))
                self._tell(session.session_id, session.exam_id)
            except ProctorError as error:
                log.warning("a still of the face is not kept: %s", error.message, extra={"session_id": session.session_id})
            except Exception:
                log.exception("a still of the face is not kept", extra={"session_id": session.session_id})
