"""People who decide and conclude at two servers in one moment: each is told as within one server, nothing is lost or doubled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from basics.errors import Conflict, StorageError
from database import Database
from records.conclusions import Conclusion, Conclusions, Person
from records.figure_store import FigureKeeper
from records.reviews import Reviews
from records.verification import verify
from storage.marks import marks_of
from tests.helpers.databases import START, add_interval

SESSION = "5" * 32
FLAG = f"{SESSION}-1"
ANN, BEN, EVE = Person("Ann"), Person("Ben"), Person("Eve")


class Here(Reviews):
    """One server, between whose steps another one's are made: once it has `read`, and once it has `stored`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.then: dict[str, Callable[[], object]] = {}

    def _stored(self, video_id: str) -> list[dict[str, Any]]:
        found = super()._stored(video_id)
        self.then.pop("read", lambda: None)()
        return found

    def _stand(self, video_id: str, number: int, standing: dict[str, Any]) -> None:
        self.then.pop("stored", lambda: None)()
        super()._stand(video_id, number, standing)


@pytest.fixture
def flagged(database: Database) -> Database:
    assert database.write("sessions", SESSION, {"user_id": "ann", "exam_id": "exam", "state": "ended"}).wait(10)
    assert add_interval(database, SESSION, 1, flagged_at=START).wait(10)
    return database


def standing(database: Database) -> tuple[str, bool]:
    review = database.interval(FLAG)["review"]
    return review["state"], review.get("answered_since", False)


def noted(database: Database) -> list[tuple[str, str, str]]:
    assert database.flush(10)
    return [(one["who"], one["what"], one["note"]) for one in database.audit_entries() if one.get("video_id") == FLAG]


def test_of_two_who_decide_at_once_at_two_servers_both_count_and_the_second_is_told_so(flagged: Database) -> None:
    here, there = Here(flagged), Reviews(flagged)
    flagged.is_listened_to = True
    here.then["read"] = lambda: there.decide(FLAG, "dismissed", by="Ben", reason="other")
    assert here.decide(FLAG, "confirmed", by="Ann")["state"] == "disputed"
    assert [entry["by"] for entry in here.history(FLAG)] == ["Ben", "Ann"]
    here.then["stored"] = lambda: there.decide(FLAG, "confirmed", by="Eve")
    here.decide(FLAG, "dismissed", by="Dan", reason="other")
    assert [entry["by"] for entry in here.history(FLAG)] == ["Ben", "Ann", "Dan", "Eve"]
    assert standing(flagged) == ("disputed", False), "it shows what the newest of them makes of it, though that was stored first"
    told = [(mark.data["by"], mark.data["state"]) for row in there._stored(FLAG) for mark in marks_of(row)]
    assert told == [("Ben", "dismissed"), ("Ann", "disputed"), ("Dan", "dismissed"), ("Eve", "disputed")], "each, though Dan's never stood"

    here.then["read"] = lambda: there.decide(FLAG, None, by="Ann")
    with pytest.raises(Conflict, match="nothing"):
        here.decide(FLAG, None, by="Ann")
    assert standing(flagged)[0] == "dismissed"

    here.then["stored"] = lambda: there.answered(FLAG)  # nobody's decision is undone by it
    here.decide(FLAG, "dismissed", by="Ann", reason="other")
    assert standing(flagged) == ("dismissed", False)
    there.answered(FLAG)
    assert standing(flagged) == ("dismissed", True)
    document = flagged.session(SESSION)
    assert (document["deciding"], document["changes"] >= 6) == (0, True)


def test_a_decision_after_which_the_database_went_away_is_shown_with_the_next_and_not_stored_twice(flagged: Database) -> None:
    here = Here(flagged)

    def away() -> None:
        raise StorageError("away")

    here.then["stored"] = away
    with pytest.raises(StorageError):
        here.decide(FLAG, "confirmed", by="Ann", note="seen")
    assert here.decide(FLAG, "confirmed", by="Ann", note="seen")["state"] == "confirmed"
    assert ([entry["by"] for entry in here.history(FLAG)], standing(flagged)[0]) == (["Ann"], "confirmed")
    here.then["stored"] = away
    with pytest.raises(StorageError):
        here.decide(FLAG, None, by="Ann")
    assert here.decide(FLAG, None, by="Ann")["state"] == "open", "it is taken back, and there is no other"
    here.then["stored"] = away
    with pytest.raises(StorageError):
        here.decide(FLAG, "confirmed", by="Ann")
    assert here.decide(FLAG, "dismissed", by="Ben", reason="other")["state"] == "disputed"
    assert [(entry["by"], entry["decision"]) for entry in here.history(FLAG)] == [
        ("Ann", "confirmed"),
        ("Ann", None),
        ("Ann", "confirmed"),
        ("Ben", "dismissed"),
    ]


def test_a_decision_after_which_the_server_died_is_shown_and_noted_without_another(flagged: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Here(flagged)
    told: list[tuple[str, str]] = []

    def dies() -> None:
        raise StorageError("dies")

    def finish(session_id: str) -> None:
        told.extend((interval["_id"], review["state"]) for interval, review in Reviews(flagged).settle(session_id))

    here.then["stored"] = dies
    with pytest.raises(StorageError):
        here.decide(FLAG, "confirmed", by="Ann", note="seen")
    decided_at = here.history(FLAG)[0]["at"]
    assert flagged.write("student_answers", FLAG, {"session_id": SESSION, "text": "I spoke", "at": decided_at + timedelta(seconds=1)}).wait(10)
    monkeypatch.setattr("records.reviews.NOTED_WITHIN", timedelta(0))
    keeper = FigureKeeper(flagged, finish=finish)
    keeper.settle()
    assert ("number" in (flagged.interval(FLAG).get("review") or {}), told, noted(flagged)) == (False, [], []), "it may be under way"
    keeper.settle()
    assert standing(flagged) == ("confirmed", True)
    assert (told, noted(flagged)) == ([(FLAG, "confirmed")], [("Ann", "review: confirmed", "seen")])
    assert flagged.session(SESSION)["deciding"] == 0
    assert Reviews(flagged).settle(SESSION) == []
    here.decide(FLAG, "confirmed", by="Ann", note="seen")
    assert (len(here.history(FLAG)), len(noted(flagged))) == (2, 1)


def test_a_decision_that_failed_is_noted_though_another_one_followed_at_once(flagged: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    here = Here(flagged)

    def away() -> None:
        raise StorageError("away")

    for by in ("Ann", "Eve"):
        here.then["stored"] = away
        with pytest.raises(StorageError):
            here.decide(FLAG, "confirmed", by=by, note="seen")
        here.decide(FLAG, "dismissed", by="Ben", reason="other")
    flagged.audit({"who": "Eve", "what": "review: confirmed", "video_id": FLAG, "reason": "", "note": "seen"})  # at another server, which is slow
    assert noted(flagged) == [("Eve", "review: confirmed", "seen")], "whoever decided just now may yet note it"
    monkeypatch.setattr("records.reviews.NOTED_WITHIN", timedelta(0))
    for _again in range(2):
        assert Reviews(flagged).settle(SESSION) == []
        assert sorted(noted(flagged)) == [("Ann", "review: confirmed", "seen"), ("Eve", "review: confirmed", "seen")]


def test_a_decision_that_is_noted_behind_a_later_one_of_the_same_person_is_no_alteration(
    flagged: Database, stored: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Here(flagged)

    def away() -> None:
        raise StorageError("away")

    here.then["stored"] = away
    with pytest.raises(StorageError):
        here.decide(FLAG, "confirmed", by="Ann")
    here.decide(FLAG, "dismissed", by="Ann", reason="other")
    flagged.audit({"who": "Ann", "what": "review: dismissed", "video_id": FLAG, "reason": "other", "note": ""})
    monkeypatch.setattr("records.reviews.NOTED_WITHIN", timedelta(0))
    monkeypatch.setattr("records.verification_decisions.YOUNG", timedelta(0))
    Reviews(flagged).settle(SESSION)
    assert [what for _who, what, _note in noted(flagged)] == ["review: confirmed", "review: dismissed"], "newest first"
    assert verify(stored, tmp_path).findings == []


def test_of_two_who_conclude_at_two_servers_the_second_is_told_what_is_in_force(flagged: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there, reviews = Conclusions(flagged), Conclusions(flagged), Reviews(flagged)
    seen = Conclusions._seen

    def meanwhile(do: Callable[[], object]) -> None:
        """Let another server act, once, between what this one reads and what it stores."""
        left = [do]

        def read(self: Conclusions, session_id: str, revision: int) -> Conclusion | None:
            kept = seen(self, session_id, revision)
            if self is here and left:
                left.pop()()
            return kept

        monkeypatch.setattr(Conclusions, "_seen", read)

    meanwhile(lambda: there.conclude(SESSION, "finding", person=BEN, reason="notes", revision=0, four_eyes=True))
    with pytest.raises(Conflict) as caught:
        here.conclude(SESSION, "no_finding", person=ANN, reason="", revision=0, four_eyes=False)
    assert (caught.value.details["reason"], caught.value.details["by"], caught.value.details["revision"]) == ("meanwhile", "Ben", 1)
    meanwhile(lambda: there.second(SESSION, person=EVE, agrees=True, revision=1))
    with pytest.raises(Conflict, match="Eve"):
        here.withdraw(SESSION, person=ANN, reason="a mistake", revision=1)
    meanwhile(lambda: reviews.decide(FLAG, "confirmed", by="Ben"))
    withdrawn = here.withdraw(SESSION, person=ANN, reason="a mistake", revision=2)
    assert [entry["act"] for entry in withdrawn.history] == ["concluded", "agreed", "withdrawn"]
    assert standing(flagged)[0] == "confirmed"
