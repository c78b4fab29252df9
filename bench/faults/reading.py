"""What is there after a fault, read from the database and the disk."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import av

from bench.faults.comparison import FoundClip, Kept
from bench.faults.students import NumberedStudent
from bench.harness.server import Server
from bench.harness.stored import stored

WRITTEN_S = 1.0  # from the flag to the first picture on the disk


def read_kept(server: Server, students: Sequence[NumberedStudent]) -> Kept:
    """The acts, decisions and clips that `server` has, which runs, of the sessions of `students`."""
    with stored(server) as records:
        stored_acts = list(records.acts.find())
        decisions = [(review["video_id"], review["note"]) for review in records.reviews.find()]
        intervals = list(records.intervals.find())
    acts = [(act["session_id"], act["_id"].partition(":")[2], act["detail"]) for act in stored_acts]
    counted: dict[str, int] = defaultdict(int)
    for interval in intervals:
        counted[interval["session_id"]] += sum(one["occurrences"] for one in interval["violations"] if one["kind"] == "copy_paste")
    flagged = [one for one in intervals if one["flagged"]]
    clips = [_found(one["_id"], one["clip"], server.clips_dir) for one in flagged]
    for student in students:
        times = {act["_id"].partition(":")[2]: act["at"] for act in stored_acts if act["session_id"] == student.session_id}
        unseen = {one["_id"] for one in flagged if one["session_id"] == student.session_id and not _seen(one, student, times)}
        clips = [replace(clip, unseen=True) if clip.video_id in unseen else clip for clip in clips]
    known = {one["clip"].get("path") for one in intervals}
    files = [path for path in server.clips_dir.rglob("*.mp4") if path.relative_to(server.clips_dir).as_posix() not in known]
    return Kept(acts, counted, decisions, clips, sorted(f"{path.name} ({path.stat().st_size} bytes)" for path in files))


def clips_pending(server: Server) -> int:
    """How many flagged intervals wait for their clip, those whose record says that it is tried again among them."""
    with stored(server) as records:
        return records.intervals.count_documents({"flagged": True, "$or": [{"clip.state": "pending"}, {"clip.reason": {"$regex": "tried again"}}]})


def sessions_running(server: Server) -> int:
    """How many sessions are stored as running."""
    with stored(server) as records:
        return records.sessions.count_documents({"state": "running"})


def _seen(interval: Mapping[str, Any], student: NumberedStudent, acts: Mapping[str, float]) -> bool:
    """Did pictures of it come once it was flagged? What came before was in memory only, and a clip can't be made of what never came."""
    flagged = interval["start"] + (interval["flagged_at"] - interval["started_at"]).total_seconds()
    return student.pictures_between(max(interval["start"], flagged + WRITTEN_S), interval["end"], acts) > 0


def _found(video_id: str, clip: Mapping[str, Any], folder: Path) -> FoundClip:
    problem = ""
    if clip["state"] == "ready":
        problem = _problem(folder / clip["path"], clip)
    return FoundClip(video_id, clip["state"], clip.get("reason", ""), problem)


def _problem(path: Path, clip: Mapping[str, Any]) -> str:
    if not path.is_file():
        return "there is no file"
    data = path.read_bytes()
    if not data:
        return "the file is empty"
    if hashlib.sha256(data).hexdigest() != clip["sha256"]:
        return "the file is another than its record says"
    try:
        with av.open(str(path)) as container:
            whole = sum(1 for _ in container.decode()) > 0
    except (OSError, av.error.FFmpegError) as error:
        return f"the file can't be played ({error})"
    return "" if whole else "the file shows nothing"
