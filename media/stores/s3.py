"""An S3-compatible store, through boto3, which is loaded when the store is used first."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from basics.errors import ConfigError
from basics.own_files import open_own
from basics.texts import _
from media.stores.base import PIECE, Changed, Held, StoreError, checked

CONNECT_S, READ_S, TRIES = 3, 10, 3
SOON_CONNECT_S, SOON_READ_S = 2, 5  # where somebody waits for an answer, and a thread with him: once, and no longer
CONNECTIONS = 20
KEYS = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied", "403", "InvalidToken", "ExpiredToken", "AllAccessDisabled"})
FULL = frozenset({"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage", "507"})
MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
CLOCK = frozenset({"RequestTimeTooSkewed", "RequestExpired"})
CHANGED = frozenset({"412", "PreconditionFailed", *MISSING})


@dataclass(frozen=True, slots=True)
class S3Place:
    """Where the store is and how it is used, as the settings of the same names say."""

    bucket: str
    endpoint: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    secret_key: str = ""
    prefix: str = ""
    encryption: str = ""
    kms_key: str = ""


class S3Store:
    """A `ClipStore`."""

    name = "s3"

    def __init__(self, place: S3Place) -> None:
        """Raise `ConfigError` where boto3 is not installed."""
        if find_spec("boto3") is None:
            raise ConfigError("CLIP_STORE=s3 needs the package boto3, which is not installed: run ./setup.sh --s3")
        self._place = place
        self._making = threading.Lock()
        self._made: dict[bool, Any] = {}

    def prepare(self, *, empty: bool) -> None:
        with self._said():
            self._client.list_objects_v2(Bucket=self._place.bucket, Prefix=self._begins, MaxKeys=1)

    def put(self, path: Path, key: str, sha256: str) -> None:
        place = self._place
        how = {"ServerSideEncryption": place.encryption} if place.encryption else {}
        how |= {"SSEKMSKeyId": place.kms_key} if place.kms_key else {}
        kind = "video/mp4" if key.endswith(".mp4") else "image/jpeg"
        with open_own(path) as file, self._said():
            self._client.put_object(Bucket=place.bucket, Key=self._whole(key), Body=file, ContentType=kind, Metadata={"sha256": sha256}, **how)

    def stat(self, key: str) -> Held | None:
        from botocore.exceptions import ClientError

        with self._said():
            try:
                found = self._soon.head_object(Bucket=self._place.bucket, Key=self._whole(key))
            except ClientError as error:
                if _code(error) in MISSING:
                    return None
                raise
        return Held(int(found["ContentLength"]), str(found["ETag"]))

    def read(self, key: str, start: int, end: int, version: str = "") -> Iterator[bytes]:
        if start >= end:
            return
        same = {"IfMatch": version} if version else {}
        with self._said():
            found = self._soon.get_object(Bucket=self._place.bucket, Key=self._whole(key), Range=f"bytes={start}-{end - 1}", **same)
            body = found["Body"]
            try:
                while piece := body.read(PIECE):
                    yield piece
            finally:
                body.close()

    def delete(self, key: str) -> None:
        with self._said():
            self._client.delete_object(Bucket=self._place.bucket, Key=self._whole(key))

    def room(self) -> int | None:
        return None

    def listed(self) -> Iterator[str]:
        with self._said():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._place.bucket, Prefix=self._begins)
            for page in pages:
                for found in page.get("Contents") or ():
                    yield str(found["Key"])[len(self._begins) :]

    def address(self, key: str, seconds: int) -> str:
        asked = {
            "Bucket": self._place.bucket,
            "Key": self._whole(key),
            "ResponseContentType": "video/mp4",
            "ResponseCacheControl": "no-store, private",
        }
        with self._said():
            return str(self._client.generate_presigned_url("get_object", Params=asked, ExpiresIn=seconds))

    @property
    def _begins(self) -> str:
        return f"{self._place.prefix}/" if self._place.prefix else ""

    def _whole(self, key: str) -> str:
        return f"{self._begins}{checked(key)}"

    @property
    def _client(self) -> Any:
        return self._kept(soon=False)

    @property
    def _soon(self) -> Any:
        """For what somebody waits for: a store that is away holds a thread for some seconds, not for three times as long as it is given else."""
        return self._kept(soon=True)

    def _kept(self, *, soon: bool) -> Any:
        with self._making:
            if soon not in self._made:
                self._made[soon] = _client_of(self._place, soon=soon)
            return self._made[soon]

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Say what went wrong, and what to do about it."""
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError
        from urllib3.exceptions import HTTPError

        where = self._place.endpoint or "Amazon S3"
        try:
            yield
        except ClientError as error:
            raise _refusal(error, self._place.bucket, where) from error
        except NoCredentialsError as error:
            raise StoreError(_("There is no key for the store %(where)s: set S3_ACCESS_KEY and S3_SECRET_KEY.", where=where)) from error
        except (BotoCoreError, HTTPClientError, HTTPError, OSError) as error:
            raise StoreError(
                _("The store %(where)s does not answer (%(error)s): see whether it runs, and S3_ENDPOINT.", where=where, error=type(error).__name__)
            ) from error


def _client_of(place: S3Place, *, soon: bool) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",  # older servers refuse the newer sums
        response_checksum_validation="when_required",
        connect_timeout=SOON_CONNECT_S if soon else CONNECT_S,
        read_timeout=SOON_READ_S if soon else READ_S,
        retries={"mode": "standard", "total_max_attempts": 1 if soon else TRIES},  # `max_attempts` would not count the first
        max_pool_connections=CONNECTIONS,
        user_agent_extra="proctor",
    )
    return boto3.session.Session().client(
        "s3",
        region_name=place.region,
        endpoint_url=place.endpoint or None,
        aws_access_key_id=place.access_key or None,
        aws_secret_access_key=place.secret_key or None,
        config=config,
    )


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _refusal(error: Any, bucket: str, where: str) -> Exception:
    """What a store's refusal means."""
    code, status = _code(error), str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    if code == "NoSuchBucket":
        return StoreError(_("There is no bucket %(bucket)s on %(where)s: make it, or mend S3_BUCKET.", bucket=bucket, where=where))
    if code in KEYS or status in ("401", "403"):
        what = _("S3_ACCESS_KEY and S3_SECRET_KEY must be right, and may list, read, write and delete in the bucket %(bucket)s", bucket=bucket)
        return StoreError(_("The store %(where)s refuses (%(code)s): %(what)s.", where=where, code=code, what=what))
    if code in FULL or status == "507":
        return StoreError(_("The store %(where)s is full (%(code)s): make room in the bucket %(bucket)s.", where=where, code=code, bucket=bucket))
    if code in CLOCK:
        return StoreError(_("The store %(where)s finds this machine's clock wrong (%(code)s): set it.", where=where, code=code))
    if code in CHANGED:
        return Changed(_("It was changed, or deleted, just now."))
    return StoreError(_("The store %(where)s refuses (%(code)s).", where=where, code=code or status))
