"""The pages of an app without its other parts, as a browser gets them."""

from __future__ import annotations

import contextlib
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from flask import Flask

from basics.errors import NotFound
from basics.paths import ROOT
from sessions.events import Events
from settings.settings import Settings
from web.access.headers import register_headers
from web.access.hold import register_access
from web.access.who_may import Access
from web.calls.errors import register_errors
from web.integrations.hook_calls import hooks
from web.integrations.lti.registration_calls import lti_registrations
from web.integrations.openedx.installation_calls import edx_installations
from web.links import Links
from web.operator.audit import audit_calls
from web.operator.people_pages import people_pages
from web.operator.sign_in import sign_in
from web.pages import pages
from web.parts import EXTENSION, Parts
from web.proctor.identity import identity
from web.proctor.packages import packages
from web.proctor.roster_calls import rosters
from web.student.own_report import own_report

SESSION = "0123456789abcdef" * 2


PAGE_OF_SCRIPT = {
    "portal/portal": "/portal",
    "proctor/live": "/",
    "proctor/review": "/review",
    "proctor/session": f"/session/{SESSION}",
    "proctor/report": f"/session/{SESSION}/report",
    "proctor/analytics": "/analytics",
    "proctor/exams": "/exams",
    "proctor/exam": f"/exams/{SESSION}",
    "proctor/results": f"/exams/{SESSION}/results",
    "proctor/identity": f"/exams/{SESSION}/identity",
    "proctor/exam-report": f"/exams/{SESSION}/report",
    "proctor/settings": "/settings",
    "operator/people": "/people",
    "operator/integrations": "/integrations",
    "operator/openedx": "/integrations/openedx",
    "operator/hooks": "/hooks",
    "operator/account": "/account",
    "operator/invitation": "/invitation",
    "proctor/verify": "/verify",
    "portal/own-report": "/report",
}


class Page(HTMLParser):
    """What a page is made of, as far as these tests ask."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inline: list[str] = []
        self._open = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        self._open = tag if tag in ("script", "style") else ""
        self.inline += [f"{tag} {name}" for name in attributes if name == "style" or name.startswith("on")]
        self.inline += [f"{tag} {value}" for value in attributes.values() if (value or "").strip().lower().startswith("javascript:")]

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open and data.strip():
            self.inline.append(f"{self._open}: {data.strip()[:40]}")

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    @property
    def ids(self) -> list[str]:
        return [str(attributes["id"]) for _, attributes in self.elements if attributes.get("id")]


class Empty:
    """A database in which nothing is stored."""

    def reading(self) -> Any:
        return contextlib.nullcontext()

    def collection(self, _name: str) -> Any:
        found: Any = type("Found", (list,), {name: lambda found, *_how: found for name in ("limit", "sort")})
        return SimpleNamespace(find=lambda *_asked: found(), find_one=lambda *_asked, **_how: None, distinct=lambda _field: [])

    def audit(self, _entry: Any) -> None:
        """It is kept nowhere."""

    def write(self, *_what: Any) -> None:
        """It is kept nowhere."""

    def session(self, session_id: str) -> dict[str, Any]:
        raise NotFound(f"There is no session {session_id!r}.")


def make_app(tmp_path: Path, **settings: Any) -> Flask:
    chosen = Settings(_env_file=None, data_dir=tmp_path, **settings)  # type: ignore[call-arg]
    app = Flask("pages", root_path=str(ROOT))
    access = Access(chosen)
    maker = SimpleNamespace(routing=SimpleNamespace(alone=True))
    monitor = SimpleNamespace(get=lambda _session: None, exams=SimpleNamespace(shown=lambda _key: None), maker=maker)
    parts = app.extensions[EXTENSION] = Parts(chosen, cast(Any, Empty()), cast(Any, monitor), access, Links(Events()))
    parts.lti_attempts = cast(Any, SimpleNamespace(is_awaited=lambda _session: True))  # so that the session's page has all its parts
    register_errors(app)
    register_headers(app)
    register_access(app, access)
    for blueprint in (
        pages,
        people_pages,
        sign_in,
        audit_calls,
        packages,
        own_report,
        rosters,
        identity,
        lti_registrations,
        edx_installations,
        hooks,
    ):
        app.register_blueprint(blueprint)
    return app
