"""A key's file is made once, as a whole, and read by its owner alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from basics.key_files import make_key_file, read_key_file
from records.package_key import find_package_key
from records.server_key import find_key
from tests.helpers.web import settings_for


def without_links(_from: object, _to: object) -> None:
    raise PermissionError("no links here")


@pytest.mark.parametrize("links", [True, False])
def test_the_first_key_stays_for_its_owners_eyes_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    if not links:
        monkeypatch.setattr(os, "link", without_links)
    path = tmp_path / "new" / "key"
    assert read_key_file(path) is None
    for text in ("first", "second"):
        make_key_file(path, text)
        assert (read_key_file(path), [one.name for one in path.parent.iterdir()]) == ("first", ["key"])
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o600
        path.chmod(0o644)
        assert read_key_file(path) == "first"
        assert path.stat().st_mode & 0o777 == 0o600


def test_the_servers_keys_are_made_where_no_links_can_be_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", without_links)
    settings = settings_for(tmp_path, secret_key="")
    assert find_key(settings) == find_key(settings) == (settings.data_dir / "secret_key").read_text().strip()
    assert find_package_key(settings.data_dir).fingerprint == find_package_key(settings.data_dir).fingerprint
