"""Addresses of this server as others are told them: the portal with a student's token."""

from __future__ import annotations

from urllib.parse import quote

from flask import Request

from web.parts import parts


def server_address(request: Request) -> str:
    """Where this server is reached: PUBLIC_URL, or as the request reached it."""
    return parts().settings.public_url.rstrip("/") or request.url_root.rstrip("/")


def portal_url(request: Request, token: str, language: str | None = None) -> str:
    """The address at which a student opens the portal, in this language if one is named.

    The token stands in the fragment, which no browser sends and no log holds.
    """
    spoken = f"?lang={language}" if language else ""
    return f"{server_address(request)}/portal{spoken}#t={quote(token, safe='')}"
