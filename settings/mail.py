"""The mail server by which students are sent their links."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from basics.texts import _
from settings.everyday import EVERYDAY

PORTS = {"smtp": 587, "smtps": 465}


class MailSettings(BaseModel):
    """Letters to students: by which server, and from whom."""

    model_config = ConfigDict(title="Mail", frozen=True)

    smtp_url: SecretStr = Field(
        default=SecretStr(""),
        description="The mail server: smtp://user:password@host:587 (STARTTLS, required) or smtps://user:password@host:465; one on this machine is "
        "spoken to without TLS. Signs in user or password are written as in addresses (%40 for @). Empty: no letters are sent from here.",
        json_schema_extra=EVERYDAY,
    )
    mail_from: str = Field(
        default="", max_length=254, description="The address from which letters come, such as exams@uni.example.", json_schema_extra=EVERYDAY
    )
    mail_per_min: int = Field(default=60, ge=1, le=6000, description="Letters a minute; mail servers take more for spam.", json_schema_extra=EVERYDAY)

    @field_validator("smtp_url")
    @classmethod
    def _is_mail_server(cls, value: SecretStr) -> SecretStr:
        given = value.get_secret_value()
        if not given:
            return value
        try:
            parts = urlsplit(given)
            is_server = parts.scheme in PORTS and bool(parts.hostname) and (parts.port or 1) > 0 and parts.path in {"", "/"}
        except ValueError:
            is_server = False
        if not is_server:
            raise ValueError(_("must be smtp://host:port or smtps://host:port, with user:password@ in front of the host where it needs them"))
        return value

    @model_validator(mode="after")
    def _has_sender(self) -> MailSettings:
        if self.smtp_url.get_secret_value() and "@" not in self.mail_from:
            raise ValueError("MAIL_FROM is needed where SMTP_URL is set: the address from which letters come, such as exams@uni.example.")
        return self
