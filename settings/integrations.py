"""Other systems: learning platforms, and whoever is told what happens here; which of them may lie within one's own network."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator

from settings.everyday import EVERYDAY

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|[0-9a-f:.]*:[0-9a-f:.]*")


class IntegrationSettings(BaseModel):
    """Other systems: learning platforms, and whoever is told what happens here."""

    model_config = ConfigDict(title="Other systems", frozen=True)

    lti_private_hosts: str = Field(
        default="",
        max_length=4000,
        description="Hosts of learning platforms within your own network, with commas between (moodle.intern.example, 10.0.0.5). Any other is asked "
        "only where its name leads to a public address. A host of this machine that is named here may be asked by plain http.",
        json_schema_extra=EVERYDAY,
    )
    hooks_private_hosts: str = Field(
        default="",
        max_length=4000,
        description="Hosts within your own network that webhooks may be sent to, with commas between, as they stand in the webhooks' addresses "
        "(lms.uni.example, 10.0.0.5). To any other only https is spoken, and only where its name leads to a public address.",
        json_schema_extra=EVERYDAY,
    )
    hooks_keep_days: int = Field(
        default=30,
        ge=4,
        le=365,
        description="Days for which what was told to other systems by webhook is listed, once it was delivered or given up; what waits for a "
        "webhook that is disabled is kept for as long.",
    )

    @property
    def lti_hosts(self) -> frozenset[str]:
        """The hosts of LTI_PRIVATE_HOSTS."""
        return frozenset(_hosts_in(self.lti_private_hosts))

    @property
    def private_hosts(self) -> frozenset[str]:
        """The hosts of HOOKS_PRIVATE_HOSTS."""
        return frozenset(_hosts_in(self.hooks_private_hosts))

    @field_validator("lti_private_hosts", "hooks_private_hosts")
    @classmethod
    def _are_hosts(cls, value: str) -> str:
        for host in _hosts_in(value):
            if not _HOST.fullmatch(host):
                raise ValueError(f"names {host[:80]!r}, which is no host: give names or addresses alone, without https:// and port")
        return value


def _hosts_in(text: str) -> list[str]:
    return [host for part in text.split(",") if (host := part.strip().lower())]
