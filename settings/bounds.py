"""What a limit may be beside its own bounds: not more than another one; and how long a secret must be."""

from __future__ import annotations

from pydantic import BaseModel, SecretStr

SECRET_LEAST = 24  # characters


def in_order(model: BaseModel, *pairs: tuple[str, str]) -> None:
    """Raise `ValueError` that names both fields where the first of a pair is greater than the second."""
    for lower, upper in pairs:
        if getattr(model, lower) > getattr(model, upper):
            raise ValueError(f"{lower.upper()}={getattr(model, lower):g} must not be greater than {upper.upper()}={getattr(model, upper):g}")


def long_enough(secret: SecretStr, make: str) -> SecretStr:
    """A secret that nobody guesses, or none. Raise `ValueError` with the command that makes one."""
    if 0 < len(secret.get_secret_value()) < SECRET_LEAST:
        raise ValueError(f"needs at least {SECRET_LEAST} characters; make one with: {make}")
    return secret
