"""Several servers on one database: what each is called, and how the others reach it."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator

from settings.everyday import EVERYDAY


class ClusterSettings(BaseModel):
    """One server of several that share a database."""

    model_config = ConfigDict(title="Several servers", frozen=True)

    instance_name: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]{0,62})?$",
        description="Name of this server among those that share its database; no two have the same. Empty: the machine's name and some letters that "
        "are kept in DATA_DIR.",
        json_schema_extra=EVERYDAY,
    )
    instance_url: str = Field(
        default="",
        max_length=300,
        description="Address at which the other servers reach this one itself, past any web server in front (http://10.0.0.5:5000). Empty: "
        "none does.",
        json_schema_extra=EVERYDAY,
    )

    route_students_a_key: int = Field(
        default=200,
        ge=20,
        le=5000,
        description="Students of an exam's list whom one server is to have, where several share a database: a longer list is spread over several. "
        "A session stays where its list put it when it began.",
    )

    drain: bool = Field(
        default=False,
        description="Whether a server that is told to end (SIGTERM) drains first: no exam begins, and those that run move to another server, or "
        "end where there is none.",
        json_schema_extra=EVERYDAY,
    )
    drain_s: float = Field(
        default=120.0,
        ge=1,
        le=86400,
        description="Seconds for which it waits for that at most; then it ends, and exams that still run go on at its next start.",
    )

    @field_validator("instance_url")
    @classmethod
    def _check_instance_url(cls, value: str) -> str:
        found = re.fullmatch(r"https?://(?:[A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?/?", value)
        if value and not found:
            raise ValueError("must be http:// or https://, a host's name and a port, without a path")
        if found and found[1] and not 0 < int(found[1]) < 65536:
            raise ValueError(f"has the port {found[1]}; ports are 1 to 65535")
        return value.rstrip("/")
