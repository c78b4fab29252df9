"""Every setting of the product, united: read from `.env` and the environment. Each stands once, in its subject's module beside this one."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from basics.errors import ConfigError
from basics.signals import ViolationKind
from settings.afterwards import AfterwardsSettings
from settings.audit import AuditSettings
from settings.clip_store import ClipStoreSettings
from settings.cluster import ClusterSettings
from settings.devices import DeviceSettings
from settings.gaze import GazeLimits
from settings.integrations import IntegrationSettings
from settings.keeping import KeepingSettings
from settings.mail import MailSettings
from settings.models import ModelSettings
from settings.persons import PersonsLimits
from settings.recording import RecordingSettings
from settings.rules import RuleSettings
from settings.server import AccessSettings, ClientLimits, DatabaseSettings, PageSettings, ServerSettings
from settings.sessions import SessionSettings
from settings.sign_in import SignInSettings
from settings.sound import SoundLimits
from settings.traces import TraceSettings


class Settings(
    BaseSettings,
    ServerSettings,
    AccessSettings,
    SignInSettings,
    PageSettings,
    DatabaseSettings,
    ClusterSettings,
    TraceSettings,
    AuditSettings,
    RuleSettings,
    SessionSettings,
    AfterwardsSettings,
    DeviceSettings,
    ModelSettings,
    GazeLimits,
    PersonsLimits,
    SoundLimits,
    RecordingSettings,
    ClipStoreSettings,
    KeepingSettings,
    MailSettings,
    IntegrationSettings,
    ClientLimits,
):
    """The settings in force; they are a `GazeLimits`, a `RuleSettings` and so on, for each part to be handed whole.

    Raise `ConfigError` through `load_settings`, not pydantic's own error.
    """

    model_config = SettingsConfigDict(
        title="Settings", env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True, env_ignore_empty=True
    )

    @property
    def is_protected(self) -> bool:
        """Is this machine's own account alone answered, because nothing says how others would sign in?"""
        return not self.proctor_password.get_secret_value() and self.sign_in == "auto" and not self.oidc_issuer

    @property
    def is_portal_open(self) -> bool:
        """May a student start an exam without a link?"""
        return self.is_protected if self.portal_open == "auto" else self.portal_open

    def points(self) -> dict[ViolationKind, int]:
        """The weights in force: leaving the page counts nothing where the exam itself is elsewhere."""
        return super().points() | ({} if self.leaving_counts else {"tab_switch": 0})


def load_settings(**overrides: Any) -> Settings:
    """The settings from `.env` and the environment, with `overrides` on top. Raise `ConfigError` that names what is wrong."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(problem) for problem in error.errors())) from None


def _explain(problem: Any) -> str:
    name = "_".join(str(part) for part in problem["loc"][:1]).upper()
    if not name:
        return str(problem["msg"]).removeprefix("Value error, ")
    given = "(hidden)" if Settings.model_fields[name.lower()].annotation is SecretStr else repr(problem["input"])
    return f"{name}={given}: {str(problem['msg']).removeprefix('Value error, ')}. {Settings.model_fields[name.lower()].description}"
