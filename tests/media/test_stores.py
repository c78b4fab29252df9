"""Stores of clips: a shared folder and a real S3 server give back what they were given, in ranges, and say what is wrong with them."""

from __future__ import annotations

import hashlib
import hmac
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from basics.errors import ConfigError
from bench.harness.s3 import ACCESS_KEY, SECRET_KEY, S3Server, client_of
from media.stores import s3
from media.stores.base import BLOCK, Changed, ClipStore, StoredFile, StoreError, sum_of
from media.stores.folder import HALF_S, SharedFolder
from media.stores.s3 import SOON_CONNECT_S, SOON_READ_S, S3Place, S3Store
from tests.helpers.waiting import free_port, until

SESSION = "a" * 32
KEY, OTHER = f"{'e' * 32}/{SESSION}/3-01234567.mp4", f"no-exam/{SESSION}/identity-face-0123456789abcdef.jpg"
CONTENT = os.urandom(BLOCK + 300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(params=["shared", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ClipStore:
    """An empty store, ready for use."""
    (tmp_path / "shared").mkdir()
    made: ClipStore = SharedFolder(tmp_path / "shared") if request.param == "shared" else S3Store(request.getfixturevalue("s3_place"))
    made.prepare(empty=True)
    return made


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(CONTENT)
    return path


def test_what_is_stored_comes_back_whole_and_in_ranges_and_goes(store: ClipStore, clip: Path) -> None:
    assert store.stat(KEY) is None
    assert list(store.listed()) == []
    for key in (KEY, OTHER):
        store.put(clip, key, SHA256)
    held = store.stat(KEY)
    assert held is not None
    assert held.size == len(CONTENT)
    file = StoredFile(store, KEY, held)
    assert sum_of(file) == SHA256
    assert b"".join(store.read(KEY, 100, 200)) == CONTENT[100:200]
    assert max(map(len, store.read(KEY, 0, len(CONTENT)))) <= 1 << 16
    with file.opened() as reader:
        assert reader.read(10) == CONTENT[:10]
        assert reader.seek(-10, os.SEEK_END) == len(CONTENT) - 10
        assert reader.read() == CONTENT[-10:]
        assert reader.read(10) == b""
        reader.seek(BLOCK - 5)
        assert reader.read(10) == CONTENT[BLOCK - 5 : BLOCK + 5]
    assert sorted(store.listed()) == sorted([KEY, OTHER])
    store.delete(KEY)
    store.delete(KEY)
    assert store.stat(KEY) is None
    assert list(store.listed()) == [OTHER]


def test_what_was_changed_since_it_was_looked_at_is_not_read(store: ClipStore, clip: Path) -> None:
    store.put(clip, KEY, SHA256)
    held = store.stat(KEY)
    assert held is not None
    clip.write_bytes(CONTENT[:-1] + b"!")
    store.put(clip, KEY, "another")
    file = StoredFile(store, KEY, held)
    with pytest.raises(Changed), file.opened() as reader:
        reader.read(10)
    store.delete(KEY)
    with pytest.raises(Changed):
        list(file.pieces())


def test_nothing_else_is_read_or_deleted_whatever_a_record_says(store: ClipStore) -> None:
    for key in ("", "../../secret.mp4", "/etc/passwd", f"{SESSION}/x.mp4", f"{'e' * 32}/{SESSION}/../x.mp4", f"{KEY}/.."):
        with pytest.raises(StoreError, match="no name"):
            store.delete(key)
        with pytest.raises(StoreError, match="no name"):
            store.stat(key)
        with pytest.raises(StoreError, match="no name"):
            list(store.read(key, 0, 1))


# A shared folder


def test_a_folder_that_is_not_mounted_takes_nothing(tmp_path: Path, clip: Path) -> None:
    store = SharedFolder(tmp_path / "shared")
    with pytest.raises(StoreError, match="no folder"):
        store.prepare(empty=True)
    store.folder.mkdir()
    with pytest.raises(StoreError, match="mounted"):
        store.prepare(empty=False)  # the place where it is mounted is empty, and clips lie in it
    with pytest.raises(StoreError, match="mounted"):
        store.put(clip, KEY, SHA256)
    (store.folder / "someone's.txt").write_text("else's")
    with pytest.raises(StoreError, match="mounted"):
        store.prepare(empty=True)


def test_a_folder_whose_disk_is_nearly_full_takes_nothing_and_keeps_the_rest_for_others(
    tmp_path: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shared").mkdir()
    store = SharedFolder(tmp_path / "shared")
    store.prepare(empty=True)
    room = store.room()
    monkeypatch.setattr("media.stores.folder.MIN_FREE_MB", (room >> 20) + 1024)
    with pytest.raises(StoreError, match="make room"):
        store.put(clip, KEY, SHA256)
    assert store.stat(KEY) is None


def test_another_servers_half_file_stays_and_one_of_yesterday_goes(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "shared").mkdir()
    store = SharedFolder(tmp_path / "shared")
    store.prepare(empty=True)
    store.put(clip, KEY, SHA256)
    young, old = (store.folder / f"{OTHER}.{number}.part" for number in (1, 2))
    young.parent.mkdir(parents=True)
    for half in (young, old):
        half.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * HALF_S,) * 2)
    SharedFolder(store.folder).prepare(empty=False)
    assert young.exists()
    assert not old.exists()
    assert list(store.listed()) == [KEY]


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, clip: Path) -> None:
    (tmp_path / "shared").mkdir()
    store = SharedFolder(tmp_path / "shared")
    store.prepare(empty=True)
    (tmp_path / SESSION).mkdir()
    (store.folder / ("e" * 32)).symlink_to(tmp_path)
    with pytest.raises(StoreError, match="leads out"):
        store.put(clip, KEY, SHA256)


# S3


def test_without_boto3_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "find_spec", lambda name: None if name == "boto3" else find_spec(name))
    with pytest.raises(ConfigError, match=r"\./setup\.sh --s3"):
        S3Store(S3Place("clips"))


def test_each_file_is_encrypted_as_asked_and_named_by_its_sum(s3_place: S3Place, clip: Path) -> None:
    S3Store(replace(s3_place, encryption="aws:kms", kms_key="a-key")).put(clip, KEY, SHA256)
    found = client_of(s3_place).head_object(Bucket=s3_place.bucket, Key=f"{s3_place.prefix}/{KEY}")
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"], found["ContentType"]) == ("aws:kms", "a-key", "video/mp4")
    assert found["Metadata"] == {"sha256": SHA256}


def test_wrong_keys_and_a_bucket_that_is_not_there_are_told(s3_server: S3Server, s3_place: S3Place, clip: Path) -> None:
    with pytest.raises(StoreError, match=r"There is no bucket nothing-here on http://127.*S3_BUCKET"):
        S3Store(s3_server.place("nothing-here")).prepare(empty=True)
    store, refused = S3Store(s3_place), r"refuses \(.*S3_ACCESS_KEY and S3_SECRET_KEY must be right"
    s3_server.looks_at_keys(True)
    try:
        with pytest.raises(StoreError, match=refused):
            store.prepare(empty=True)
        with pytest.raises(StoreError, match=refused):
            store.put(clip, KEY, SHA256)
        with pytest.raises(StoreError, match=refused):
            store.stat(KEY)
    finally:
        s3_server.looks_at_keys(False)


class _Full(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = b"<Error><Code>XMinioStorageFull</Code><Message>Storage backend has reached its minimum free drive threshold</Message></Error>"
        self.send_response(507)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def serve() -> Iterator[Callable[[type[BaseHTTPRequestHandler]], int]]:
    """Answers by a handler; gives the port."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def begin(handler: type[BaseHTTPRequestHandler]) -> int:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append((server, threading.Thread(target=server.serve_forever)))
        servers[-1][1].start()
        return server.server_port

    yield begin
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def place_at(port: int) -> S3Place:
    return S3Place("clips", f"http://127.0.0.1:{port}", access_key=ACCESS_KEY, secret_key=SECRET_KEY)


def test_a_full_store_and_one_that_is_away_are_told(
    serve: Callable[[type[BaseHTTPRequestHandler]], int], clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("boto3")
    monkeypatch.setattr(s3, "TRIES", 1)
    with pytest.raises(StoreError, match=r"is full .XMinioStorageFull.: make room in the bucket clips"):
        S3Store(place_at(serve(_Full))).put(clip, KEY, SHA256)
    with pytest.raises(StoreError, match=r"does not answer .EndpointConnectionError"):
        S3Store(place_at(free_port())).put(clip, KEY, SHA256)


def test_who_waits_for_a_store_that_hangs_does_so_once(serve: Callable[[type[BaseHTTPRequestHandler]], int], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("boto3")
    asked: list[str] = []

    class Hangs(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(self.command)
            self.rfile.read(1)  # until the other side has enough of it
            self.close_connection = True

        do_GET = do_HEAD

    monkeypatch.setattr(s3, "SOON_READ_S", 0.2)
    store = S3Store(place_at(serve(Hangs)))
    asks: dict[str, Callable[[], object]] = {"HEAD": lambda: store.stat(KEY), "GET": lambda: list(store.read(KEY, 0, 10))}
    for command, ask in asks.items():
        with pytest.raises(StoreError, match="does not answer"):
            ask()
        until(partial(asked.__contains__, command))  # the store may hear of it when nobody waits any more
    assert asked == ["HEAD", "GET"]
    assert SOON_CONNECT_S + SOON_READ_S < 10


def signed_by_hand(place: S3Place, key: str, at: datetime, seconds: int) -> str:
    """The signature of an address, by the letter of AWS Signature Version 4 (query parameters)."""
    scope = f"{at:%Y%m%d}/{place.region}/s3/aws4_request"
    named = {
        "response-cache-control": "no-store, private",
        "response-content-type": "video/mp4",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{place.access_key}/{scope}",
        "X-Amz-Date": f"{at:%Y%m%dT%H%M%SZ}",
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
    }
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in sorted(named.items()))
    path, host = quote(f"/{place.bucket}/{place.prefix}/{key}"), urlsplit(place.endpoint).netloc
    asked = f"GET\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    text = f"AWS4-HMAC-SHA256\n{at:%Y%m%dT%H%M%SZ}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
    secret = f"AWS4{place.secret_key}".encode()
    for part in (f"{at:%Y%m%d}", place.region, "s3", "aws4_request"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    return hmac.new(secret, text.encode(), "sha256").hexdigest()


def test_an_address_to_pass_on_is_signed_as_the_standard_says_and_ends(s3_server: S3Server) -> None:
    place = s3_server.place("clips")
    parts = urlsplit(S3Store(place).address(KEY, 60))
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
    assert query["X-Amz-Expires"] == "60"
    assert query["X-Amz-Signature"] == signed_by_hand(place, KEY, at, 60)
    assert SECRET_KEY not in parts.query
