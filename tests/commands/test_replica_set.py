"""A replica set is set up by a command, once: with its user, an election soon, and nothing done twice."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo.errors import OperationFailure

from commands import replica_set
from storage.mongod import find_mongod
from tests.helpers.waiting import free_port


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[str]:
    """host:port of a mongod with a key file that nobody has set up."""
    port = free_port()
    key = tmp_path / "key"
    key.write_bytes(base64.b64encode(os.urandom(32)))
    key.chmod(0o400)
    (tmp_path / "db").mkdir()
    command = [str(find_mongod()), "--dbpath", str(tmp_path / "db"), "--port", str(port), "--bind_ip", "127.0.0.1", "--nounixsocket"]
    command += ["--replSet", "rs0", "--keyFile", str(key), "--oplogSize", "64", "--wiredTigerCacheSizeGB", "0.25", "--quiet"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    with pymongo.MongoClient[dict[str, Any]]("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=60_000) as client:
        client.admin.command("hello")  # it answers
    yield f"127.0.0.1:{port}"
    process.kill()
    process.wait(60)


def test_a_replica_set_is_made_once_with_its_user(bare: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    here = f"mongodb://{bare}/"
    monkeypatch.setenv("MONGO_PASSWORD", "a password of hers")
    assert replica_set.main([bare], here) == 0
    assert "made the replica set rs0" in capsys.readouterr().out
    with pymongo.MongoClient[dict[str, Any]](here, replicaSet="rs0", username="proctor", password="a password of hers") as client:
        client["exams"]["kept"].with_options(write_concern=pymongo.WriteConcern("majority")).insert_one({"_id": 1})
        assert client.admin.command("replSetGetConfig")["config"]["settings"]["electionTimeoutMillis"] == 2000
    assert replica_set.main([bare], here) == 0
    assert "nothing to do" in capsys.readouterr().out
    monkeypatch.setenv("MONGO_PASSWORD", "another one")
    assert replica_set.main([bare], here) == 1
    assert "Authentication failed" in capsys.readouterr().err
    with pymongo.MongoClient[dict[str, Any]](here, directConnection=True) as stranger, pytest.raises(OperationFailure):
        stranger["exams"]["kept"].find_one()


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_how_it_is_used_is_said(arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("MONGO_PASSWORD", "given")
    assert replica_set.main(arguments) == 2
    assert "usage" in capsys.readouterr().err


def test_it_needs_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONGO_PASSWORD", raising=False)
    assert replica_set.main(["127.0.0.1:1"]) == 2
