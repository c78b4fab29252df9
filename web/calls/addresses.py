"""Addresses of this server as others are told them: the portal with a student's token."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from flask import Request

from web.parts import parts


def server_address(request: Request) -> str:
    """Where this server is reached: PUBLIC_URL, or as the request reached it."""
    return parts().settings.public_url.rstrip("/") or request.url_root.rstrip("/")


def _led_by(session_id: str) -> dict[str, str]:
    """By what the page of a running session is led: its exam's key where somebody defined it, and to its server where there are several."""
    session = parts().monitor.get(session_id)
    if session is None:
        return {}
    exam = session.limit.exam
    return {**({"exam": exam.key} if exam is not None else {}), **({"e": session.identity.route} if session.identity.route else {})}


def report_url(request: Request, token: str) -> str:
    """The address of a student's own report; the token stands in the fragment, too."""
    return f"{server_address(request)}/report#t={quote(token, safe='')}"


def portal_url(request: Request, token: str, language: str | None = None, *, session_id: str = "") -> str:
    """The address at which a student opens the portal, in this language if one is named, as it is for the session's exam.

    The token stands in the fragment, which no browser sends and no log holds.
    """
    query = urlencode({**({"lang": language} if language else {}), **_led_by(session_id)})
    return f"{server_address(request)}/portal{'?' * bool(query)}{query}#t={quote(token, safe='')}"
