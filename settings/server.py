"""The server: where it listens and keeps things, who may, its database, and what a client may send."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from basics.passwords import why_too_weak
from basics.proxies import parse_proxies
from settings.bounds import long_enough
from settings.everyday import EVERYDAY

OWN_PATHS = frozenset(
    "api static student socket.io texts help login logout invitation people account portal review flagged analytics exams settings".split()  # noqa: SIM905
) | frozenset(("audit", "session", "metrics", "verify", "report", "integrations", "lti", "seb", "hooks", "openedx", "embed"))
"""First parts of the server's own addresses: behind a proxy that strips PUBLIC_URL's path they couldn't be told from it."""


CONFIG_KEYS_MAX = 20
EXAM_ADDRESS = re.compile(r"https?://[A-Za-z0-9.\-]+(:\d{1,5})?([/?#]\S*)?")


class ServerSettings(BaseModel):
    """Where the server listens, and where it keeps things."""

    model_config = ConfigDict(title="Server", frozen=True)

    flask_host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. Loopback needs no account; any other needs PROCTOR_PASSWORD.",
        json_schema_extra=EVERYDAY,
    )
    flask_port: int = Field(default=5000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.", json_schema_extra=EVERYDAY)
    flask_debug: bool = Field(default=False, description="Flask's debug pages. Never on a server that others reach.", json_schema_extra=EVERYDAY)
    socketio_async_mode: Literal["threading", "eventlet"] = Field(
        default="threading", description="How requests are served; `threading` costs least per student's picture.", json_schema_extra=EVERYDAY
    )
    public_url: str = Field(
        default="",
        description="Address at which students reach the server (https://proctor.example.org, or with a path, https://uni.example/proctor), "
        "for portal links; empty: as the caller addressed it.",
        json_schema_extra=EVERYDAY,
    )
    trusted_proxies: str = Field(
        default="",
        description="Web servers in front that are believed when they say who asks (X-Forwarded-For): their number (1), where every caller comes "
        "through them, or their addresses (127.0.0.1, 10.0.0.0/8). Empty: none. Limits and audit count the address so found.",
        json_schema_extra=EVERYDAY,
    )
    page_language: str = Field(
        default="",
        pattern=r"^([a-z]{2,3})?$",
        description="Language of the pages (de, fr, es, pt, ar) where a browser asks for none that there is; empty: English.",
        json_schema_extra=EVERYDAY,
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least level that is logged.", json_schema_extra=EVERYDAY
    )
    log_format: Literal["text", "json"] = Field(
        default="text",
        description="How lines of the log are written: `text`, or `json`, one object a line with session, exam and server, for what collects logs.",
        json_schema_extra=EVERYDAY,
    )
    log_dir: Path = Field(default=Path("logs"), description="Folder of app.log and app_errors.log.", json_schema_extra=EVERYDAY)
    data_dir: Path = Field(
        default=Path("data"), description="Folder of the embedded database, the spool and the server's own key.", json_schema_extra=EVERYDAY
    )
    clips_dir: Path = Field(default=Path("flagged_videos"), description="Folder of the clips of flagged intervals.", json_schema_extra=EVERYDAY)
    identity_dir: Path = Field(
        default=Path("identity"),
        description="Folder of the pictures of students' faces and cards, of exams that ask for them; kept apart from all else.",
        json_schema_extra=EVERYDAY,
    )
    temp_dir: Path = Field(
        default=Path("temp"),
        description="Folder of clips being written; on the same disk as CLIPS_DIR, so that a rename is enough.",
        json_schema_extra=EVERYDAY,
    )

    @field_validator("public_url")
    @classmethod
    def _check_public_url(cls, value: str) -> str:
        found = re.fullmatch(r"https?://(?:[A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?((?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*)/?", value)
        if value and not found:
            raise ValueError("must be https:// or http://, a host's name, and at most a path of letters, digits, `.`, `_`, `~` and `-`")
        if found and found[1] and not 0 < int(found[1]) < 65536:
            raise ValueError(f"has the port {found[1]}; ports are 1 to 65535")
        if found and (first := found[2].partition("/")[2].partition("/")[0]) in OWN_PATHS:
            raise ValueError(f"has a path that begins with /{first}, which is an address of the server's own; choose another, such as /proctor")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, value: str) -> str:
        parse_proxies(value)
        return value


class AccessSettings(BaseModel):
    """Who may do what."""

    model_config = ConfigDict(title="Who may", frozen=True)

    proctor_password: SecretStr = Field(
        default=SecretStr(""),
        description="Password of the user `proctor`, at least 12 characters and none that everybody tries. Empty: only this machine is answered "
        "(protected mode).",
        json_schema_extra=EVERYDAY,
    )
    api_token: SecretStr = Field(
        default=SecretStr(""),
        description="Token for scripts (`Authorization: Bearer …`), at least 24 characters; or its fingerprint, `sha256:…`, so that the token itself "
        "lies nowhere here (`flask --app app token` makes both). Empty: scripts are answered in protected mode only.",
        json_schema_extra=EVERYDAY,
    )
    secret_key: SecretStr = Field(
        default=SecretStr(""),
        description="Key that signs logins and students' links, one for all servers that share a database. Empty: made once and kept in DATA_DIR.",
        json_schema_extra=EVERYDAY,
    )
    portal_open: Literal["auto"] | bool = Field(
        default="auto",
        description="Students may start an exam by their ID alone, which anybody can who knows one; else only by a link that a script or a proctor "
        "made. `auto`: only without a password.",
        json_schema_extra=EVERYDAY,
    )

    anonymous_review: bool = Field(
        default=False,
        description="Show students' ids without the names of the exams' lists, to everybody but on these lists.",
        json_schema_extra=EVERYDAY,
    )

    @field_validator("proctor_password")
    @classmethod
    def _check_password(cls, value: SecretStr) -> SecretStr:
        weakness = why_too_weak(value.get_secret_value()) if value.get_secret_value() else ""
        if weakness:
            raise ValueError(f"{weakness}. Four words that nobody else would put together are good, or: openssl rand -base64 18")
        return value

    @field_validator("api_token")
    @classmethod
    def _check_token(cls, value: SecretStr) -> SecretStr:
        given = value.get_secret_value()
        if given.lower().startswith("sha256:") and not re.fullmatch(r"sha256:[0-9a-f]{64}", given):
            raise ValueError("begins with sha256: and needs 64 hexadecimal digits behind it; make both with: flask --app app token")
        return long_enough(value, "python -c 'import secrets; print(secrets.token_urlsafe(32))'")


class PageSettings(BaseModel):
    """What the students' page shows and asks for."""

    model_config = ConfigDict(title="Students' page", frozen=True)

    screen_capture: Literal["off", "optional", "required"] = Field(
        default="off",
        description="Whether a student's page asks for the screen to be shared, of which stills are then taken.",
        json_schema_extra=EVERYDAY,
    )
    exam_url: str = Field(
        default="",
        description="Address of the exam itself (https://exam.example.org/start), shown in a frame of the students' page; empty: elsewhere. "
        "Copy and paste inside it are noticed only where it is under the portal's own address: browsers keep sites apart.",
        json_schema_extra=EVERYDAY,
    )
    exam_opens: Literal["auto", "frame", "window"] = Field(
        default="auto",
        description="Where EXAM_URL opens: in a `frame` of the students' page, or in a `window` of its own, in which leaving the exam can't be "
        "noticed. `auto`: in a frame, unless the exam's page refuses that, as most learning platforms do; the server asks it.",
        json_schema_extra=EVERYDAY,
    )
    exam_without_link_min: float = Field(
        default=-1,
        ge=-1,
        le=600,
        description="Minutes for which EXAM_URL stays in view in its frame while the student's connection is gone; 0: it is covered at once, "
        "-1: never. It comes back, as it was left, with the connection.",
        json_schema_extra=EVERYDAY,
    )

    exam_place: Literal["page", "paper", "tab", "program"] = Field(
        default="page",
        description="Where the exam itself is, as students are told: `page`: in the frame of EXAM_URL, or where they were told; `paper`: on "
        "paper beside the computer; `tab`: in another tab or window of the browser; `program`: in another program. With `tab` and `program` students "
        "must leave their page, and leaving it counts nothing.",
        json_schema_extra=EVERYDAY,
    )

    seb_config_keys: str = Field(
        default="",
        max_length=2000,
        description="Config Keys of Safe Exam Browser, separated by commas (64 hexadecimal digits each, at most 20), that are allowed in exams which "
        "ask for it and name none of their own; the settings that this server makes for an exam need none.",
        json_schema_extra=EVERYDAY,
    )

    @property
    def config_keys(self) -> tuple[str, ...]:
        """SEB_CONFIG_KEYS, in lower case."""
        return tuple(dict.fromkeys(key for one in self.seb_config_keys.split(",") if (key := one.strip().lower())))

    @property
    def leaving_counts(self) -> bool:
        """Does it count when a student leaves the page? Not where the exam is somewhere else on the computer."""
        return self.exam_place in {"page", "paper"}

    @model_validator(mode="after")
    def _one_place(self) -> PageSettings:
        if self.exam_url and self.exam_place != "page":
            raise ValueError(f"EXAM_PLACE={self.exam_place} says that the exam is elsewhere, and EXAM_URL shows it in the page; leave one out")
        return self

    @field_validator("seb_config_keys")
    @classmethod
    def _check_keys(cls, value: str) -> str:
        keys = [key for one in value.split(",") if (key := one.strip())]
        wrong = [key for key in keys if not re.fullmatch(r"[0-9a-fA-F]{64}", key)]
        if wrong:
            raise ValueError(f"has {wrong[0][:80]!r}, which is no Config Key: one has 64 hexadecimal digits")
        if len(keys) > CONFIG_KEYS_MAX:
            raise ValueError(f"has {len(keys)} keys; at most {CONFIG_KEYS_MAX} are compared")
        return value

    @field_validator("exam_url")
    @classmethod
    def _check_exam_url(cls, value: str) -> str:
        if value and not EXAM_ADDRESS.fullmatch(value):
            raise ValueError("must begin with https:// or http:// and a host's name")
        return value


class DatabaseSettings(BaseModel):
    """Where sessions are stored, and what waits while that is away."""

    model_config = ConfigDict(title="Database", frozen=True)

    mongo_uri: SecretStr = Field(
        default=SecretStr("embedded"),
        description="MongoDB's address, `mongodb+srv` too; `embedded` starts a private one.",
        json_schema_extra=EVERYDAY,
    )
    db_name: str = Field(default="proctoring_db", pattern=r"^[A-Za-z0-9_-]{1,63}$", description="Name of the database.", json_schema_extra=EVERYDAY)
    mongo_timeout_s: float = Field(
        default=3,
        gt=0,
        le=60,
        description="Seconds to wait for the database before a query counts as failed; an outage is to be noticed within 5.",
        json_schema_extra=EVERYDAY,
    )
    spool_max_mb: int = Field(
        default=2048,
        ge=1,
        description="MB that the spool may take on disk while the database is away; about a day of 30 sessions.",
        json_schema_extra=EVERYDAY,
    )
    scrub_at_start_mb: int = Field(
        default=512,
        ge=0,
        description="MB up to which the first start after an erasure writes the embedded database's files anew, so that nothing erased is left in "
        "them. Larger ones wait for `flask --app app scrub`. 0: no start does it.",
    )


class ClientLimits(BaseModel):
    """What is refused before it is read."""

    model_config = ConfigDict(title="Limits on what a client may send", frozen=True)

    max_body_kb: int = Field(
        default=64, ge=4, le=10_240, description="KB of a REST call's body; the largest of the pages' own has 60.", json_schema_extra=EVERYDAY
    )
    max_picture_kb: int = Field(
        default=1024,
        ge=16,
        le=2000,
        description="KB of one picture; one of 640×480 takes about 25. No message of a student's link may have more than 2 MB.",
        json_schema_extra=EVERYDAY,
    )
    max_picture_pixels: int = Field(
        default=4_000_000,
        ge=76_800,
        le=50_000_000,
        description="Pixels of one picture; a larger one is refused before it is decoded.",
        json_schema_extra=EVERYDAY,
    )
