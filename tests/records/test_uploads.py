"""Clips and pictures go to the store, and from here only then; what waits is told; what is to be deleted is deleted wherever it lies."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from basics.errors import Conflict, NotFound
from basics.times import utc_now
from bench.harness.s3 import Relay, S3Server, client_of
from database import Database
from media.clip import Clip
from media.clip_reasons import GONE
from media.identity_pictures import MOST
from media.stores import s3
from media.stores.base import LocalFile, StoredFile, StoreError, sum_of
from media.stores.folder import SharedFolder
from media.stores.s3 import S3Place, S3Store
from records.backups import back_up, restore
from records.identity import Whose
from records.kept_files import COLLECTION, KeptFiles
from records.reader import stored as stored_in
from records.retention_report import survey
from records.stores import PlainStore
from records.uploads import Uploads
from records.verification import verify
from storage.migrations import place_sent_clips
from tests.helpers.evidence import CLIP, store_exam
from tests.helpers.store_machine import Machine
from tests.helpers.waiting import until
from tests.helpers.web import settings_for

SESSION, OTHER = "a" * 32, "b" * 32
SHA256 = hashlib.sha256(CLIP).hexdigest()
FLAG = f"{SESSION}-1"


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (320, 240), "teal").save(file, "JPEG")
    return file.getvalue()


def rows(database: Database) -> dict[str, dict[str, Any]]:
    with database.reading():
        return {row["_id"]: row for row in database.collection(COLLECTION).find()}


@pytest.fixture
def shared(tmp_path: Path) -> SharedFolder:
    (tmp_path / "shared").mkdir()
    store = SharedFolder(tmp_path / "shared")
    store.prepare(empty=True)
    return store


@pytest.fixture(params=["shared", "s3"])
def machine(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Machine:
    """A server with a sealed exam whose clip lies on its disk."""
    store = request.getfixturevalue("shared") if request.param == "shared" else S3Store(request.getfixturevalue("s3_place"))
    made = Machine(database, tmp_path / "one", store)
    store_exam(database, made.folder / "clips", SESSION)
    return made


def test_a_clip_goes_to_the_store_and_is_read_and_deleted_there(machine: Machine) -> None:
    assert isinstance(machine.clip(FLAG), LocalFile)
    assert machine.uploads.send_waiting() == 1
    assert machine.local == []
    assert not any((machine.folder / "clips").iterdir()), "the student's folder is empty, and goes"
    file = machine.clip(FLAG)
    assert isinstance(file, StoredFile)
    assert sum_of(file) == SHA256
    (key,) = machine.store.listed()
    assert key.endswith(f"/{SESSION}/1-{SHA256[:8]}.mp4")
    assert "ann" not in key
    assert machine.uploads.health() == {"state": "ok", "waiting": 0, "waiting_mb": 0.0, "sent": 1, "left": 0, "waiting_s": 0.0}
    assert machine.uploads.send_waiting() == 0
    database = machine.database
    verified = verify(database.collection("audit").database, machine.folder / "clips", files=machine.files)
    assert (verified.clips, verified.findings) == (1, [])
    assert sum(machine.sweep.sweep(settled_s=0).values()) == 0
    assert machine.retention().delete_session(SESSION)
    assert list(machine.store.listed()) == []
    assert rows(database) == {}


def test_pictures_of_identity_go_there_as_well(machine: Machine) -> None:
    whose = Whose(SESSION, "ann", "e")
    kept = [machine.identity.keep_jpeg(whose, "face", jpeg()) for _ in range(2)]
    data = machine.identity.picture(SESSION, kept[0].name)
    assert machine.uploads.send_waiting() == 3
    assert machine.local == []
    assert machine.identity.picture(SESSION, kept[0].name) == data
    assert machine.files.count(SESSION, "face") == 2
    for _ in range(MOST["face"] - 2):
        machine.identity.keep_jpeg(whose, "face", jpeg())
    with pytest.raises(Exception, match="such pictures already"):
        machine.identity.keep_jpeg(whose, "face", jpeg())
    retention = machine.retention(0, identity=1)
    found = survey(machine.database, retention._times, 0, {"identity": machine.folder / "identity"}, utc_now())
    assert next(one.kept for one in found.kinds if one.kind == "identity") == MOST["face"]
    machine.uploads.send_waiting()
    retention.sweep(utc_now())
    assert [key for key in machine.store.listed() if "identity" in key] == []
    assert machine.identity.of_session(SESSION)["pictures_deleted_at"] is not None  # type: ignore[index]
    assert sum_of(machine.clip(FLAG) or pytest.fail("the clip went with them")) == SHA256


def test_a_picture_that_was_changed_or_taken_away_is_not_shown_and_is_named(machine: Machine, tmp_path: Path) -> None:
    kept = machine.identity.keep_jpeg(Whose(SESSION, "ann", "e"), "face", jpeg())
    changed = tmp_path / "changed.jpg"
    changed.write_bytes(jpeg() + b"!")

    def verified() -> tuple[int, list[str]]:
        found = verify(machine.database.collection("audit").database, machine.folder / "clips", files=machine.files)
        return found.pictures, [f"{one.kind} {one.wrong}" for one in found.findings]

    def shown() -> bytes:
        return machine.identity.picture(SESSION, kept.name)

    path = next((machine.folder / "identity").iterdir())
    whole = shown()
    path.write_bytes(changed.read_bytes())
    with pytest.raises(Conflict, match="was changed"):
        shown()
    assert verified() == (0, ["picture was altered"])
    path.write_bytes(whole)
    machine.uploads.send_waiting()
    assert verified() == (1, [])
    (key,) = [one for one in machine.store.listed() if "identity" in one]
    machine.store.put(changed, key, hashlib.sha256(whole).hexdigest())
    with pytest.raises(Conflict, match="was changed"):
        shown()
    assert verified() == (0, ["picture was altered"])
    machine.store.delete(key)
    with pytest.raises(NotFound):
        shown()
    assert verified() == (0, ["picture gone, and no deletion is noted"])
    machine.store.put(changed, key, SHA256)
    assert machine.retention().delete_session(SESSION)
    assert list(machine.store.listed()) == []


def test_a_store_that_is_away_loses_nothing_and_is_told(
    s3_server: S3Server, s3_place: S3Place, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "TRIES", 1)
    monkeypatch.setattr("records.uploads.RETRY_S", (0.05,))
    relay = Relay(s3_server.port)
    machine = Machine(database, tmp_path / "one", S3Store(s3_server.place(s3_place.bucket, relay.port)))
    store_exam(database, machine.folder / "clips", SESSION)
    relay.off()
    machine.uploads.start()
    try:
        told = until(lambda: (health := machine.uploads.health())["state"] != "ok" and health)
        assert (told["state"], told["waiting"]) == ("degraded", 1)
        assert "does not answer" in told["reason"]
        assert "1 file waits on this disk" in told["reason"]
        assert isinstance(machine.clip(FLAG), LocalFile)
        relay.on()
        until(lambda: machine.uploads.health()["sent"] == 1)
        until(lambda: machine.uploads.health()["state"] == "ok")
        assert machine.local == []
        relay.off()
        assert not machine.retention().delete_session(SESSION), "its records stay until the store can delete"
        assert database.session(SESSION)["_id"] == SESSION
        assert database.interval(FLAG)["clip"]["state"] == "ready"
        relay.on()
        machine.files._away = (0.0, "")
        assert machine.retention().delete_session(SESSION)
        assert list(machine.store.listed()) == []
    finally:
        machine.uploads.stop()
        relay.off()


def test_a_restart_in_the_middle_goes_on(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_given: object) -> bool:
        raise StoreError("the server dies here")

    for step in ("_check", "_end"):
        with monkeypatch.context() as patched:
            patched.setattr(machine.uploads, step, dies)
            with pytest.raises(StoreError):
                machine.uploads.send_waiting()
        assert machine.local == [f"{SESSION}.mp4"]
        assert not rows(machine.database)[FLAG]["there"]
        assert isinstance(machine.clip(FLAG), LocalFile)
    again = Uploads(machine.database, machine.files, machine.store)
    assert again.send_waiting() == 1
    assert len(list(machine.store.listed())) == 1


def test_what_comes_back_otherwise_stays_here(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    put = machine.store.put

    def spoil(path: Path, key: str, sha256: str) -> None:
        worse = path.with_suffix(".worse")
        worse.write_bytes(path.read_bytes()[:-1] + b"!")
        put(worse, key, sha256)
        worse.unlink()

    monkeypatch.setattr(machine.store, "put", spoil)
    with pytest.raises(StoreError, match="other bytes"):
        machine.uploads.send_waiting()
    assert machine.local == [f"{SESSION}.mp4"]
    assert list(machine.store.listed()) == []


def test_a_clip_that_was_changed_here_is_not_sent(machine: Machine) -> None:
    (machine.folder / "clips" / "ann" / f"{SESSION}.mp4").write_bytes(b"other pictures")
    assert machine.uploads.send_waiting() == 0
    assert "changed" in machine.uploads.health()["reason"]
    assert list(machine.store.listed()) == []


def test_a_session_deleted_while_its_clip_is_sent_leaves_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    put, copy = machine.store.put, machine.folder / "copy.mp4"
    copy.write_bytes(CLIP)

    def put_and_delete(_path: Path, key: str, sha256: str) -> None:
        assert machine.retention().delete_session(SESSION)
        put(copy, key, sha256)

    monkeypatch.setattr(machine.store, "put", put_and_delete)
    assert machine.uploads.send_waiting() == 0
    assert list(machine.store.listed()) == []
    assert rows(machine.database) == {}
    assert machine.local == []


# Several servers


@pytest.fixture
def two(database: Database, shared: SharedFolder, tmp_path: Path) -> tuple[Machine, Machine]:
    one, other = Machine(database, tmp_path / "one", shared, "1", "one"), Machine(database, tmp_path / "other", shared, "2", "other")
    store_exam(database, one.folder / "clips", SESSION)
    return one, other


def place(database: Database, on: str) -> None:
    with database.reading():
        database.collection("intervals").update_one({"_id": FLAG}, {"$set": {"clip.on": on}})


def test_each_server_reads_what_another_sent_and_says_what_is_still_there(two: tuple[Machine, Machine]) -> None:
    one, other = two
    place(one.database, "one")
    assert other.clip(FLAG) is None
    assert other.files.is_away(one.database.interval(FLAG)["clip"], lambda _name: False)
    assert sum(other.sweep.sweep(settled_s=0).values()) == 0, "nobody takes it for lost"
    one.uploads.send_waiting()
    assert one.database.interval(FLAG)["clip"]["on"] == ""
    assert sum_of(other.clip(FLAG) or pytest.fail("not there")) == SHA256
    assert not other.files.is_away(one.database.interval(FLAG)["clip"], lambda _name: False)


def test_a_server_that_dies_between_the_notes_of_what_it_sent_leaves_a_clip_that_is_served(two: tuple[Machine, Machine]) -> None:
    one, other = two
    place(one.database, "one")
    one.uploads.send_waiting()
    with one.database.reading():  # the record said it, and the list not yet
        one.database.collection(COLLECTION).update_one({"_id": FLAG}, {"$set": {"there": False}})
    assert isinstance(other.clip(FLAG), StoredFile)
    with one.database.reading():  # the other way round, as the release before has it
        one.database.collection(COLLECTION).update_one({"_id": FLAG}, {"$set": {"there": True}})
    place(one.database, "one")
    assert isinstance(other.clip(FLAG), StoredFile)
    other.sweep.sweep(settled_s=0)
    assert other.database.flush(10)
    assert one.database.interval(FLAG)["clip"]["on"] == ""


def test_what_the_release_before_noted_of_sent_clips_is_put_right_once(two: tuple[Machine, Machine]) -> None:
    one, _other = two
    one.uploads.send_waiting()
    place(one.database, "one")
    store_exam(one.database, one.folder / "clips", OTHER, "bob")
    with one.database.reading():
        intervals = one.database.collection("intervals")
        intervals.update_one({"_id": f"{OTHER}-1"}, {"$set": {"clip.on": "one"}})
        for _turn in range(2):
            place_sent_clips(intervals.database)
    assert [one.database.interval(key)["clip"]["on"] for key in (FLAG, f"{OTHER}-1")] == ["", "one"]


def test_a_copy_that_is_here_still_is_served_while_the_store_is_away(two: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch) -> None:
    one, _other = two
    one.uploads.send_waiting()
    path = one.folder / "clips" / "ann" / f"{SESSION}.mp4"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(CLIP)

    def away(_key: str) -> None:
        raise StoreError("away")

    monkeypatch.setattr(one.store, "stat", away)
    assert isinstance(one.clip(FLAG), LocalFile)
    path.write_bytes(b"of another exam")
    with pytest.raises(StoreError):
        one.clip(FLAG)


def test_a_file_of_the_same_name_is_neither_served_nor_sent_in_the_place_of_another_servers(two: tuple[Machine, Machine]) -> None:
    one, other = two
    place(one.database, "one")
    path = other.folder / "clips" / "ann" / f"{SESSION}.mp4"
    path.parent.mkdir()
    path.write_bytes(b"what this one made of the interval")
    assert other.clip(FLAG) is None
    assert other.uploads.send_waiting() == 0
    assert other.uploads.health()["state"] == "ok"
    path.write_bytes(CLIP)  # its disk is here
    assert isinstance(other.clip(FLAG), LocalFile)


def test_a_clip_lies_at_the_server_that_its_record_names_until_it_is_sent(two: tuple[Machine, Machine]) -> None:
    one, other = two
    database, folder = other.database, other.folder / "clips"
    with database.reading():
        database.collection("intervals").update_one({"_id": FLAG}, {"$set": {"clip.on": "one"}})

    def verified() -> tuple[int, dict[str, int], list[Any]]:
        found = verify(database.collection("audit").database, folder, files=other.files, names=("other",))
        return found.clips, dict(found.on_others), found.findings

    later = utc_now() + timedelta(days=5)
    assert verified() == (0, {"one": 1}, [])
    other.retention(0, clips_open=1, clips_confirmed=1, clips_dismissed=1).sweep(later)
    assert one.local, "each deletes from its own disk"
    assert one.uploads.send_waiting() == 1
    assert database.interval(FLAG)["clip"]["on"] == ""
    assert verified() == (1, {}, [])
    assert sum(other.sweep.sweep(settled_s=0).values()) == 0
    other.retention(0, clips_open=1, clips_confirmed=1, clips_dismissed=1).sweep(later)
    assert list(one.store.listed()) == []


def test_what_one_server_deletes_goes_from_anothers_disk(two: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = two
    face = one.identity.keep_jpeg(Whose(SESSION, "ann", "e"), "face", jpeg())
    (one.folder / "stills" / f"still-{FLAG}-abc-100.jpg").write_bytes(b"a still")

    def away(*_given: object) -> None:
        raise StoreError("full")

    with monkeypatch.context() as patched:
        patched.setattr(one.store, "put", away)
        for _ in range(2):
            with pytest.raises(StoreError):
                one.uploads.send_waiting()
    assert rows(one.database).keys() == {FLAG, f"identity-{SESSION}-{face.name}"}
    assert other.retention().delete_session(SESSION)
    assert {row["gone"] for row in rows(one.database).values()} == {True}
    assert one.uploads.send_waiting() == 0
    monkeypatch.setattr("records.uploads.mark_of", lambda _path: {"clip": FLAG})
    one.uploads._tidy()
    assert one.local == []
    assert not any((one.folder / "stills").iterdir())
    assert rows(one.database) == {}


def test_a_clip_that_is_gone_from_the_store_is_said(two: tuple[Machine, Machine]) -> None:
    one, _other = two
    store_exam(one.database, one.folder / "clips", OTHER, "bob")
    assert one.uploads.send_waiting() == 2
    one.store.delete(rows(one.database)[FLAG]["key"])
    assert one.sweep.sweep(settled_s=0)["gone"] == 1
    assert one.database.flush(10)
    clip = Clip(**one.database.interval(FLAG)["clip"])
    assert (clip.state, clip.reason) == ("failed", GONE)
    assert one.database.interval(f"{OTHER}-1")["clip"]["state"] == "ready"
    one.store.delete(rows(one.database)[f"{OTHER}-1"]["key"])
    assert one.sweep.sweep(settled_s=0)["gone"] == 0, "nothing of ours is there: it is another store, or an empty one"


def test_a_backup_has_what_is_on_the_store_and_brings_it_here(
    s3_place: S3Place, database: Database, tmp_path: Path, mongo_uri: str, db_name: str
) -> None:
    place = {"s3_endpoint": s3_place.endpoint, "s3_bucket": s3_place.bucket, "s3_prefix": s3_place.prefix, "s3_access_key": s3_place.access_key}
    named = {"mongo_uri": mongo_uri, "db_name": db_name, "clip_store": "s3", "s3_secret_key": s3_place.secret_key, **place}
    machine = Machine(database, tmp_path / "one", S3Store(s3_place))
    store_exam(database, machine.folder / "clips", SESSION)
    face = machine.identity.keep_jpeg(Whose(SESSION, "ann", "e"), "face", jpeg())
    machine.uploads.send_waiting()
    settings = settings_for(tmp_path / "server", **named)
    back_up(settings, tmp_path / "backup")
    assert {path.name for path in (tmp_path / "backup").rglob("*.*4")} == {f"{SESSION}.mp4"}
    client = client_of(s3_place)
    for key in list(machine.store.listed()):
        client.delete_object(Bucket=s3_place.bucket, Key=f"{s3_place.prefix}/{key}")
    with stored_in(settings) as plain:
        for name in plain.list_collection_names():
            plain[name].delete_many({})
        restore(settings, tmp_path / "backup")
        assert rows(database) == {}
        assert verify(plain, settings.clips_dir, files=KeptFiles(PlainStore(plain), settings.clips_dir)).findings == []
    assert (settings.identity_dir / f"identity-{SESSION}-{face.name}.jpg").is_file()
