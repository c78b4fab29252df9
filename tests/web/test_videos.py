"""Clips as browsers fetch them, and that nothing else is served."""

from __future__ import annotations

import hashlib
import os

import pytest
from flask.testing import FlaskClient

from media.clip_reasons import OF_DISMISSED
from tests.helpers.sessions import UNKNOWN, store_interval
from tests.helpers.web import error_of
from web.parts import Parts


@pytest.fixture
def clip(parts: Parts) -> tuple[str, str, bytes]:
    """A clip that is ready: its id, its path, its bytes."""
    content = bytes(range(256)) * 40
    path = "student123/flagged_2024-10-05T14-30-00_score10.mp4"
    (parts.settings.clips_dir / "student123").mkdir(parents=True)
    (parts.settings.clips_dir / path).write_bytes(content)
    fields = {"state": "ready", "path": path, "sha256": hashlib.sha256(content).hexdigest(), "duration": 40.0, "size_bytes": len(content)}
    return store_interval(parts.database, UNKNOWN, 0, clip=fields), path, content


def test_a_clip_is_served_whole_and_in_ranges(client: FlaskClient, clip: tuple[str, str, bytes]) -> None:
    video_id, path, content = clip
    for url in (f"/api/video/{video_id}", f"/api/video/file/{path}"):
        whole = client.get(url, buffered=True)
        assert (whole.status_code, whole.mimetype, whole.data) == (200, "video/mp4", content)
        assert whole.headers["Accept-Ranges"] == "bytes"
        assert "private" in whole.headers["Cache-Control"]
        assert whole.headers["X-Content-Type-Options"] == "nosniff"
        part = client.get(url, headers={"Range": "bytes=100-199"}, buffered=True)
        assert (part.status_code, part.data) == (206, content[100:200])
        assert part.headers["Content-Range"] == f"bytes 100-199/{len(content)}"
        assert client.get(url, headers={"Range": "bytes=-10"}, buffered=True).data == content[-10:]
        beyond = client.get(url, headers={"Range": f"bytes={len(content)}-"}, buffered=True)
        error_of(beyond, 416)
        assert beyond.headers["Content-Range"] == f"bytes */{len(content)}"
        assert client.get(url, headers={"If-None-Match": whole.headers["ETag"]}, buffered=True).status_code == 304
        head = client.head(url, buffered=True)
        assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(content)))


def test_a_clips_etag_is_its_sum(client: FlaskClient, clip: tuple[str, str, bytes]) -> None:
    with client.get(f"/api/video/{clip[0]}") as answer:
        assert answer.headers["ETag"] == f'"{hashlib.sha256(clip[2]).hexdigest()}"'


def test_a_clip_that_is_not_there_yet_says_when_to_ask_again(client: FlaskClient, parts: Parts) -> None:
    answer = client.get(f"/api/video/{store_interval(parts.database, UNKNOWN, 0, clip={'state': 'pending'})}")
    assert error_of(answer, 404)["code"] == "not_ready"
    assert int(answer.headers["Retry-After"]) > 0


def test_a_clip_that_could_not_be_made_says_why(client: FlaskClient, parts: Parts) -> None:
    failed = store_interval(parts.database, UNKNOWN, 1, clip={"state": "failed", "reason": "the disk is full"})
    assert "the disk is full" in error_of(client.get(f"/api/video/{failed}"), 404)["message"]
    calm = store_interval(parts.database, UNKNOWN, 2, flagged=False)
    assert "not flagged" in error_of(client.get(f"/api/video/{calm}"), 404)["message"]
    over = {"state": "deleted", "path": "student123/over.mp4", "reason": str(OF_DISMISSED) % {"days": 30}}
    deleted = store_interval(parts.database, UNKNOWN, 5, clip=over)
    assert (
        "is deleted: it was kept as long as clips of dismissed flags are (days: 30)" in error_of(client.get(f"/api/video/{deleted}"), 404)["message"]
    )
    gone = store_interval(parts.database, UNKNOWN, 3, clip={"state": "ready", "path": "student123/gone.mp4"})
    assert "student123/gone.mp4" in error_of(client.get(f"/api/video/{gone}"), 404)["message"]
    climbing = store_interval(parts.database, UNKNOWN, 4, clip={"state": "ready", "path": "../../outside.mp4"})
    error_of(client.get(f"/api/video/{climbing}"), 403)


def test_clips_that_are_not_there_are_not_found(client: FlaskClient) -> None:
    for video_id in [f"{UNKNOWN}-9", UNKNOWN, "x", "0" * 5000, "%00", f"{UNKNOWN}--1"]:
        error_of(client.get(f"/api/video/{video_id}"), 404)


OUTSIDE = [
    "../secret.mp4",
    "..%2fsecret.mp4",
    "student123/../../secret.mp4",
    "%2e%2e/%2e%2e/secret.mp4",
    "link/secret.mp4",
    "linked.mp4",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "student123/%00.mp4",
    "student123/notes.txt",
    "student123",
    ".",
    "x" * 5000 + ".mp4",
    "..%5csecret.mp4",
]


def test_nothing_outside_the_folder_of_clips_is_served(client: FlaskClient, parts: Parts, clip: tuple[str, str, bytes]) -> None:
    clips = parts.settings.clips_dir
    (clips.parent / "secret.mp4").write_bytes(b"secret")
    (clips / "student123" / "notes.txt").write_bytes(b"secret")
    os.symlink(clips.parent, clips / "link")
    os.symlink(clips.parent / "secret.mp4", clips / "linked.mp4")
    for path in OUTSIDE:
        answer = client.get(f"/api/video/file/{path}", follow_redirects=True, buffered=True)
        assert answer.status_code in (403, 404), path
        assert b"secret" not in answer.data.replace(b"secret.mp4", b"")
        error_of(answer, answer.status_code)


def test_a_link_in_the_place_of_a_still_is_not_followed(
    client: FlaskClient, parts: Parts, clip: tuple[str, str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("media.clip_stills.take_still", lambda *_given: b"the still")
    secret = parts.settings.clips_dir.parent / "secret.jpg"
    secret.write_bytes(b"secret")
    folder = parts.stills.folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"still-{clip[0]}-{hashlib.sha256(clip[2]).hexdigest()[:12]}-0.jpg").symlink_to(secret)
    session_id, _, index = clip[0].partition("-")
    assert client.get(f"/api/session/{session_id}/still/{index}", buffered=True).data == b"the still"
    assert secret.read_bytes() == b"secret"


def test_a_clip_that_was_changed_on_the_disk_is_no_evidence(client: FlaskClient, parts: Parts, clip: tuple[str, str, bytes]) -> None:
    video_id, path, content = clip
    file = parts.settings.clips_dir / path
    assert client.get(f"/api/video/{video_id}", buffered=True).status_code == 200
    file.write_bytes(content[:-1] + b"!")
    for url in (f"/api/video/{video_id}", f"/api/video/file/{path}"):
        assert "changed" in error_of(client.get(url), 409)["message"]
    assert parts.database.flush(10)
    noted = [entry for entry in parts.database.audit_entries() if entry["what"] == "clip: changed"]
    assert [entry["video_id"] for entry in noted] == [video_id], "once for the change, not for each who asks"
    file.write_bytes(content)
    assert client.get(f"/api/video/{video_id}", buffered=True).data == content
