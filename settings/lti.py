"""Learning platforms (LTI 1.3): which of them may be within one's own network."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator

from settings.everyday import EVERYDAY

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|[0-9a-f:.]*:[0-9a-f:.]*")


class LtiSettings(BaseModel):
    """Learning platforms."""

    model_config = ConfigDict(title="Learning platforms", frozen=True)

    lti_private_hosts: str = Field(
        default="",
        max_length=4000,
        description="Hosts of learning platforms within your own network, with commas between (moodle.intern.example, 10.0.0.5). Any other is asked "
        "only where its name leads to a public address. A host of this machine that is named here may be asked by plain http.",
        json_schema_extra=EVERYDAY,
    )

    @property
    def lti_hosts(self) -> frozenset[str]:
        """The hosts of LTI_PRIVATE_HOSTS."""
        return frozenset(host for part in self.lti_private_hosts.split(",") if (host := part.strip().lower()))

    @field_validator("lti_private_hosts")
    @classmethod
    def _are_hosts(cls, value: str) -> str:
        for part in value.split(","):
            host = part.strip().lower()
            if host and not _HOST.fullmatch(host):
                raise ValueError(f"names {host[:80]!r}, which is no host: give names or addresses alone, without https:// and port")
        return value
