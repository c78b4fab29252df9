"""Writes `.env.example` and the README's table of settings from `config.Settings`: `python -m docs.settings` (`--check` only compares)."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr

from basics.paths import ROOT
from settings import settings as config
from settings.settings import Settings

ENV_EXAMPLE = ROOT / ".env.example"
README = ROOT / "README.md"
TABLE_START = "<!-- settings: written by python -m docs.settings -->"
TABLE_END = "<!-- end of settings -->"
ENV_HEAD = """\
# Every setting with its default. Copy to .env (./setup.sh does) and change what you need; an empty value means the default.
# A variable of the same name in the environment goes before this file. A wrong value stops the start and is named.
# Written by `python -m docs.settings` from config.py.
"""


def sections() -> Iterator[tuple[str, list[str]]]:
    """The settings' names in groups, with each group's title as config.py's comments have it."""
    title = ""
    names: list[str] = []
    for line in Path(config.__file__).read_text(encoding="utf-8").splitlines():
        heading = re.fullmatch(r"    # (.+)", line)
        field = re.match(r"    (\w+):.*= (?:Field|SecretStr)\(", line)
        if heading:
            if names:
                yield title, names
            title, names = heading.group(1).partition(" (")[0], []
        elif field and field.group(1) in Settings.model_fields:
            names.append(field.group(1))
    yield title, names


def default(name: str) -> str:
    """The default as it stands in .env: empty for an empty one."""
    field = Settings.model_fields[name]
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


def allowed(name: str) -> str:
    """What values are allowed, for people."""
    field = Settings.model_fields[name]
    bounds = {key: getattr(rule, key) for rule in _rules(field) for key in ("ge", "gt", "le", "lt") if getattr(rule, key, None) is not None}
    low = f"{bounds['ge']:,}" if "ge" in bounds else f"above {bounds['gt']:,}" if "gt" in bounds else ""
    high = f"{bounds['le']:,}" if "le" in bounds else ""
    if low or high:
        return f"{low} to {high}" if low and high else f"{low} or more" if "ge" in bounds else low or f"up to {high}"
    choices = get_args(field.annotation)
    if choices and all(isinstance(choice, str) for choice in choices):
        return ", ".join(f"`{choice}`" for choice in choices)
    return "`true`, `false`" if field.annotation is bool else ""


def _rules(field: Any) -> list[Any]:
    """The bounds of a field; pydantic keeps those of an alias like `Points` one level down."""
    found = []
    for rule in field.metadata:
        found += [rule, *getattr(rule, "metadata", [])]
    return found


def env_example() -> str:
    """The text of .env.example."""
    parts = [ENV_HEAD]
    for title, names in sections():
        parts.append(f"\n# ---- {title} ----\n")
        for name in names:
            text = str(Settings.model_fields[name].description)
            limits = allowed(name).replace("`", "")
            comment = f"{text} [{limits}]" if limits else text
            parts.append(textwrap.fill(comment, 118, initial_indent="# ", subsequent_indent="# ", break_long_words=False, break_on_hyphens=False))
            parts.append(f"\n{name.upper()}={default(name)}\n")
    return "".join(parts)


def table() -> str:
    """The README's table, between its two marks."""
    lines = [TABLE_START, ""]
    for title, names in sections():
        lines += [f"**{title}**", "", "| setting | default | allowed | what it does |", "| --- | --- | --- | --- |"]
        for name in names:
            text = str(Settings.model_fields[name].description).replace("|", "\\|")
            shown = f"`{default(name)}`" if default(name) else "(empty)"
            lines.append(f"| `{name.upper()}` | {shown} | {allowed(name)} | {text} |")
        lines.append("")
    return "\n".join([*lines, TABLE_END])


def with_table(readme: str) -> str:
    """`readme` with its table replaced. Raise `ValueError` if the marks are not there."""
    start, end = readme.index(TABLE_START), readme.index(TABLE_END) + len(TABLE_END)
    return readme[:start] + table() + readme[end:]


def main(arguments: list[str]) -> int:
    """Write both files, or with `--check` say which is out of date."""
    wanted = {ENV_EXAMPLE: env_example(), README: with_table(README.read_text(encoding="utf-8"))}
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if "--check" not in arguments:
            path.write_text(wanted[path], encoding="utf-8")
        print(f"{path.name}: {'out of date; run python -m docs.settings' if '--check' in arguments else 'written'}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
