"""The audit is one chain, whatever happens on the way to the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from basics.canonical import canonical
from database import Database
from records.verification import check_chain
from records.verified import Verified
from storage.audit_chain import FIRST_PREV, body_of, hash_of, linked
from tests.helpers.databases import PATIENT_S, START, all_stored, answered, frozen, opened
from tests.helpers.waiting import until

Entries = list[dict[str, Any]]


def chain(stored: Any) -> Entries:
    return list(stored.audit.find({"seq": {"$gt": 0}}).sort("seq", 1))


def checked(stored: Any) -> list[tuple[str, str, str]]:
    verified = Verified()
    check_chain(chain(stored), {"older": 0, "older_sha256": ""}, verified)
    return [(found.kind, found.which, found.wrong) for found in verified.findings if found.which != "before the chain"]


def test_each_entry_names_the_one_before(database: Database, stored: Any) -> None:
    tickets = [database.audit({"who": "ann", "what": f"act {number}", "detail": {"at": START, "list": [1, 2.5, None, "ü"]}}) for number in range(50)]
    assert all_stored(tickets)
    entries = chain(stored)
    assert [entry["seq"] for entry in entries] == list(range(1, 51))
    assert [entry["what"] for entry in entries][:3] == ["act 0", "act 1", "act 2"]
    assert [entry["prev"] for entry in entries] == [FIRST_PREV, *(entry["hash"] for entry in entries[:-1])]
    assert all(entry["body"] == body_of(entry) and entry["hash"] == hash_of(entry) for entry in entries)
    assert checked(stored) == []


def test_what_was_noted_before_there_was_a_chain_is_held_by_its_first_entry(database: Database, stored: Any) -> None:
    stored.audit.insert_many([{"_id": f"old{number}", "at": START, "who": "ann", "what": "review: confirmed"} for number in range(3)])
    assert database.audit({"who": "ben", "what": "now"}).wait(10)
    assert chain(stored)[0]["older"] == 3


def test_a_batch_that_is_sent_again_doubles_nothing(database: Database, stored: Any) -> None:
    assert database.write("audit", "one", {"at": START, "who": "ann", "what": "a"}, insert_only=True).wait(10)
    again = [database.write("audit", name, {"at": START, "who": "ann", "what": name}, insert_only=True) for name in ("one", "two", "one")]
    assert all_stored(again)
    assert [entry["_id"] for entry in chain(stored)] == ["one", "two"]
    assert checked(stored) == []


def test_an_entry_that_waited_in_the_spool_has_its_place(fragile: Any, tmp_path: Path) -> None:
    with opened(fragile.running_uri(), "chained", tmp_path) as database:
        assert database.wait_ready(30)
        assert database.audit({"who": "ann", "what": "before"}).wait(10)
        with frozen(fragile):
            assert database.audit({"who": "ann", "what": "meanwhile"}).wait(30)
        assert database.audit({"who": "ann", "what": "after"}).wait(30)
        assert database.flush(60)
        entries = answered(database.audit_entries)
    assert sorted((entry["seq"], entry["what"]) for entry in entries) == [(1, "before"), (2, "meanwhile"), (3, "after")]


def test_two_servers_chain_into_one(mongo_uri: str, database: Database, db_name: str, stored: Any, tmp_path: Path) -> None:
    with opened(mongo_uri, db_name, tmp_path / "other", PATIENT_S) as other:
        assert other.wait_ready(30)
        tickets = [(database, other)[number % 2].audit({"who": "ann", "what": str(number)}) for number in range(60)]
        assert all_stored(tickets)
        until(lambda: len(chain(stored)) == 60)
    assert checked(stored) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda audit: audit.update_one({"seq": 3}, {"$set": {"who": "eve"}}), ("audit", "3", "its words were altered")),
        (lambda audit: audit.delete_one({"seq": 3}), ("audit", "3", "gone from the chain")),
        (lambda audit: audit.delete_many({"seq": {"$in": [2, 3]}}), ("audit", "2 to 3", "gone from the chain")),
        (lambda audit: audit.update_one({"seq": 3}, {"$set": {"prev": "f" * 64}}), ("audit", "3", "does not follow the entry before it")),
    ],
)
def test_what_was_altered_is_named(database: Database, stored: Any, change: Any, said: tuple[str, str, str]) -> None:
    assert all_stored([database.audit({"who": "ann", "what": f"act {number}"}) for number in range(4)])
    change(stored.audit)
    assert said in checked(stored)


def test_an_entry_that_is_made_to_fit_breaks_the_next(database: Database, stored: Any) -> None:
    assert all_stored([database.audit({"who": "ann", "what": f"act {number}"}) for number in range(4)])
    old = chain(stored)[2]
    forged = linked({"_id": old["_id"], "at": old["at"], "who": "eve", "what": old["what"]}, old["seq"], old["prev"])
    stored.audit.replace_one({"_id": old["_id"]}, forged)
    assert checked(stored) == [("audit", "4", "does not follow the entry before it")]


def test_an_erased_entry_leaves_the_chain_whole(database: Database, stored: Any) -> None:
    assert all_stored([database.audit({"who": "ann", "what": f"act {number}", "user_id": "zoe"}) for number in range(4)])
    stored.audit.update_one({"seq": 3}, {"$unset": {"who": "", "user_id": "", "salt": ""}, "$set": {"erased": True}})
    assert checked(stored) == []


Values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text().map(lambda text: text.replace("\0", "")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc.$ü", min_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("xyz", min_size=1), Values, max_size=4))
def test_a_record_is_written_down_alike_before_and_after_it_was_stored(record: dict[str, Any]) -> None:
    assert canonical(bson.decode(bson.encode(record))) == canonical(record)
