"""Writes `.env.example`, `docs/settings.md` and the README's weights: `python -m commands.settings_page` (`--check` only compares)."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from basics.paths import ROOT
from basics.signals import SIGNALS, number
from settings.everyday import EVERYDAY
from settings.rules import RuleSettings
from settings.settings import Settings

ENV_EXAMPLE = ROOT / ".env.example"
PAGE = ROOT / "docs" / "settings.md"
README = ROOT / "README.md"
WEIGHTS_START, WEIGHTS_END = "<!-- weights: written by python -m commands.settings_page -->", "<!-- end of weights -->"
ENV_HEAD = """\
# The settings that people have a reason to change, each with its default; docs/settings.md has all of them.
# Copy to .env (./setup.sh does) and change what you need; an empty value means the default.
# A variable of the same name in the environment goes before this file. A wrong value stops the start and is named.
# Written by `python -m commands.settings_page`.
"""
PAGE_HEAD = """\
# Settings

<!-- Written by python -m commands.settings_page from the models in settings/. -->

Every setting, by subject. Set them in `.env` (made from `.env.example` by the set-up) or in the environment, which goes first; any of them may
stand in `.env`, also those that `.env.example` leaves out. A wrong value stops the start with its name, what was given and what is allowed.
Those in **bold** stand in `.env.example`; the others are measured limits, which `bench/NOTES.md` tells of.
"""


def sections() -> Iterator[tuple[str, dict[str, FieldInfo]]]:
    """The settings by subject: each model that `Settings` unites, in its order, with its title and the fields that are its own."""
    for model in Settings.__mro__[1:]:
        if issubclass(model, BaseModel) and (title := model.model_config.get("title")):
            yield title, {name: field for name, field in model.model_fields.items() if name in model.__annotations__}


def is_everyday(field: FieldInfo) -> bool:
    """Whether a setting stands in `.env.example`."""
    return field.json_schema_extra == EVERYDAY


def default(field: FieldInfo) -> str:
    """The default as it stands in .env: empty for an empty one."""
    value = field.get_default(call_default_factory=True, validated_data={})
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, (int, float)):
        return f"{value:.10g}"
    return str(value) if value else ""


def allowed(field: FieldInfo) -> str:
    """What values are allowed, for people."""
    bounds = {key: getattr(rule, key) for rule in _rules(field) for key in ("ge", "gt", "le", "lt") if getattr(rule, key, None) is not None}
    low = f"{bounds['ge']:,}" if "ge" in bounds else f"above {bounds['gt']:,}" if "gt" in bounds else ""
    high = f"{bounds['le']:,}" if "le" in bounds else ""
    if low or high:
        return f"{low} to {high}" if low and high else f"{low} or more" if "ge" in bounds else low or f"up to {high}"
    return ", ".join(f"`{choice}`" for choice in _choices(field.annotation))


def _choices(kind: Any) -> list[str]:
    """What may be chosen of a type that names it; empty for one that doesn't."""
    if kind is bool:
        return ["true", "false"]
    named: list[Any] = list(get_args(kind))
    if all(isinstance(choice, str) for choice in named):
        return named
    parts = [_choices(part) for part in named]
    return [choice for part in parts for choice in part] if all(parts) else []


def _rules(field: FieldInfo) -> list[Any]:
    """The bounds of a field; pydantic keeps those of an alias like `Points` one level down."""
    found = []
    for rule in field.metadata:
        found += [rule, *getattr(rule, "metadata", [])]
    return found


def env_example() -> str:
    """The text of .env.example."""
    parts = [ENV_HEAD]
    for title, fields in sections():
        parts.append(f"\n# ---- {title} ----\n")
        for name, field in fields.items():
            if not is_everyday(field):
                continue
            limits = allowed(field).replace("`", "")
            comment = f"{field.description} [{limits}]" if limits else str(field.description)
            parts.append(textwrap.fill(comment, 118, initial_indent="# ", subsequent_indent="# ", break_long_words=False, break_on_hyphens=False))
            parts.append(f"\n{name.upper()}={default(field)}\n")
    return "".join(parts)


def page() -> str:
    """The text of docs/settings.md."""
    lines = [PAGE_HEAD]
    for title, fields in sections():
        lines += [f"## {title}", "", "| setting | default | allowed | what it does |", "| --- | --- | --- | --- |"]
        for name, field in fields.items():
            shown = f"`{default(field)}`" if default(field) else "(empty)"
            marked = f"**`{name.upper()}`**" if is_everyday(field) else f"`{name.upper()}`"
            text = str(field.description).replace("|", "\\|").replace("<", "\\<")
            lines.append(f"| {marked} | {shown} | {allowed(field)} | {text} |")
        lines.append("")
    return "\n".join(lines)


def weights() -> str:
    """The README's table of what counts, between its marks."""
    defaults = RuleSettings()
    values = defaults.model_dump() | {"looks": number(defaults.looks_min)}
    lines = [WEIGHTS_START, "| what | points | counted | holds when |", "| --- | --- | --- | --- |"]
    for kind, signal in SIGNALS.items():
        counted = "each time" if signal.each_time else "once an interval"
        lines.append(f"| {signal.what} (`{kind}`) | {defaults.points()[kind]} | {counted} | {signal.holds.format(**values)} |")
    return "\n".join([*lines, WEIGHTS_END])


def readme() -> str:
    """The README with its table as it should be. Raise `ValueError` where the marks are gone."""
    text = README.read_text(encoding="utf-8")
    start, end = text.index(WEIGHTS_START), text.index(WEIGHTS_END) + len(WEIGHTS_END)
    return text[:start] + weights() + text[end:]


def main(arguments: list[str]) -> int:
    """Write all three files, or with `--check` say which is out of date."""
    wanted = {ENV_EXAMPLE: env_example(), PAGE: page(), README: readme()}
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if "--check" not in arguments:
            path.write_text(wanted[path], encoding="utf-8")
        print(f"{path.name}: {'out of date; run python -m commands.settings_page' if '--check' in arguments else 'written'}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
