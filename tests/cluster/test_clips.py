"""Clips of exams that go from server to server: what one has made nobody writes over; what lies at one that is away is said to, and comes back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from basics.readings import Frame
from basics.times import utc_now
from cluster.membership import DEAD_S
from media.clip import Clip
from media.recorder import Recorder
from sessions.ends import End
from sessions.resume import _store_clip, make_kept_clips
from sessions.session import ExamSession
from storage.marks import marks_of
from tests.helpers.sessions import leave_tab
from tests.helpers.town import House, Town
from tests.helpers.web import error_of, local_client
from web.student.entry import may_enter

CONTENT = b"moving pictures" * 100
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def town(mongo_uri: str, db_name: str, tmp_path: Path) -> Iterator[Town]:
    made = Town((mongo_uri, db_name), tmp_path)
    yield made
    for house in made.houses:
        house.close()


def picture(at: float) -> Frame:
    return Frame(at, cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes(), sequence=int(at * 2))


def keeping(house: House) -> Recorder:
    """The server's recorder, which keeps on the disk what clips are to be made of."""
    recorder = house.monitor.recorder
    recorder._min_free = 0
    recorder.kept.folder.mkdir(parents=True, exist_ok=True)
    recorder.kept.start()
    return recorder


def make_what_waits(house: House) -> None:
    """As the encoder's thread does."""
    recorder = house.monitor.recorder
    while recorder.waiting():
        waiting = recorder._jobs.get_nowait()
        assert waiting is not None
        recorder._take(waiting)
    assert house.database.flush(10)


def store_made(house: House, key: str) -> None:
    """A clip that this server has made of what it kept: the file, then the record."""
    path = house.settings.clips_dir / "ann" / "flagged.mp4"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(CONTENT)
    _store_clip(house.database, key, Clip("ready", "ann/flagged.mp4", SHA256, 4.0, len(CONTENT), on=house.settings.instance_name))
    assert house.database.flush(10)


def test_a_clip_that_the_dead_server_makes_when_it_is_back_stays_whatever_its_successor_has(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    session = a.begin("ann")
    leave_tab(session, 0.01, 0.02, 0.03)
    assert a.database.flush(10)
    key = session.interval_id(0)
    stored = b.database.interval(key)["clip"]
    assert (stored["state"], stored["on"]) == ("pending", "a"), "what it will be made of lies there"
    town.pass_time(DEAD_S + 1, b)
    page = local_client(b.app)
    assert error_of(page.get(f"/api/video/{key}"), 503)["code"] == "file_away", "nobody makes it meanwhile"
    found = may_enter(b.parts, session.session_id)
    assert found is not None
    moved: ExamSession = found[0]
    moved._book.cut_clips(None, moved._clip_done)
    make_what_waits(b)
    told = b.database.interval(key)["clip"]
    assert (told["state"], told["on"]) == ("failed", "a")
    assert "the server a" in told["reason"]
    store_made(a, key)  # under whatever epoch: nobody else has this file

    details = f"/api/session/{session.session_id}/details"
    clip = page.get(details).get_json()["intervals"][0]["clip"]
    assert (clip["state"], clip["url"]) == ("away", None), "the session itself still thinks that there is none"
    assert "the server a" in clip["reason"]
    refused = page.get(f"/api/video/{key}")
    assert error_of(refused, 503)["code"] == "file_away"
    assert int(refused.headers["Retry-After"]) > 0

    b.monitor.end_session(session.session_id, End("student"))  # every interval is stored once more
    make_what_waits(b)
    clip = b.database.interval(key)["clip"]
    assert (clip["state"], clip["sha256"], clip["on"]) == ("ready", SHA256, "a")
    a.serve()
    a.membership.turn()  # it hears that it was taken for dead, and goes on under another name
    town.pass_time(2, a, b)
    assert page.get(details).get_json()["intervals"][0]["clip"]["state"] == "ready"
    assert page.get(f"/api/video/{key}", buffered=True).data == CONTENT


def test_what_two_servers_made_of_one_interval_stays_the_first_ones_and_moved_files_are_not_taken_back(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    session = a.begin("ann")
    leave_tab(session, 0.01, 0.02, 0.03)
    key = session.interval_id(0)
    a.database.is_listened_to = b.database.is_listened_to = True
    store_made(a, key)
    with a.database.reading():  # it was sent to the store
        a.database.collection("intervals").update_one({"_id": key}, {"$set": {"clip.on": ""}})
    _store_clip(b.database, key, Clip("ready", "ann/other.mp4", "b" * 64, on="b"))
    _store_clip(a.database, key, Clip("ready", "ann/flagged.mp4", SHA256, on="a"))  # as a spool that is played back once more
    assert a.database.flush(10)
    assert b.database.flush(10)
    document = a.database.interval(key)
    assert (document["clip"]["path"], document["clip"]["on"]) == ("ann/flagged.mp4", "")
    assert [(mark.kind, mark.data["size_bytes"]) for mark in marks_of(document)] == [("clip.ready", len(CONTENT))], "of the one that stands"


def test_the_moment_that_a_dead_server_kept_takes_the_place_of_a_clip_that_begins_behind_it(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    a, b = town.house("a"), town.house("b")
    recorder, session = keeping(a), a.begin("ann")
    leave_tab(session, 0.01, 0.02, 0.03)
    key = session.interval_id(0)
    assert a.database.flush(10)
    _store_clip(b.database, key, Clip("ready", "ann/behind.mp4", "b" * 64, start=20.0, on="b"))
    assert b.database.flush(10)
    recorder.kept.add(key, [picture(0.0), picture(0.5)])

    def start_again() -> Clip:
        make_kept_clips(a.database, recorder, lambda _session_id: False)
        make_what_waits(a)
        recorder._drop_told()
        return Clip(**a.database.interval(key)["clip"])

    assert a.database.write("sessions", session.session_id, {"sealed_at": utc_now()}).wait(10)
    assert (start_again().on, recorder.kept.has(key)) == ("b", True), "what was sealed is not altered"
    assert f"{key}.kept" in caplog.text
    assert a.database.write("sessions", session.session_id, {"sealed_at": None}).wait(10)
    made = start_again()
    assert (made.state, made.on, made.start, recorder.kept.has(key)) == ("ready", "a", 0.0, False)
    with a.database.reading():
        a.database.collection("intervals").update_one({"_id": key}, {"$set": {"clip.on": "b"}})
    recorder.kept.add(key, [picture(0.0), picture(0.5)])
    assert (start_again().sha256, recorder.kept.has(key)) == (made.sha256, False), "it has the moment"
    recorder.kept.stop()


def test_what_a_server_kept_that_hung_is_made_once_it_lets_its_exam_go(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    recorder, session = keeping(a), a.begin("ann")
    session._clips.add_frame(picture(0.0), 0.0)
    leave_tab(session, 0.01, 0.02, 0.03)
    key = session.interval_id(0)
    assert a.database.flush(10)
    town.pass_time(DEAD_S + 1, b)
    found = may_enter(b.parts, session.session_id)
    assert found is not None
    assert found[0].storage.write("intervals", key, {"revision": 9}).wait(10)
    assert session._store.clip(0, Clip("none")).wait(10)
    assert a.database.interval(key)["clip"]["state"] == "pending", "that none is made is not its to say any more"
    a.monitor.taking.let_go(session)
    make_what_waits(a)
    clip = a.database.interval(key)["clip"]
    assert (clip["state"], clip["on"]) == ("ready", "a"), clip["reason"]
    recorder.kept.stop()


def test_a_clip_that_a_server_made_before_it_heard_that_its_exam_is_anothers_stands_for_one_that_begins_behind_the_moment(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    session = a.begin("ann")
    leave_tab(session, 0.01, 0.02, 0.03)
    key = session.interval_id(0)
    assert a.database.flush(10)
    _store_clip(b.database, key, Clip("ready", "ann/behind.mp4", "b" * 64, start=20.0, on="b"))
    assert b.database.flush(10)
    session._clips.set(0, Clip("ready", "ann/flagged.mp4", SHA256, 4.0, len(CONTENT), on="a"))
    a.monitor.taking.let_go(session)
    assert a.database.flush(10)
    assert a.database.interval(key)["clip"]["on"] == "a"
