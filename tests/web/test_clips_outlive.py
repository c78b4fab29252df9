"""Clips outlive the server that was to make them: killed in the middle of a flagged interval, or stopped before it had the time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import pytest

from basics.readings import Frame
from bench.harness.server import Server
from media.kept import unpack
from tests.helpers.exams import QUICK, student
from tests.helpers.waiting import until


def flagged(server: Server, session_id: str) -> list[dict[str, Any]]:
    return [one for one in server.details(session_id)["intervals"] if one["flagged"]]


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_the_clip_of_an_interval_that_was_flagged_is_made_at_the_next_start(tmp_path: Path, end: str) -> None:
    settings = QUICK | {"INTERVAL_DURATION": "60", "CHECK_INTERVAL": "10"}
    with Server(tmp_path, settings) as running:
        client, session_id = student(running, "cut-off")
        acts = [client.act("copy"), client.act("paste")]
        until(lambda: set(acts) <= client.acknowledged)
        kept = until(lambda: list((tmp_path / "temp").glob("*.kept")))[0]
        size = kept.stat().st_size
        until(lambda: kept.stat().st_size > size + 200_000)  # it grows as the interval goes on
        client.close()
        there = sum(isinstance(item, Frame) for item in unpack(kept.read_bytes()))
        running.kill() if end == "kill" else running.stop()
        running.start()
        until(lambda: running.call("GET", "/api/sessions/active")["count"])  # taken up again
        running.call("POST", "/api/session/end", json={"user_id": "cut-off", "exam_id": "exam"})
        (interval,) = until(lambda: [one for one in flagged(running, session_id) if one["clip"]["state"] == "ready"])
        with av.open(str(running.clips_dir / interval["clip"]["path"])) as container:
            assert {stream.type for stream in container.streams} == {"video", "audio"}
            assert sum(1 for _ in container.decode(video=0)) >= there > 2
        until(lambda: not kept.exists())


def test_what_was_never_flagged_never_touches_a_disk(tmp_path: Path) -> None:
    with Server(tmp_path, QUICK) as running:
        client, session_id = student(running, "unflagged")
        until(lambda: [one for one in running.details(session_id)["intervals"] if one["closed"]])
        assert not list((tmp_path / "temp").iterdir())
        assert not list(running.clips_dir.iterdir())
        client.finish()
