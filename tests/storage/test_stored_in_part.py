"""Records that BSON or MongoDB doesn't take whole: what can be stored of them is, and the operator is told. With a real mongod."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bson
import pytest
from bson.raw_bson import RawBSONDocument

from database import Database
from storage.cleaned import storable
from tests.helpers.databases import PATIENT_S, opened

KNOWN = {"session_id": "s", "number": 0, "acts": {"tab": 1}}


@pytest.mark.parametrize(
    ("odd", "stored", "missing"),
    [
        ({"reason": "a\ud800b"}, {"reason": "a\ufffd\ufffd\ufffdb"}, ["reason"]),
        ({"acts": {"x\udfff": 1, "tab": 2}}, {"acts": {"x\ufffd\ufffd\ufffd": 1, "tab": 2}}, ["acts.x\ufffd\ufffd\ufffd"]),
        ({"marks": [1, 1 << 70, "c"]}, {"marks": [1, None, "c"]}, ["marks.1"]),
        ({"voices": 1 << 70}, {}, ["voices"]),
        ({"voices": object()}, {}, ["voices"]),
        ({1: "a name that is no text"}, {"1": "a name that is no text"}, ["1"]),
        ({"readings": b"x" * 17_000_000}, {}, ["readings"]),
    ],
    ids=["text", "name", "item", "number", "object", "key", "size"],
)
def test_what_can_be_stored_of_a_record_is_and_health_says_what_is_missing(
    mongo_uri: str, db_name: str, tmp_path: Path, odd: Any, stored: Any, missing: list[str]
) -> None:
    with opened(mongo_uri, db_name, tmp_path, PATIENT_S) as database:
        assert database.write("checks", "c", {**KNOWN, **odd}).wait(10)
        assert database.checks("s") == [{"_id": "c", **KNOWN, **stored, "not_stored": missing}]
        health = database.health()
        assert (health["state"], health["stored_in_part"], health["rejected"]) == ("degraded", 1, 0)
        assert "checks/c" in health["reason"]
    assert json.loads((tmp_path / "spool" / "rejected.jsonl").read_text("utf-8"))["id"] == "c"


def test_a_check_record_that_the_database_refuses_is_stored_without_its_readings(mongo_uri: str, db_name: str, tmp_path: Path) -> None:
    with opened(mongo_uri, db_name, tmp_path, PATIENT_S) as database:
        assert database.wait_ready(60)
        database.collection("checks").database.command("collMod", "checks", validator={"readings.gaze": {"$ne": "odd"}})
        records = [{**KNOWN, "number": number, "readings": {"gaze": gaze}} for number, gaze in enumerate(("left", "odd", "up"))]
        tickets = [database.write("checks", f"c{number}", record) for number, record in enumerate(records)]
        assert all(ticket.wait(10) for ticket in tickets)
        found = database.checks("s")
        assert [check.get("readings") for check in found] == [{"gaze": "left"}, None, {"gaze": "up"}]
        assert found[1]["not_stored"] == ["readings"]
        assert database.health()["state"] == "degraded"


def test_text_that_is_no_utf8_in_the_database_is_read(database: Database) -> None:
    raw = bson.encode({"_id": "c", **KNOWN, "reason": "abc"}).replace(b"abc", b"a\xffc")
    database.collection("checks").insert_one(RawBSONDocument(raw))
    assert database.checks("s")[0]["reason"] == "a\ufffdc"


def test_what_is_nested_too_deep_is_left_out() -> None:
    deep: dict[str, Any] = {}
    for _ in range(500):
        deep = {"in": deep}
    kept = storable({"number": 1, "deep": deep}, 1 << 20)
    assert kept["number"] == 1
    assert len(kept["not_stored"]) == 1
