"""What this server is called among those that share its database: the name that is set, else one that is made once and kept in its folder.

Every name it has had stays known, so that what it wrote down as its own stays its own.
"""

from __future__ import annotations

import secrets
from pathlib import Path

FILE = "server-names"
NAMES_MAX = 100


def own_names(data_dir: Path, name: str = "") -> tuple[str, ...]:
    """The names, the present one first. `name`: as it is set, empty: not at all. Raise `OSError` where the folder can't be written."""
    path, known = data_dir / FILE, known_names(data_dir)
    present = name or next(iter(known), "") or f"server-{secrets.token_hex(4)}"
    names = (present, *(one for one in known if one != present))[:NAMES_MAX]
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
