"""Clips are kept of intervals that are flagged, and what became of one stays written."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from media.clip import Clip, ClipJob
from media.clip_reasons import STOPPED
from media.recorder import Done
from sessions.ends import End
from tests.helpers.sessions import create, leave_tab, live, store_interval
from web.parts import Parts


def test_an_interval_whose_points_a_break_took_gets_no_clip_and_nothing_of_it_stays(client: FlaskClient, parts: Parts, student: str) -> None:
    session = live(parts, create(client, student, source="browser"))
    session.begin()
    leave_tab(session, 60.0, 61.0, 62.0)
    key = session.interval_id(2)
    assert parts.monitor.recorder.kept.has(key)
    session.begin_break("proctor")
    session.end_at(120.0, "ended", End("proctor"))
    assert not parts.monitor.recorder.kept.has(key)
    assert parts.database.flush(10)
    interval = parts.database.interval(key)
    assert (interval["flagged"], interval["clip"]["state"]) == (False, "none")


def test_a_clip_that_is_made_in_the_moment_of_the_start_is_not_given_up(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder, session_id = parts.monitor.recorder, "5" * 32
    key = store_interval(parts.database, session_id, 1, clip=Clip("pending").to_dict())
    lost = store_interval(parts.database, session_id, 2, clip=Clip("pending").to_dict())
    assert parts.database.flush(10)
    recorder.kept.add(key, [])

    def at_once(job: ClipJob, done: Done) -> None:
        done(Clip("ready", path="made.mp4"))
        recorder.kept.drop(job.key)

    monkeypatch.setattr(recorder, "submit", at_once)
    pending = parts.database.pending_clips()
    monkeypatch.setattr(parts.database, "pending_clips", lambda: pending)  # as they stood in that moment
    parts.monitor.resume()
    assert parts.database.flush(10)
    assert parts.database.interval(key)["clip"]["state"] == "ready"
    assert parts.database.interval(lost)["clip"]["state"] == "failed"


def test_a_clip_whose_pictures_another_server_keeps_is_given_up_only_until_that_is_back(parts: Parts) -> None:
    session_id, own = "6" * 32, parts.monitor.recorder.server
    kept, lost = (
        store_interval(parts.database, session_id, number, clip=Clip("pending", on=on).to_dict()) for number, on in enumerate(("another", own))
    )
    assert parts.database.flush(10)
    parts.monitor.resume()
    assert parts.database.flush(10)
    assert "the server another" in parts.database.interval(kept)["clip"]["reason"]
    assert parts.database.interval(lost)["clip"]["reason"] == STOPPED
