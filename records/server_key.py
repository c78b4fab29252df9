"""The server's own key, by which it signs and seals: SECRET_KEY, or a file of its own. Servers that share it read what each other made."""

from __future__ import annotations

import secrets
from pathlib import Path

from basics.errors import ConfigError
from basics.key_files import make_key_file, read_key_file
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
        if (key := read_key_file(path)) is None:
            make_key_file(path, secrets.token_urlsafe(48))
            key = read_key_file(path) or ""
        return _checked(key, path)
    except OSError as error:
        raise ConfigError(
            f"The server's key {path} can't be read or written: {error}. Make the folder writable, or set SECRET_KEY.", field="DATA_DIR"
        ) from error


def _checked(key: str, path: Path) -> str:
    if len(key) < LEAST_KEY:
        raise ConfigError(
            f"The server's key {path} has {len(key)} characters and needs at least {LEAST_KEY}; remove the file and start again.", field="DATA_DIR"
        )
    return key
