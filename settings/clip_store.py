"""Where clips and pictures of identity lie once they are made: on this machine, in a shared folder, or on an S3-compatible store."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from settings.everyday import EVERYDAY

BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
PREFIX = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")


class ClipStoreSettings(BaseModel):
    """The store of clips and pictures, and how it is reached."""

    model_config = ConfigDict(title="Store of clips", frozen=True)

    clip_store: Literal["local", "shared", "s3"] = Field(
        default="local",
        description="Where clips and pictures of identity lie: in CLIPS_DIR and IDENTITY_DIR (`local`), in a folder that several servers share "
        "(`shared`), or on an S3-compatible store (`s3`). They are written here first; what the store has whole is deleted here.",
        json_schema_extra=EVERYDAY,
    )
    clip_store_dir: Path | None = Field(
        default=None, description="The folder of CLIP_STORE=shared, which must be there: a mounted one, most likely.", json_schema_extra=EVERYDAY
    )
    s3_endpoint: str = Field(
        default="",
        description="Address of the S3-compatible store (https://s3.uni.example, http://127.0.0.1:9000); empty: Amazon's.",
        json_schema_extra=EVERYDAY,
    )
    s3_bucket: str = Field(
        default="",
        description="The bucket, which must be there, and best for this alone.",
        json_schema_extra=EVERYDAY,
    )
    s3_region: str = Field(
        default="us-east-1",
        pattern=r"^[a-z0-9-]{1,40}$",
        description="The store's region; most but Amazon take any.",
        json_schema_extra=EVERYDAY,
    )
    s3_access_key: str = Field(
        default="",
        max_length=256,
        description="Name of the key. Empty: as Amazon's tools find it (environment, ~/.aws, the machine's role).",
        json_schema_extra=EVERYDAY,
    )
    s3_secret_key: SecretStr = Field(default=SecretStr(""), description="The key that belongs to S3_ACCESS_KEY.", json_schema_extra=EVERYDAY)
    s3_prefix: str = Field(
        default="", max_length=200, description="What names in the bucket begin with (`proctor/2026`).", json_schema_extra=EVERYDAY
    )
    s3_encryption: Literal["", "AES256", "aws:kms"] = Field(
        default="",
        description="How the store is asked to encrypt each file: `AES256` (its own keys) or `aws:kms`. Empty: as the bucket says.",
        json_schema_extra=EVERYDAY,
    )
    s3_kms_key: str = Field(
        default="", max_length=2048, description="The key of S3_ENCRYPTION=aws:kms. Empty: the bucket's.", json_schema_extra=EVERYDAY
    )
    s3_presigned: bool = Field(
        default=False,
        description="Send who watches a clip to the store itself, by an address that holds for 60 s and can be passed on for so long. Saves this "
        "server the bytes; whoever watches must reach S3_ENDPOINT.",
        json_schema_extra=EVERYDAY,
    )

    @field_validator("s3_endpoint")
    @classmethod
    def _is_address(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            right = parts.scheme in ("https", "http") and bool(parts.hostname) and (parts.port or 1) > 0 and parts.path in ("", "/")
        except ValueError:  # a port that is none
            right = False
        if value and not (right and not parts.username and not parts.query):
            raise ValueError("must be https://host or http://host, with a port or without, and nothing behind it; keys go into S3_ACCESS_KEY")
        return value.rstrip("/")

    @field_validator("s3_bucket")
    @classmethod
    def _is_bucket(cls, value: str) -> str:
        if value and not BUCKET.fullmatch(value):
            raise ValueError("must be a bucket's name: 2 to 63 letters, digits, `.`, `_` and `-`")
        return value

    @field_validator("s3_prefix")
    @classmethod
    def _is_prefix(cls, value: str) -> str:
        value = value.strip("/")
        if value and (not PREFIX.fullmatch(value) or ".." in value.split("/")):
            raise ValueError("must be letters, digits, `.`, `_`, `-` and slashes between them")
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> ClipStoreSettings:
        if self.clip_store == "shared" and self.clip_store_dir is None:
            raise ValueError("CLIP_STORE=shared needs CLIP_STORE_DIR: the folder that the servers share")
        if self.clip_store == "s3" and not self.s3_bucket:
            raise ValueError("CLIP_STORE=s3 needs S3_BUCKET")
        if bool(self.s3_access_key) != bool(self.s3_secret_key.get_secret_value()):
            raise ValueError("S3_ACCESS_KEY and S3_SECRET_KEY belong together: set both, or none")
        if self.s3_kms_key and self.s3_encryption != "aws:kms":
            raise ValueError("S3_KMS_KEY is for S3_ENCRYPTION=aws:kms")
        return self
