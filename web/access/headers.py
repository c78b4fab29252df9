"""The security headers that every answer carries."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from web.parts import parts_of

_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-]+(:\d+)?")

HSTS = "max-age=31536000"  # a year; of this host alone, since other names under it may be somebody else's
PLAIN_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
AGAINST_FRAMES = ("X-Frame-Options", "frame-ancestors")
"""What keeps a page from being shown inside another site's; a view that has nothing to be clicked on by mistake sets `g.may_be_framed`."""


def content_security_policy(host: str, exam_url: str = "", clips: str = "", *, framed_by: str = "", posts_on: bool = False) -> str:
    """The policy for a page served from `host` (a Host header; one that isn't a host is left out), which may show `exam_url` in a frame.

    `clips`: the address of the store that gives clips itself. `framed_by`: the one site that may show the page in a frame. `posts_on`: its form
    leads to another site, and on from there.
    """
    # 'self' covers WebSockets in today's browsers only; older Safari wants them by name.
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    exam = urlsplit(exam_url)
    return "; ".join(
        [
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            f"media-src 'self' blob: {clips}".rstrip(),
            f"connect-src 'self'{sockets}",
            "worker-src 'self'",
            f"frame-src 'self' {exam.scheme}://{exam.netloc}" if exam.netloc else "frame-src 'self'",
            *(() if posts_on else ("form-action 'self'",)),
            f"frame-ancestors {framed_by}" if _ORIGIN.fullmatch(framed_by) else "frame-ancestors 'none'",
            "object-src 'none'",
            "base-uri 'none'",
        ]
    )


ICONS = "/static/img/icons.svg"
ICONS_S = 3600  # a browser asks anew for each icon that is drawn; one that is older by an upgrade only lacks what stands beside a word


def register_headers(app: Flask) -> None:
    """Put the headers on every answer of `app`, errors and static files too."""

    @app.after_request
    def add_headers(response: Response) -> Response:
        framed = g.get("may_be_framed", False)
        for name, value in PLAIN_HEADERS.items():
            if not (framed and name in AGAINST_FRAMES):
                response.headers.setdefault(name, value)
        if parts_of(app).access.is_https:
            response.headers.setdefault("Strict-Transport-Security", HSTS)
        policy = content_security_policy(request.environ.get("HTTP_HOST", ""), parts_of(app).settings.exam_url, parts_of(app).clips_from)
        if framed:
            policy = "; ".join(rule for rule in policy.split("; ") if not rule.startswith(AGAINST_FRAMES))
        response.headers.setdefault("Content-Security-Policy", policy)
        if request.endpoint != "static" and "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"  # answers and pages show the moment, and name students
        elif request.path.endswith(ICONS) and response.status_code in (200, 304):
            response.headers["Cache-Control"] = f"public, max-age={ICONS_S}"
        return response
