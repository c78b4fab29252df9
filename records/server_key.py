"""The server's own key, by which it signs and seals: SECRET_KEY, or a file of its own. Servers that share it read what each other made."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from basics.errors import ConfigError
from settings.settings import Settings

LEAST_KEY = 16  # characters of SECRET_KEY


def find_key(settings: Settings) -> str:
    """SECRET_KEY, or the key in `data_dir/secret_key`, which is made at the first start. Raise `ConfigError`."""
    given = settings.secret_key.get_secret_value()
    if given:
        if len(given) < LEAST_KEY:
            raise ConfigError(
                f"SECRET_KEY has {len(given)} characters and needs at least {LEAST_KEY}; leave it empty and the server makes one.", field="SECRET_KEY"
            )
        return given
    path = settings.data_dir / "secret_key"
    try:
        return _read_key(path) or _make_key(path)
    except OSError as error:
        raise ConfigError(
            f"The server's key {path} can't be read or written: {error}. Make the folder writable, or set SECRET_KEY.", field="DATA_DIR"
        ) from error


def _read_key(path: Path) -> str:
    try:
        key = path.read_text("ascii", errors="replace").strip()
    except FileNotFoundError:
        return ""
    if len(key) < LEAST_KEY:
        raise ConfigError(
            f"The server's key {path} has {len(key)} characters and needs at least {LEAST_KEY}; remove the file and start again.", field="DATA_DIR"
        )
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return key


def _make_key(path: Path) -> str:
    """Write a new key for the owner's eyes only. Two servers that start at once on one folder end with the same key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)  # unlike a rename, this can't replace the key that another server has just made
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return _read_key(path)
