"""Pictures of face and card: encoded anew and bounded, decided on by people, and gone with their session."""

from __future__ import annotations

import io
import re
import stat
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from basics.errors import Conflict, InvalidInput, NotFound, StorageError, TooLarge, TooMany
from basics.own_files import open_own
from database import Database
from media.identity_pictures import MOST, SIDE_MAX, IdentityPictures
from media.recorder import Recorder
from records.clip_sweep import ClipSweep
from records.conclusions import Person
from records.exam_removal import delete_some
from records.identity import HISTORY_MAX, IdentityRecords, Request, Whose, days_kept
from records.kept_files import KeptFiles
from records.retention import Retention
from records.spellings import looks_of
from scoring.exam import ExamDefinition
from sessions.face_moments import FIRST_S, PARTS, moments
from settings.keeping import KeepingSettings
from storage.private import make_private
from storage.writes import Ticket

SESSION, OTHER = "b" * 32, "c" * 32
WHOSE = Whose(SESSION, "ann", "e")
ADA, BEN = Person("Ada Byron", "1"), Person("Ben Okri", "2")
START = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
NOTE = b"taken at 52.5200 N, 13.4050 E"


def jpeg(width: int = 320, height: int = 240, *, note: bytes = NOTE, **more: object) -> bytes:
    """A photograph as a telephone writes it, with words beside the picture."""
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x010E] = note.decode()
    Image.new("RGB", (width, height), "teal").save(file, "JPEG", exif=exif, comment=note, **more)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "identity"


@pytest.fixture
def records(database: Database, folder: Path) -> IdentityRecords:
    """With two sessions of the exam `e` that asks for pictures, and one that never began."""
    for session_id, user_id, begun in ((SESSION, "ann", True), (OTHER, "Bob", True), ("d" * 32, "cy", False)):
        fields = {"user_id": user_id, "exam_id": "e", "state": "ended", "begun": begun, "started_at": START, "exam": {"identity_step": True}}
        assert database.write("sessions", session_id, {**fields, **looks_of(user_id, "e")}).wait(10)
    return IdentityRecords(database, KeptFiles(database, folder, folder), lambda _exam: {"ann": "Ann Lee"})


def session() -> dict[str, object]:
    return {"_id": SESSION, "user_id": "ann", "exam_id": "e"}


# Pictures


def test_a_picture_is_kept_without_what_the_camera_wrote_beside_it(records: IdentityRecords, folder: Path) -> None:
    sent = jpeg()
    assert NOTE in sent
    kept = records.keep_jpeg(WHOSE, "face", sent)
    (path,) = folder.iterdir()
    assert path.read_bytes() == records.picture(SESSION, kept.name)
    assert path.name == f"identity-{SESSION}-{kept.name}.jpg"
    assert NOTE not in path.read_bytes()
    with Image.open(path) as image:
        assert not image.getexif()
    document = records.of_session(SESSION)
    assert document is not None
    stored = document["pictures"][kept.name]
    assert (stored["kind"], stored["size"], stored["width"], stored["height"]) == ("face", path.stat().st_size, 320, 240)
    assert (document["session_id"], document["user_id"], document["exam_id"]) == (SESSION, "ann", "e")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_in_the_place_of_a_picture_is_not_followed(records: IdentityRecords, folder: Path, tmp_path: Path) -> None:
    kept = records.keep_jpeg(WHOSE, "face", jpeg())
    (path,) = folder.iterdir()
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"secret")
    path.unlink()
    path.symlink_to(secret)
    with pytest.raises(NotFound):
        records.picture(SESSION, kept.name)
    assert IdentityPictures(folder).path(SESSION, kept.name) is None, "nor is it put into a package"
    with pytest.raises(OSError, match=re.escape(str(path))), open_own(path):
        pass


def test_the_folder_is_its_own_accounts_alone(records: IdentityRecords, folder: Path) -> None:
    make_private([folder])
    records.keep_jpeg(WHOSE, "card", jpeg())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_picture_is_no_larger_than_is_kept(records: IdentityRecords) -> None:
    kept = records.keep_jpeg(WHOSE, "card", jpeg(2000, 1500))
    assert (kept.width, kept.height) == (SIDE_MAX, 1200)


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"no picture", InvalidInput),
        (jpeg(16, 16), InvalidInput),
        (jpeg(progressive=True), InvalidInput),
        (jpeg(2100, 1500), TooLarge),
    ],
)
def test_what_is_no_usable_picture_is_refused_and_leaves_nothing(records: IdentityRecords, folder: Path, sent: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        records.keep_jpeg(WHOSE, "face", sent)
    assert not folder.exists() or not list(folder.iterdir())
    assert records.of_session(SESSION) is None


def test_a_session_has_so_many_pictures_of_a_kind_and_no_more(records: IdentityRecords) -> None:
    for _ in range(MOST["face"]):
        records.keep_jpeg(WHOSE, "face", jpeg(64, 48))
    with pytest.raises(TooMany):
        records.keep_jpeg(WHOSE, "face", jpeg(64, 48))
    records.keep_jpeg(WHOSE, "card", jpeg(64, 48))
    records.keep_jpeg(Whose(OTHER, "bob", "e"), "face", jpeg(64, 48))


def test_a_picture_that_no_record_can_name_is_not_left_behind(records: IdentityRecords, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Ticket()
    refused.resolve(StorageError("refused for good"))
    monkeypatch.setattr(Database, "write", lambda *_args, **_more: refused)
    with pytest.raises(StorageError):
        records.keep_jpeg(WHOSE, "face", jpeg())
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["face-0000000000000000", "../face", f"../../{SESSION}", "", "still-xyz", "."])
def test_nothing_but_pictures_that_are_recorded_is_given(records: IdentityRecords, name: str) -> None:
    records.keep_jpeg(WHOSE, "face", jpeg())
    with pytest.raises(NotFound):
        records.picture(SESSION, name)


def test_a_picture_belongs_to_its_session_alone(records: IdentityRecords) -> None:
    kept = records.keep_jpeg(WHOSE, "face", jpeg())
    with pytest.raises(NotFound):
        records.picture(OTHER, kept.name)


# Decisions


def test_a_changed_mind_keeps_both(records: IdentityRecords) -> None:
    kept = records.keep_jpeg(WHOSE, "face", jpeg())
    first = records.decide(session(), "queried", text="The card is blurred", person=ADA, revision=0)
    assert (first["decision"]["decision"], first["revision"]) == ("queried", 1)
    now = records.decide(session(), "accepted", text="", person=BEN, revision=1)
    assert (now["decision"]["decision"], now["decision"]["by"], now["revision"]) == ("accepted", "Ben Okri", 2)
    assert [(act["decision"], act["text"], act["by"], act["compared"]) for act in now["history"]] == [
        ("queried", "The card is blurred", "Ada Byron", [kept.name]),
        ("accepted", "", "Ben Okri", [kept.name]),
    ]


def test_of_two_who_decide_at_once_the_second_is_told(records: IdentityRecords) -> None:
    records.decide(session(), "accepted", text="", person=ADA, revision=0)
    with pytest.raises(Conflict, match="Ada Byron") as raised:
        records.decide(session(), "queried", text="why", person=BEN, revision=0)
    assert (raised.value.details["reason"], raised.value.details["revision"]) == ("meanwhile", 1)


def test_a_query_needs_a_sentence(records: IdentityRecords) -> None:
    with pytest.raises(InvalidInput):
        records.decide(session(), "queried", text=" ", person=ADA, revision=0)
    assert records.of_session(SESSION) is None


def test_a_session_that_was_decided_on_for_ever_is_full(records: IdentityRecords) -> None:
    for revision in range(HISTORY_MAX):
        records.decide(session(), "accepted", text="", person=ADA, revision=revision)
    with pytest.raises(Conflict):
        records.decide(session(), "accepted", text="", person=ADA, revision=HISTORY_MAX)


def test_pictures_that_come_later_do_not_undo_a_decision(records: IdentityRecords) -> None:
    records.decide(session(), "accepted", text="", person=ADA, revision=0)
    records.keep_still(WHOSE, np.zeros((48, 64, 3), np.uint8), 900.0)
    kept = records.of_session(SESSION)
    assert kept is not None
    assert (kept["decision"]["decision"], [one["kind"] for one in kept["pictures"].values()]) == ("accepted", ["still"])


def test_an_exam_lists_who_was_asked_and_how_each_stands(records: IdentityRecords) -> None:
    records.said(Whose(OTHER, "Bob", "e"), face="unknown", card="unknown", words="")
    records.decide(session(), "accepted", text="", person=ADA, revision=0)
    assert [(row["user_id"], row["name"], row["stands"]) for row in records.of_exam("E")] == [("ann", "Ann Lee", "accepted"), ("Bob", "", "open")]


def test_what_was_asked_for_is_kept_with_its_answer(records: IdentityRecords) -> None:
    request = Request("f" * 32, "room", "Ada Byron", START)
    records.ask(WHOSE, request)
    records.answer(WHOSE, request, "declined", "My child sleeps here")
    kept = records.of_session(SESSION)
    assert kept is not None
    asked = kept["asked"][request.id]
    assert (asked["what"], asked["by"], asked["answer"], asked["words"]) == ("room", "Ada Byron", "declined", "My child sleeps here")


# How long


def test_pictures_go_with_their_session_and_no_others(records: IdentityRecords, database: Database, folder: Path, tmp_path: Path) -> None:
    for whose in (WHOSE, Whose(OTHER, "bob", "e")):
        records.keep_jpeg(whose, "face", jpeg())
    clips, temp = tmp_path / "clips", tmp_path / "temp"
    sweep, recorder = ClipSweep(database, clips, temp), Recorder(clips, temp)
    retention = Retention(database, clips, tmp_path / "stills", 30, clips=sweep, recorder=recorder, identity_dir=folder)
    assert retention.delete_session(SESSION)
    assert [path.name.split("-")[1] for path in folder.iterdir()] == [OTHER]
    assert records.of_session(SESSION) is None
    assert delete_some(database, retention, "e", "no key", []) == 0
    assert list(folder.iterdir()) == []
    with database.reading():
        assert database.collection("identity").count_documents({}) == 0


def test_the_exam_says_for_how_long_and_else_it_is_thirty_days() -> None:
    definition = ExamDefinition(exam_id="e", title="Ethics")
    assert days_kept(definition, KeepingSettings()) == 30
    assert days_kept(definition.model_copy(update={"keep_days": {"identity": 7}}), KeepingSettings()) == 7


# When stills are kept


def test_stills_are_few_spread_out_and_the_same_after_a_restart() -> None:
    found = moments(SESSION, 3600.0)
    assert found == moments(SESSION, 3600.0) != moments(OTHER, 3600.0)
    assert found[0] == FIRST_S
    assert len(found) == PARTS + 1
    assert [int(at // 720) for at in found[1:]] == [0, 1, 2, 3, 4], "one in each fifth"
    assert moments(SESSION, 50.0) == (FIRST_S,), "a short exam has the first alone"
    assert len(moments(SESSION, float("inf"))) == PARTS + 1


def test_a_picture_whose_record_comes_late_is_there_when_it_comes(
    records: IdentityRecords, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away:
        """The database, whose answers take longer than anybody waits."""

        gone = database.gone

        def write(self, *args: Any) -> Ticket:
            database.write(*args)
            return Ticket()

    monkeypatch.setattr("records.identity.STORED_WITHIN_S", 0.1)
    with monkeypatch.context() as patch:
        patch.setattr(records, "_database", Away())
        with pytest.raises(StorageError):
            records.keep_jpeg(WHOSE, "face", jpeg())
    assert database.flush(10)
    (name,) = (records.of_session(SESSION) or {})["pictures"]
    assert records.picture(SESSION, name)[:2] == b"\xff\xd8"


def test_what_a_killed_server_wrote_halves_of_takes_no_room(records: IdentityRecords, folder: Path) -> None:
    folder.mkdir()
    for number in range(MOST["face"]):
        (folder / f"identity-{SESSION}-face-{number:016x}.jpg.part").write_bytes(b"half")
    records.keep_jpeg(WHOSE, "face", jpeg())
