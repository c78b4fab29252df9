"""A backup is taken beside a running server and brings everything back after it was destroyed; a damaged one, or a place in use, is refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from basics.errors import Conflict, InvalidInput, StorageError
from basics.times import utc_now
from commands.backup import register
from database import Database
from records import backups
from records.backups import back_up, restore
from records.hooks import endpoint_of
from records.outbox import ACT
from records.reader import stored as stored_in
from records.verification import verify
from settings.settings import Settings
from tests.helpers.evidence import store_exam
from tests.helpers.web import settings_for

SESSION = "a" * 32
PICTURE = f"identity-{SESSION}-face-0123456789abcdef.jpg"


@pytest.fixture
def server(database: Database, tmp_path: Path, mongo_uri: str, db_name: str) -> Settings:
    """The settings of a server that runs, with a sealed exam, a key and something kept for a clip."""
    settings = settings_for(tmp_path / "server", mongo_uri=mongo_uri, db_name=db_name)
    store_exam(database, settings.clips_dir, SESSION)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    settings.temp_dir.mkdir(parents=True, exist_ok=True)
    (settings.data_dir / "secret_key").write_text("k" * 40)
    (settings.temp_dir / f"{SESSION}-0.kept").write_bytes(b"pictures")
    settings.identity_dir.mkdir()
    (settings.identity_dir / PICTURE).write_bytes(b"a face")
    return settings


def everything(stored: Any) -> dict[str, list[Any]]:
    return {name: sorted(map(str, stored[name].find())) for name in sorted(stored.list_collection_names()) if stored[name].find_one()}


def destroy(stored: Any) -> None:
    for name in stored.list_collection_names():
        stored[name].delete_many({})


def test_what_was_destroyed_comes_back_whole(server: Settings, stored: Any, tmp_path: Path, mongo_uri: str, db_name: str) -> None:
    before = everything(stored)
    stored.sessions.update_many({}, {"$set": {"on": ["a-server-that-is-gone"]}})
    stored.intervals.update_many({}, {"$set": {"clip.on": "a-server-that-is-gone"}})
    taken = back_up(server, tmp_path / "backup")
    assert taken.documents == sum(len(rows) for rows in before.values())
    clip = next(server.clips_dir.rglob("*.mp4"))
    assert os.stat(clip).st_nlink == 2  # a link takes no room
    destroy(stored)
    for path in server.clips_dir.rglob("*.mp4"):
        path.unlink()
    anew = settings_for(tmp_path / "anew", mongo_uri=mongo_uri, db_name=db_name)
    restore(anew, tmp_path / "backup")
    assert everything(stored) == before, "its files lie here now"
    verified = verify(stored, anew.clips_dir)
    assert (verified.findings, verified.sessions, verified.clips) == ([], 1, 1)
    assert (anew.data_dir / "secret_key").read_text() == "k" * 40
    assert (anew.temp_dir / f"{SESSION}-0.kept").read_bytes() == b"pictures"
    assert (anew.identity_dir / PICTURE).read_bytes() == b"a face"


def test_the_embedded_database_is_backed_up_and_put_back_by_the_commands(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "server")

    def run(*arguments: str) -> str:
        app = Flask(__name__)
        register(app, settings)
        result = app.test_cli_runner().invoke(args=list(arguments))
        assert result.exit_code == 0, result.output
        return result.output

    kept = {"_id": SESSION, "user_id": "ann", "state": "ended"}
    hook = {"_id": "h", "url": "https://hooks.example/", "enabled": True}
    with stored_in(settings) as database:
        database["sessions"].insert_one(kept)
        database["hooks"].insert_one(hook)
        database["edx_installations"].insert_one({"_id": "e", "enabled": True})
        act = {"type": ACT, "endpoint_id": "lti r-1", "session_id": SESSION, "action": "terminate", "made_at": utc_now()}
        taken = {"_id": "taken", "state": "delivered", "last": {"why": ""}, **act}
        database["outbox"].insert_many([{"_id": "waits", "state": "waiting", **act}, taken])
    assert "Backed up: 5 records" in run("backup", str(tmp_path / "backup"))
    with stored_in(settings) as database:
        assert [one["what"] for one in database["command_acts"].find()] == ["backup: taken"], "the server enters it into the audit"
    shutil.rmtree(tmp_path / "server")
    said = run("restore", str(tmp_path / "backup"))
    assert "Put back: 5 records" in said
    assert "Webhooks and Open edX are disabled" in said
    with stored_in(settings) as database:
        assert list(database["sessions"].find()) == [kept]
        assert [(one["what"], one["count"]) for one in database["command_acts"].find()] == [("backup: put back", 5)]
        (found,) = database["hooks"].find()
        assert (endpoint_of(found).enabled, "backup" in endpoint_of(found).disabled_why) == (False, True), "a copy tells nobody anything"
        assert database["edx_installations"].find_one() == {"_id": "e", "enabled": False}
        acts = [(one["state"], one["last"]["why"]) for one in database["outbox"].find().sort("_id")]
        assert acts == [("delivered", ""), ("given_up", "unsure")], "the server that was backed up may have sent it since"


def test_what_is_written_meanwhile_is_of_later(
    server: Settings, stored: Any, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collections are read one after another, and all as of the first."""
    wanted = sum(len(rows) for rows in everything(stored).values())
    sync, writes = os.fsync, []

    def writes_on(handle: int) -> None:
        writes.append(database.write("sessions", os.urandom(16).hex(), {"state": "ended"}).wait(30))
        sync(handle)

    monkeypatch.setattr("records.backups.os.fsync", writes_on)  # after each collection
    assert back_up(server, tmp_path / "backup").documents == wanted
    assert len(writes) > 5
    assert all(writes)


def test_a_backup_that_was_broken_off_is_none_and_is_gone_on_with(server: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "canonical", lambda _manifest: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(StorageError):
        back_up(server, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()
    monkeypatch.undo()
    assert back_up(server, tmp_path / "backup").files > 5
    assert not (tmp_path / "backup.part").exists()
    with pytest.raises(Conflict):
        back_up(server, tmp_path / "backup")


def test_nothing_is_put_back_over_what_is_there_or_beside_a_server_or_from_what_was_damaged(
    server: Settings, stored: Any, tmp_path: Path, mongo_uri: str, db_name: str
) -> None:
    folder = tmp_path / "backup"
    back_up(server, folder)
    with pytest.raises(Conflict):
        restore(server, folder)
    anew = settings_for(tmp_path / "anew", mongo_uri=mongo_uri, db_name=db_name)
    with pytest.raises(Conflict, match="not empty"):
        restore(anew, folder)
    destroy(stored)
    (tmp_path / "away").mkdir()
    used = Database(mongo_uri, "used", anew.data_dir / "spool")
    try:
        with pytest.raises(StorageError, match="in use"):
            restore(anew, folder)
    finally:
        used.stop()
    clip = next((folder / "clips").rglob("*.mp4"))
    data = clip.read_bytes()
    clip.unlink()
    clip.write_bytes(data[:-1] + b"!")
    with pytest.raises(InvalidInput, match="not as it was"):
        restore(anew, folder)
    assert everything(stored) == {}
    (folder / "manifest.json").unlink()
    with pytest.raises(InvalidInput):
        restore(anew, folder)
