"""How people sign in: with accounts of this server's own, and at a provider of their institution (OpenID Connect)."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from basics.group_roles import GroupRole, parse_group_roles
from settings.everyday import EVERYDAY

ISSUER = re.compile(r"https://[A-Za-z0-9.\-]+(:\d{1,5})?(/[^\s?#]*)?|http://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?(/[^\s?#]*)?")


class SignInSettings(BaseModel):
    """How people sign in."""

    model_config = ConfigDict(title="Signing in", frozen=True)

    sign_in: Literal["auto", "accounts"] = Field(
        default="auto",
        description="Who is answered where PROCTOR_PASSWORD is empty: `auto`: this machine's own account only (protected mode), unless OIDC_ISSUER "
        "is set; `accounts`: people who sign in with an account of their own, which `flask --app app users add` makes.",
        json_schema_extra=EVERYDAY,
    )
    login_idle_h: float = Field(
        default=8,
        gt=0,
        le=720,
        description="Hours after which a login that nobody uses ends; a page that watches an exam uses it. A working day: nobody is asked again in "
        "an exam, and a browser left open at night is logged out in the morning.",
        json_schema_extra=EVERYDAY,
    )
    login_max_h: float = Field(
        default=168,
        gt=0,
        le=2160,
        description="Hours after which every login of an account ends, used or not: a week, so that it ends in no exam of the day it began.",
        json_schema_extra=EVERYDAY,
    )
    oidc_issuer: str = Field(
        default="",
        description="Address of the institution's sign-in provider (OpenID Connect), such as https://login.uni.example/realms/uni; empty: none. The "
        "address that the provider must know of this server is PUBLIC_URL with /login/oidc/callback behind it.",
        json_schema_extra=EVERYDAY,
    )
    oidc_client_id: str = Field(default="", description="This server's name at the provider.", json_schema_extra=EVERYDAY)
    oidc_client_secret: SecretStr = Field(
        default=SecretStr(""), description="This server's secret at the provider; empty where it has none.", json_schema_extra=EVERYDAY
    )
    oidc_scope: str = Field(
        default="openid profile email",
        pattern=r"^openid( [\x21\x23-\x5b\x5d-\x7e]+)*$",
        description="What is asked of the provider; some tell a person's groups only where their scope is named here, too.",
        json_schema_extra=EVERYDAY,
    )
    oidc_groups_claim: str = Field(
        default="groups",
        min_length=1,
        max_length=200,
        description="The claim that has a person's groups.",
        json_schema_extra=EVERYDAY,
    )
    oidc_join_claim: str = Field(
        default="email",
        min_length=1,
        max_length=200,
        description="The claim by which somebody comes to an account that an administrator made for them, beside `sub`: one that nobody but the "
        "institution can change. `email` counts where the provider says that it is verified (`email_verified`).",
        json_schema_extra=EVERYDAY,
    )
    oidc_roles: str = Field(
        default="",
        description="Roles that groups give: `staff=teacher; it=administrator`, in one exam `ta-math=proctor@math-101`. They are taken anew at each "
        "sign-in. Roles: administrator, teacher, proctor, officer (accommodations), auditor.",
        json_schema_extra=EVERYDAY,
    )
    oidc_name: str = Field(
        default="",
        max_length=60,
        description="What the login's button calls the provider; empty: its host's name.",
        json_schema_extra=EVERYDAY,
    )

    @property
    def provider_name(self) -> str:
        """What the sign-in provider is called on its button; empty without one."""
        return (self.oidc_name or re.sub(r"^https?://([^/:]+).*$", r"\1", self.oidc_issuer)) if self.oidc_issuer else ""

    def group_roles(self) -> list[GroupRole]:
        """Which roles groups give."""
        return parse_group_roles(self.oidc_roles)

    @field_validator("oidc_issuer")
    @classmethod
    def _check_issuer(cls, value: str) -> str:
        if value and not ISSUER.fullmatch(value):
            raise ValueError("must begin with https:// and a host's name (http:// for this machine only), without ? and #")
        return value

    @field_validator("oidc_roles")
    @classmethod
    def _check_roles(cls, value: str) -> str:
        parse_group_roles(value)
        return value

    @model_validator(mode="after")
    def _named(self) -> SignInSettings:
        if self.oidc_issuer and not self.oidc_client_id:
            raise ValueError("OIDC_ISSUER is set and OIDC_CLIENT_ID is not: register this server at the provider, which gives both id and secret")
        return self
