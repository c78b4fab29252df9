"""The mark of a setting that an operator or a teacher has a reason to change: it stands in `.env.example`; docs/settings.md has them all."""

from __future__ import annotations

from pydantic.types import JsonValue

EVERYDAY: dict[str, JsonValue] = {"everyday": True}
"""Given to a field as `json_schema_extra=EVERYDAY`."""
