"""Who may start an exam, and who may start it again: the rule, with sessions and records in memory."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from basics.errors import Conflict, NotFound, ProctorError, StorageError
from sessions.starts import Record, check_may_start_again, fingerprint, record_of, start_by_student
from sessions.time_used import Beginning

NOW = datetime(2024, 10, 5, 14, 30, tzinfo=timezone.utc)
KEEP_DAYS = 30


class House:
    """Exams that run and records of those that ran, as the rule asks for them."""

    def __init__(self, *, resumed: bool = True, away: bool = False) -> None:
        self.resumed = threading.Event()
        if resumed:
            self.resumed.set()
        self.running: dict[str, tuple[str, str | None, str]] = {}
        self.stored: dict[str, dict[str, Any]] = {}
        self._away = away

    def get(self, session_id: str) -> Beginning | None:
        return SimpleNamespace(session_id=session_id) if session_id in self.running else None

    def create(self, user_id: str, exam_id: str | None, source: str, station: str | None = None, *, nonce: str = "") -> Beginning:
        for session_id, (user, exam, _) in self.running.items():
            if (user, exam) == (user_id, exam_id):
                raise Conflict("it runs", session_id=session_id)
        session_id = f"session-{len(self.running) + len(self.stored)}"
        self.running[session_id] = (user_id, exam_id, nonce)
        return SimpleNamespace(session_id=session_id)

    def was_started_with(self, session_id: str, nonce: str) -> bool:
        return bool(nonce) and self.running[session_id][2] == nonce

    def may_be_elsewhere(self, session_id: str) -> bool:
        return False

    def latest_session(self, user_id: str, exam_id: str | None) -> Record | None:
        if self._away:
            raise StorageError("away")
        mine = [one for one in self.stored.values() if (one["user_id"], one["exam_id"]) == (user_id, exam_id)]
        return mine[-1] if mine else None

    def session(self, session_id: str) -> Record:
        if session_id not in self.stored:
            raise NotFound("there is none")
        return self.stored[session_id]

    def sat(self, state: str, *, exam_id: str | None = "exam", days_ago: float = 1, **more: Any) -> None:
        """Ann has sat this exam before."""
        session_id = f"stored-{len(self.stored)}"
        ended = datetime.now(timezone.utc) - timedelta(days=days_ago)
        self.stored[session_id] = {"_id": session_id, "user_id": "ann", "exam_id": exam_id, "state": state, "ended_at": ended, **more}


def start(house: House, exam_id: str | None = "exam", secret: str | None = None) -> str:
    return start_by_student(house, house, "ann", exam_id, secret, keep_days=KEEP_DAYS)


def record(state: str, **more: Any) -> dict[str, Any]:
    return {"_id": "one", "state": state, "ended_at": NOW - timedelta(days=1), **more}


@pytest.mark.parametrize(
    ("latest", "runs_here", "resumed", "refused"),
    [
        (None, False, True, None),
        (None, False, False, None),
        (record("ended"), False, True, Conflict),
        (record("ended"), False, False, Conflict),
        (record("ended", begun=True), False, True, Conflict),
        (record("ended", begun=False), False, True, None),  # its link was never opened
        (record("ended", ended_at=NOW - timedelta(days=KEEP_DAYS, seconds=1)), False, True, None),  # deleted by the next sweep
        (record("ended", ended_at=NOW - timedelta(days=KEEP_DAYS)), False, True, Conflict),
        (record("interrupted"), False, True, None),
        (record("running"), False, False, StorageError),  # it may be taken up in a moment
        (record("running"), True, False, None),  # whose it is, is asked when the session is made
        (record("running"), False, True, None),
    ],
)
def test_an_exam_is_started_again_only_where_its_end_was_no_doing_of_the_student(
    latest: dict[str, Any] | None, runs_here: bool, resumed: bool, refused: type[ProctorError] | None
) -> None:
    def ask() -> None:
        check_may_start_again(latest, runs_here=runs_here, resumed=resumed, keep_days=KEEP_DAYS, now=NOW)

    if refused is None:
        ask()
        return
    with pytest.raises(refused):
        ask()


def test_where_nothing_is_ever_deleted_an_exam_that_ended_years_ago_stays_ended() -> None:
    with pytest.raises(Conflict) as caught:
        check_may_start_again(record("ended", ended_at=NOW - timedelta(days=4000)), runs_here=False, resumed=True, keep_days=0, now=NOW)
    assert caught.value.details == {"state": "ended"}
    assert "link" in caught.value.message


def test_the_browser_that_started_an_exam_gets_the_same_one_again_and_nobody_else_does() -> None:
    house = House()
    first = start(house, secret="a-secret-of-this-page")
    assert start(house, secret="a-secret-of-this-page") == first
    for other in ("a-secret-of-another", None, ""):
        with pytest.raises(Conflict) as caught:
            start(house, secret=other)
        assert caught.value.field == "user_id"
        assert first not in str(caught.value.message) + str(caught.value.details), "who has no right to it is not told which session it is"
    assert start(house, "another exam") != first


def test_who_started_without_a_secret_is_not_let_in_by_having_none() -> None:
    house = House()
    start(house)
    with pytest.raises(Conflict):
        start(house)


def test_a_secret_is_not_kept_itself() -> None:
    house = House()
    session_id = start(house, secret="a-secret-of-this-page")
    assert house.running[session_id][2] == fingerprint("a-secret-of-this-page")
    assert "secret" not in house.running[session_id][2]
    assert fingerprint(None) == ""


def test_the_latest_session_decides() -> None:
    house = House()
    house.sat("ended", days_ago=3)
    house.sat("interrupted", days_ago=2)
    start(house)
    house.running.clear()
    house.sat("ended", days_ago=1)
    with pytest.raises(Conflict, match="ended"):
        start(house)


def test_an_exam_without_an_id_is_always_a_new_one() -> None:
    house = House()
    house.sat("ended", exam_id=None)
    start(house, None)


def test_a_database_that_is_away_keeps_nobody_from_an_exam() -> None:
    house = House(away=True)
    house.sat("ended")
    start(house)


def test_no_second_session_is_started_for_one_that_is_taken_up() -> None:
    house = House(resumed=False)
    house.sat("running")
    with pytest.raises(StorageError, match="just started"):
        start(house)
    house.resumed.set()
    start(house)


def test_the_record_of_a_session_is_shown_once_it_is_clear_that_it_runs_no_more() -> None:
    house = House(resumed=False)
    house.sat("running")
    house.sat("ended")
    assert record_of(house, house, "stored-1")["state"] == "ended"
    for session_id in ("stored-0", "nowhere"):  # the second may still lie in the spool
        with pytest.raises(StorageError, match="just started"):
            record_of(house, house, session_id)
    house.resumed.set()
    assert record_of(house, house, "stored-0")["state"] == "running"
    with pytest.raises(NotFound):
        record_of(house, house, "nowhere")
