"""An exam day on the real server, at its own pace: five exams at once from real footage, by every way in, watched and compared with what it holds.

The footage is the minute of two scenarios in which most happens; one is replayed whole, faster than it was, in `tests/bench`.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import pytest

from basics.paths import ROOT
from bench.harness.footage import Scenario
from bench.harness.server import Server
from bench.harness.stored import stored
from bench.harness.student import Footage, StudentClient
from bench.load import footage_of, is_playable
from bench.session import compare, found_kinds
from tests.helpers.display import Display, needs
from tests.helpers.scenarios import part_of
from tests.helpers.waiting import until

BEGIN_S, END_S = 90.0, 150.0  # of the scenarios
LENGTH_S = END_S - BEGIN_S
KEYS = {"tab_switch": "alt+Tab", "copy": "ctrl+c", "paste": "ctrl+v"}


def published_curl(call: str, port: int) -> list[str]:
    """The API page's curl line for `call`, as it stands but for the port."""
    line = next(line for line in (ROOT / "docs" / "api.md").read_text().splitlines() if line.startswith("curl") and f"/api/session/{call}" in line)
    words = re.findall(r"'([^']*)'|\"([^\"]*)\"|(\S+)", line)
    return ["curl", "-s", *["".join(word).replace("localhost:5000", f"localhost:{port}") for word in words][1:]]


def curl(call: str, port: int) -> dict[str, Any]:
    """What the published line answers."""
    answer: dict[str, Any] = json.loads(subprocess.run(published_curl(call, port), capture_output=True, check=True, timeout=60).stdout)
    return answer


@dataclass
class ExamDay:
    """What is left of it when every exam has ended."""

    server: Server
    created: dict[str, Any]
    ended: dict[str, Any]
    details: dict[str, dict[str, Any]]  # by student
    flagged: list[dict[str, Any]]
    watched: list[dict[str, Any]]
    students: dict[str, StudentClient]
    scenarios: dict[str, Scenario]
    active: dict[str, Any]
    documents: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def exam_day(shared_data: Path, models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExamDay]:
    needs("node", "curl", "Xvfb", "xdotool")
    folder = tmp_path_factory.mktemp("exam-day")
    display = Display()
    try:
        with ThreadPoolExecutor() as threads:
            whole = {name: Scenario(shared_data / "scenarios" / name) for name in ("exam-a", "exam-b", "clean-a")}
            made = {name: threads.submit(part_of, whole[name], BEGIN_S, END_S, folder) for name in ("exam-a", "exam-b")}
            parts = {name: part.result() for name, part in made.items()}
        exam_a, exam_b = parts["exam-a"], parts["exam-b"]
        settings = {
            "CAMERA": str(exam_a.folder / "video.mp4"),
            "MICROPHONE": str(exam_a.folder / "audio.flac"),
            "STATIONS": json.dumps({"room-b": {"camera": str(exam_b.folder / "video.mp4"), "microphone": str(exam_b.folder / "audio.flac")}}),
            "SCREEN_HOOKS": "true",
            "MODELS_DIR": str(models_dir),
            "DISPLAY": display.name,
        }
        with ThreadPoolExecutor() as threads:
            footage = threads.submit(sent_footage, exam_a, whole["clean-a"])
            with Server(folder, settings) as server:
                await_models(server)
                yield run_exams(server, display, parts, footage.result())
    finally:
        display.stop()


def await_models(server: Server) -> None:
    wait = threading.Event()
    while server.call("GET", "/api/health")["parts"]["models"]["state"] == "loading":
        wait.wait(0.2)


def sent_footage(exam_a: Scenario, clean_a: Scenario) -> dict[str, Footage]:
    """What each student at a browser sends."""
    clean = footage_of(clean_a, LENGTH_S)
    return {
        "remote-a": footage_of(exam_a, LENGTH_S),
        "remote-h264": footage_of(exam_a, LENGTH_S, "h264"),
        "honest": Footage(clean.frames, clean.sounds, [], clean.duration),
    }


def run_exams(server: Server, display: Display, parts: dict[str, Scenario], remote: dict[str, Footage]) -> ExamDay:
    exam_a = parts["exam-a"]
    created = curl("create", server.port)
    begun = time.monotonic()
    room_b = server.call("POST", "/api/session/create", json={"user_id": "student-b", "exam_id": "exam-b", "source": "local", "station": "room-b"})
    watcher = Watcher(server.url, created["session_id"])
    sessions = {created["user_id"]: created["session_id"], "student-b": room_b["session_id"]}
    students = {}
    for name, footage in remote.items():
        session = server.create(name, "remote")
        sessions[name] = session["session_id"]
        students[name] = StudentClient(f"{server.link_url}?token={session['token']}", footage)
        students[name].start()
    wait = threading.Event()
    for act in exam_a.acts():
        wait.wait(max(0.0, begun + act.at - time.monotonic()))
        display.press("key", KEYS[act.kind])
    wait.wait(max(0.0, begun + LENGTH_S - 2 - time.monotonic()))
    active = server.call("GET", "/api/sessions/active")
    wait.wait(max(0.0, begun + LENGTH_S + 1.5 - time.monotonic()))
    for student in students.values():
        student.finish(30)
    ended = curl("end", server.port)
    server.call("POST", "/api/session/end", json={"user_id": "student-b"})
    while True:
        flagged = server.call("GET", "/api/flagged/all", params={"limit": 100})["flagged"]
        if all(one["clip"]["state"] != "pending" for one in flagged):
            break
        wait.wait(0.5)
    watcher.await_clips({one["video_id"] for one in flagged if one["session_id"] == created["session_id"]})
    watched = watcher.finish()
    day = ExamDay(server, created, ended, {}, flagged, watched, students, parts, active)
    day.details = {name: server.details(session_id) for name, session_id in sessions.items()}
    with stored(server) as database:
        day.documents = {name: list(database[name].find()) for name in ("sessions", "intervals", "checks", "acts")}
    return day


class Watcher:
    """The JavaScript client, and what it heard."""

    def __init__(self, url: str, session_id: str) -> None:
        command = ["node", str(ROOT / "tests" / "js" / "watch.mjs"), url, session_id]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        self._lines: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(json.loads(line))

    def await_clips(self, video_ids: set[str]) -> None:
        """Wait until it has heard that these are ready: the record may say so before it does."""
        until(lambda: video_ids <= self._ready(), what=f"clip_ready of {video_ids}")

    def _ready(self) -> set[str]:
        return {line["message"]["video_id"] for line in list(self._lines) if line["event"] == "clip_ready"}

    def finish(self) -> list[dict[str, Any]]:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._reader.join(60)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return self._lines


def rows(scenario: Scenario, details: dict[str, Any]) -> list[tuple[list[str], bool]]:
    return [(row["found"]["violations"], row["found"]["flagged"]) for row in compare(scenario, details["intervals"])]


def wanted(scenario: Scenario) -> list[tuple[list[str], bool]]:
    return [(interval["violations"], interval["flagged"]) for interval in scenario.expected_intervals()]


def test_the_published_lines_answer_as_published(exam_day: ExamDay) -> None:
    assert exam_day.created["success"] is True
    assert set(exam_day.created) >= {"session_id", "user_id", "exam_id"}
    assert exam_day.ended["session_id"] == exam_day.created["session_id"]
    assert {type(exam_day.ended[name]) for name in ("total_score", "flagged_intervals")} == {int}


@pytest.mark.parametrize(("student", "name"), [("local", "exam-a"), ("remote-a", "exam-a"), ("remote-h264", "exam-a"), ("student-b", "exam-b")])
def test_flags_and_violations_are_what_the_footage_holds(exam_day: ExamDay, student: str, name: str) -> None:
    scenario = exam_day.scenarios[name]
    details = exam_day.details[exam_day.created["user_id"] if student == "local" else student]
    expected = wanted(scenario)
    if (
        name == "exam-b"
    ):  # its acts are a student's at a browser, and this station has no keyboard; who answers does so while the student's voice is learnt
        left_out = {"tab_switch", "copy_paste", "multiple_voices"}
        expected = [([kind for kind in kinds if kind not in left_out], "multiple_faces" in kinds) for kinds, _ in expected]
    found = rows(scenario, details)
    if name == "exam-b":  # looks down at a phone, which has points of its own under the default rules
        found = [
            ([kind for kind in kinds if kind != "prohibited_object"], flagged and kinds != ["gaze_distracted", "prohibited_object"])
            for kinds, flagged in found
        ]
    assert found == expected


def test_an_honest_student_has_no_flag(exam_day: ExamDay) -> None:
    assert exam_day.details["honest"]["session"]["flagged_intervals"] == 0


def test_all_at_once_are_each_served(exam_day: ExamDay) -> None:
    assert exam_day.active["count"] == len(exam_day.details)
    for name, details in exam_day.details.items():
        rates = [check["rates"] for check in details["checks"][1:-1]]
        assert rates, name
        assert min(rate["gaze_fps"] for rate in rates) > 0, name
        assert max(rate["audio_s_per_s"] for rate in rates) > 0.9, name


def test_sessions_do_not_mix(exam_day: ExamDay) -> None:
    for name, details in exam_day.details.items():
        session_id = details["session"]["session_id"]
        assert details["session"]["user_id"] == name
        assert {interval["video_id"].rpartition("-")[0] for interval in details["intervals"]} == {session_id}
    for one in exam_day.flagged:
        assert one["clip"]["path"].startswith(f"{one['user_id']}/")


def test_records_clips_and_answers_agree(exam_day: ExamDay) -> None:
    stored = {document["_id"]: document for document in exam_day.documents["intervals"]}
    in_database = {key for key, document in stored.items() if document["flagged"]}
    by_rest = {one["video_id"] for one in exam_day.flagged}
    on_disk = {path.relative_to(exam_day.server.clips_dir).as_posix() for path in exam_day.server.clips_dir.rglob("*.mp4")}
    assert in_database == by_rest
    assert {one["clip"]["path"] for one in exam_day.flagged} == on_disk
    for one in exam_day.flagged:
        document = stored[one["video_id"]]
        assert document["score"] == one["score"] == sum(violation["points"] for violation in one["violations"])
        assert f"_score{one['score']}" in one["clip"]["path"]
        assert found_kinds(document) == found_kinds(one)
    for details in exam_day.details.values():
        assert details["session"]["total_score"] == sum(interval["score"] for interval in details["intervals"])


def test_every_act_is_stored_once(exam_day: ExamDay) -> None:
    remote = exam_day.students["remote-a"]
    session_id = exam_day.details["remote-a"]["session"]["session_id"]
    stored = [document["_id"].partition(":")[2] for document in exam_day.documents["acts"] if document["session_id"] == session_id]
    assert sorted(stored) == sorted(remote.sent_acts)
    assert remote.acknowledged == set(remote.sent_acts)


def test_clips_hold_picture_and_sound_of_their_time(exam_day: ExamDay) -> None:
    assert exam_day.flagged
    for one in exam_day.flagged:
        path = exam_day.server.clips_dir / one["clip"]["path"]
        assert is_playable(path)
        with av.open(str(path)) as container:
            codecs = {stream.type: stream.codec_context.name for stream in container.streams}
            seconds = float(container.duration or 0) / 1e6
        assert codecs == {"video": "h264", "audio": "aac"}
        assert 30 <= seconds <= 45  # H.264 begins at the key before the pre-roll
        assert path.read_bytes()[4:8] == b"ftyp"
        assert path.read_bytes().index(b"moov") < path.read_bytes().index(b"mdat")


def test_a_standard_client_sees_it_live(exam_day: ExamDay) -> None:
    events: dict[str, list[dict[str, Any]]] = {}
    for line in exam_day.watched:
        events.setdefault(line["event"], []).append(line["message"])
    assert events["joined"] == [{"ok": True}]
    updates = events["monitoring_update"]
    published = {"session_id", "frame", "gaze", "faces", "interval_score", "total_score", "violations", "timestamp"}
    assert all(set(update) >= published for update in updates)
    assert sum(update["frame"] is not None and update["frame"]["jpeg"] for update in updates) > LENGTH_S * 5
    session_id = exam_day.created["session_id"]
    flagged = {one["video_id"] for one in exam_day.flagged if one["session_id"] == session_id}
    assert {message["video_id"] for message in events["interval_flagged"]} == flagged
    assert {message["video_id"] for message in events["clip_ready"]} == flagged
    assert events["session_ended"][0]["total_score"] == exam_day.ended["total_score"]


def test_a_flag_is_raised_in_the_moment_and_not_at_the_interval_s_end(exam_day: ExamDay) -> None:
    session_id = exam_day.created["session_id"]
    first = next(one for one in exam_day.flagged if one["session_id"] == session_id and one["index"] == 0)
    # Nobody is there from 4 s on, and 23 s after its begin the student leaves the tab (../shared/data, exam-a from 90 s on): that flags it.
    assert first["start"] + 22.5 < flagged_after(first) < first["end"] - 1


def flagged_after(interval: dict[str, Any]) -> float:
    from datetime import datetime

    begun = datetime.fromisoformat(interval["started_at"].replace("Z", "+00:00"))
    at = datetime.fromisoformat(interval["flagged_at"].replace("Z", "+00:00"))
    return float(interval["start"]) + (at - begun).total_seconds()
