"""The names that this server has had among those that share its database: what it wrote down under any of them is on its own disk."""

from __future__ import annotations

import secrets
from pathlib import Path

FILE = "server-names"
NAMES_MAX = 100


def own_names(data_dir: Path, name: str) -> tuple[str, ...]:
    """The names, the present one, `name`, first; it is kept from now on. Raise `OSError` where the folder can't be written."""
    path, known = data_dir / FILE, known_names(data_dir)
    names = (name, *(one for one in known if one != name))[:NAMES_MAX]
    if names != known:
        data_dir.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{FILE}.{secrets.token_hex(4)}.new")
        new.write_text("".join(f"{one}\n" for one in names), encoding="utf-8")
        new.replace(path)
    return names


def known_names(data_dir: Path) -> tuple[str, ...]:
    """The names that a server of this folder has had so far; none where there was none. Raise `OSError` where they can't be read."""
    path = data_dir / FILE
    return tuple(line for line in path.read_text(encoding="utf-8").splitlines() if line) if path.is_file() else ()
