"""A real S3 server on loopback, and buckets of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.harness.s3 import S3Server
from media.stores.s3 import S3Place


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    pytest.importorskip("boto3", reason="./setup.sh --test installs it")
    server = S3Server(tmp_path_factory.mktemp("s3") / "log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("media.stores.s3.SOON_READ_S", 30)  # one that stands still for some seconds is not away
        yield server
    server.stop()


@pytest.fixture
def s3_place(s3_server: S3Server) -> S3Place:
    """An empty bucket."""
    return s3_server.bucket()
