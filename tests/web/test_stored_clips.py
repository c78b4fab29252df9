"""Clips that lie on an S3 store, as browsers fetch them through the server, or at the store where that is wanted."""

from __future__ import annotations

import hashlib
import zipfile
from datetime import datetime, timezone
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient

from basics.readings import Frame
from bench.harness.s3 import client_of
from media.clip import ClipJob
from media.recorder import Recorder
from media.stores.s3 import S3Place, S3Store
from records.kept_files import COLLECTION
from records.uploads import Uploads
from tests.helpers.sessions import UNKNOWN, store_interval
from tests.helpers.web import MakeApp, error_of, local_client
from web.parts import Parts, parts_of

BEGUN = datetime(2024, 10, 5, 14, 30, tzinfo=timezone.utc)


class Stored:
    """A server whose clips lie in a bucket, with one clip there."""

    def __init__(self, make_app: MakeApp, place: S3Place, **settings: Any) -> None:
        named = {"s3_endpoint": place.endpoint, "s3_bucket": place.bucket, "s3_prefix": place.prefix}
        keys = {"s3_access_key": place.access_key, "s3_secret_key": place.secret_key}
        app = make_app(clip_store="s3", **named, **keys, **settings)
        self.client: FlaskClient = local_client(app)
        self.parts: Parts = parts_of(app)
        self.place = place
        folders = self.parts.settings.clips_dir, self.parts.settings.temp_dir
        shades = [cv2.imencode(".jpg", np.full((48, 64, 3), 20 * number, np.uint8))[1].tobytes() for number in range(8)]
        recorder = Recorder(*folders, min_free_mb=0)
        recorder.temp_dir.mkdir(parents=True)
        clip = recorder.make(
            ClipJob(UNKNOWN, "student123", 0, BEGUN, 10, 0, 4, [Frame(number / 2, shade) for number, shade in enumerate(shades)], [])
        )
        assert clip.state == "ready", clip.reason
        self.path, self.sha256 = clip.path, clip.sha256
        self.content = (folders[0] / clip.path).read_bytes()
        self.video_id = store_interval(self.parts.database, UNKNOWN, 0, clip=clip.to_dict())
        assert Uploads(self.parts.database, self.parts.files, S3Store(place)).send_waiting() == 1
        assert not (folders[0] / clip.path).exists()

    @property
    def key(self) -> str:
        with self.parts.database.reading():
            row = self.parts.database.collection(COLLECTION).find_one({"_id": self.video_id})
        assert row is not None
        return f"{self.place.prefix}/{row['key']}"

    def change(self, content: bytes) -> None:
        client_of(self.place).put_object(Bucket=self.place.bucket, Key=self.key, Body=content)


@pytest.fixture
def stored(make_app: MakeApp, s3_place: S3Place) -> Stored:
    return Stored(make_app, s3_place)


def test_a_stored_clip_is_served_whole_and_in_ranges(stored: Stored) -> None:
    client, content = stored.client, stored.content
    for url in (f"/api/video/{stored.video_id}", f"/api/video/file/{stored.path}"):
        whole = client.get(url, buffered=True)
        assert (whole.status_code, whole.mimetype, whole.data) == (200, "video/mp4", content)
        assert whole.headers["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'
        assert (whole.headers["Accept-Ranges"], whole.headers["Content-Length"]) == ("bytes", str(len(content)))
        assert "no-store" in whole.headers["Cache-Control"]
        part = client.get(url, headers={"Range": "bytes=100-199"}, buffered=True)
        assert (part.status_code, part.data) == (206, content[100:200])
        assert part.headers["Content-Range"] == f"bytes 100-199/{len(content)}"
        assert client.get(url, headers={"Range": "bytes=-10"}, buffered=True).data == content[-10:]
        beyond = client.get(url, headers={"Range": f"bytes={len(content)}-"}, buffered=True)
        error_of(beyond, 416)
        assert beyond.headers["Content-Range"] == f"bytes */{len(content)}"
        assert client.get(url, headers={"If-None-Match": whole.headers["ETag"]}, buffered=True).status_code == 304
        for etag, status in ((whole.headers["ETag"], 206), ('"another"', 200)):
            assert client.get(url, headers={"If-Range": etag, "Range": "bytes=0-9"}, buffered=True).status_code == status
        head = client.head(url, buffered=True)
        assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(content)))
    assert stored.parts.database.flush(10)
    assert "clip: watched" in {entry["what"] for entry in stored.parts.database.audit_entries()}
    error_of(client.get("/api/video/file/student123/none.mp4"), 404)


def test_stills_and_packages_are_made_of_a_stored_clip(stored: Stored) -> None:
    session_id, _dash, index = stored.video_id.partition("-")
    still = stored.client.get(f"/api/session/{session_id}/still/{index}", buffered=True)
    assert (still.status_code, still.data[:2]) == (200, b"\xff\xd8")
    fields = {"user_id": "student123", "state": "ended", "started_at": BEGUN}
    assert stored.parts.database.write("sessions", session_id, fields).wait(10)
    answer = stored.client.get(f"/api/session/{session_id}/package", buffered=True)
    with zipfile.ZipFile(BytesIO(answer.data)) as package:
        assert package.read(f"clips/{stored.video_id}.mp4") == stored.content


def test_a_clip_that_was_changed_on_the_store_is_no_evidence(stored: Stored) -> None:
    url = f"/api/video/{stored.video_id}"
    assert stored.client.get(url, buffered=True).status_code == 200
    stored.change(stored.content[:-1] + b"!")
    for _ in range(2):
        assert "changed" in error_of(stored.client.get(url), 409)["message"]
    assert stored.parts.database.flush(10)
    noted = [entry for entry in stored.parts.database.audit_entries() if entry["what"] == "clip: changed"]
    assert [entry["video_id"] for entry in noted] == [stored.video_id], "once for the change, not for each who asks"
    stored.change(stored.content)
    assert stored.client.get(url, buffered=True).data == stored.content
    client_of(stored.place).delete_object(Bucket=stored.place.bucket, Key=stored.key)
    error_of(stored.client.get(url), 404)


def test_a_store_that_refuses_is_told_and_no_fault_of_the_callers(stored: Stored) -> None:
    client_of(stored.place).delete_object(Bucket=stored.place.bucket, Key=stored.key)
    client_of(stored.place).delete_bucket(Bucket=stored.place.bucket)
    session_id = stored.video_id.partition("-")[0]
    with stored.parts.database.reading():
        stored.parts.database.collection(COLLECTION).update_one({"_id": stored.video_id}, {"$set": {"key": "../../secret"}})
    assert "no name" in error_of(stored.client.get(f"/api/video/{stored.video_id}"), 503)["message"]
    assert session_id == UNKNOWN


def test_where_it_is_wanted_the_store_gives_the_clip_itself_for_a_minute(make_app: MakeApp, s3_place: S3Place) -> None:
    stored = Stored(make_app, s3_place, s3_presigned=True)
    answer = stored.client.get(f"/api/video/{stored.video_id}")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(f"{s3_place.endpoint}/{s3_place.bucket}/{stored.key}?")
    assert "X-Amz-Expires=60&" in answer.headers["Location"] + "&"
    assert f"media-src 'self' blob: {s3_place.endpoint};" in answer.headers["Content-Security-Policy"]
    import urllib.request

    request = urllib.request.Request(answer.headers["Location"], headers={"Range": "bytes=5-9"})
    with urllib.request.urlopen(request, timeout=30) as part:
        assert (part.status, part.read()) == (206, stored.content[5:10])
    assert stored.parts.database.flush(10)
    assert "clip: watched" in {entry["what"] for entry in stored.parts.database.audit_entries()}
    stored.change(b"other pictures")
    error_of(stored.client.get(f"/api/video/{stored.video_id}"), 409)
