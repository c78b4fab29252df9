"""How a launch by which an exam is chosen is known before its token is read: by the address that the platform was told for it.

Such a launch stays in the platform's frame, where it is shown: what is chosen goes back to the page around it, and needs no camera.
"""

from __future__ import annotations

from collections.abc import Mapping

CHOOSING = "?choose"  # behind the launch's own address


def is_choosing(given: Mapping[str, str]) -> bool:
    """Is this, as a platform begins it, a launch to choose an exam?"""
    return given.get("target_link_uri", "").endswith(f"/lti/launch{CHOOSING}")
