"""An app with the real parts behind its calls: a mongod, a monitor with sessions (its workers and models stay off), and a client on this machine."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from basics.paths import ROOT
from database import Database
from media.recorder import Recorder
from sessions.events import Events
from sessions.models import Models
from sessions.monitor import Monitor
from sessions.sources import Stations
from tests.helpers.web import MakeApp, local_client, settings_for
from web.access.who_may import Access
from web.links import Links
from web.parts import Parts, parts_of
from web.routes import register_web

_students = itertools.count(1)


class Clock:
    """The sessions' clock: as the machine's, `ahead` seconds later."""

    ahead = 0.0
    _stands_at: float | None = None

    def __call__(self) -> float:
        return (time.monotonic() if self._stands_at is None else self._stands_at) + self.ahead

    def stand(self) -> None:
        """From now on `ahead` alone moves it, however long the machine takes for what the test does."""
        self._stands_at = time.monotonic()


@pytest.fixture
def clock() -> Clock:
    """The clock of the sessions of `make_app`."""
    return Clock()


@pytest.fixture
def make_app(database: Database, tmp_path: Path, clock: Clock) -> Iterator[MakeApp]:
    """Makes apps on the real database; `settings` by name. Everything is closed afterwards."""
    closing: list[Callable[[], None]] = []

    own = database

    def make(database: Database | None = None, **overrides: Any) -> Flask:
        database = database or own
        settings = settings_for(tmp_path, **overrides)
        stations = Stations(settings)
        recorder = Recorder(settings.clips_dir, settings.temp_dir)
        events = Events()
        monitor = Monitor(settings, database, recorder, Models(), stations, events, workers=1, clock=clock)
        closing.extend([stations.close, monitor.stop])
        app = Flask("app", root_path=str(ROOT))
        register_web(app, Parts(settings=settings, database=database, monitor=monitor, access=Access(settings), links=Links(events)))
        return app

    yield make
    for close in reversed(closing):
        close()


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An app in protected mode."""
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client on this machine, at http://localhost."""
    return local_client(app)


@pytest.fixture
def parts(app: Flask) -> Parts:
    """What `app` is made of."""
    return parts_of(app)


@pytest.fixture
def student() -> str:
    """The id of a student no other test uses; the database is shared by all."""
    return f"student-{next(_students)}"
