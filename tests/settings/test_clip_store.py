"""The settings of the store: what belongs together, and what is refused before anything is sent anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from basics.errors import ConfigError
from settings.settings import load_settings


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"clip_store": "shared"}, "needs CLIP_STORE_DIR"),
        ({"clip_store": "s3"}, "needs S3_BUCKET"),
        ({"clip_store": "ftp"}, "CLIP_STORE"),
        ({"s3_access_key": "a"}, "belong together"),
        ({"s3_secret_key": "a"}, "belong together"),
        ({"s3_kms_key": "a", "s3_encryption": "AES256"}, "S3_KMS_KEY is for"),
        ({"s3_bucket": "../other"}, "S3_BUCKET"),
        ({"s3_prefix": "a/../b"}, "S3_PREFIX"),
        ({"s3_endpoint": "s3.example"}, "S3_ENDPOINT"),
        ({"s3_endpoint": "https://key:secret@s3.example"}, "S3_ENDPOINT"),
        ({"s3_endpoint": "https://s3.example/bucket"}, "S3_ENDPOINT"),
        ({"s3_endpoint": "https://s3.example:port"}, "S3_ENDPOINT"),
    ],
)
def test_what_can_not_work_stops_the_start(given: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong):
        load_settings(_env_file=None, **given)


def test_what_belongs_together_is_taken(tmp_path: Path) -> None:
    assert load_settings(_env_file=None, clip_store="shared", clip_store_dir=tmp_path).clip_store_dir == tmp_path
    taken = load_settings(_env_file=None, clip_store="s3", s3_bucket="exams", s3_endpoint="http://127.0.0.1:9000/", s3_prefix="/a/b/")
    assert (taken.s3_endpoint, taken.s3_prefix, taken.clip_store_dir) == ("http://127.0.0.1:9000", "a/b", None)
