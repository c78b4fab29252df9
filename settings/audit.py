"""Where the audit goes beside the database, so that nobody who has the server alone can rewrite it."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from settings.bounds import long_enough
from settings.everyday import EVERYDAY

SYSLOG_SCHEMES = ("udp", "tcp", "unix")


class AuditSettings(BaseModel):
    """The audit's way out."""

    model_config = ConfigDict(title="Audit", frozen=True)

    audit_syslog: str = Field(
        default="",
        description="Where each entry of the audit goes as a line of JSON, for a SIEM: `udp://host:514`, `tcp://host:601` or `unix:/dev/log`. "
        "Empty: nowhere.",
        json_schema_extra=EVERYDAY,
    )
    audit_webhook: str = Field(
        default="",
        description="Address that is told the head of the audit's chain once a day (place and hash), to be kept where nobody of this server can "
        "change it. Empty: it stands in the log alone.",
        json_schema_extra=EVERYDAY,
    )
    audit_webhook_secret: SecretStr = Field(
        default=SecretStr(""),
        description="Key that signs what AUDIT_WEBHOOK is told (Standard Webhooks: `webhook-signature`), at least 24 characters. Empty: unsigned.",
        json_schema_extra=EVERYDAY,
    )

    @field_validator("audit_syslog")
    @classmethod
    def _check_syslog(cls, value: str) -> str:
        if not value:
            return value
        parts = urlsplit(value)
        try:
            right = parts.scheme in SYSLOG_SCHEMES and bool(parts.path if parts.scheme == "unix" else parts.hostname and parts.port)
        except ValueError:  # a port that is none
            right = False
        if not right:
            raise ValueError("must be udp://host:port, tcp://host:port or unix:/path")
        return value

    @field_validator("audit_webhook")
    @classmethod
    def _check_webhook(cls, value: str) -> str:
        if value and not (value.startswith(("https://", "http://")) and urlsplit(value).hostname):
            raise ValueError("must be an address that begins with https:// (or http://, within your own network)")
        return value

    @field_validator("audit_webhook_secret")
    @classmethod
    def _check_secret(cls, value: SecretStr) -> SecretStr:
        return long_enough(value, "openssl rand -base64 32")
