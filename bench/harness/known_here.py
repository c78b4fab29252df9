"""The servers that run for a measurement or a test in protected mode, and the cookies by which each knows this machine's browsers."""

from __future__ import annotations

from pathlib import Path

import requests

_cookies: dict[str, str] = {}  # by name, which each server has for itself


def introduce(url: str, data_dir: Path) -> None:
    """Show the server at `url` its own token, as a browser does by the address that is printed, and keep its cookie."""
    token = data_dir / "local_token"
    if token.is_file():
        answer = requests.get(url + "/", params={"local": token.read_text("ascii").strip()}, allow_redirects=False, timeout=60)
        _cookies.update({cookie.name: cookie.value or "" for cookie in answer.cookies})


def cookies() -> list[dict[str, str]]:
    """The cookies for a browser, under each name of this machine."""
    return [{"name": name, "value": value, "domain": host, "path": "/"} for name, value in _cookies.items() for host in ("127.0.0.1", "localhost")]
