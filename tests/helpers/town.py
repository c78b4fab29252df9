"""Several servers in one process, on one database: each a monitor with what it needs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.serving import BaseWSGIServer, make_server

from basics.paths import ROOT
from basics.readings import ScreenAct
from cluster.bus import Bus
from cluster.membership import Membership
from database import Database
from media.recorder import Recorder
from sessions.events import Events
from sessions.models import Models
from sessions.monitor import Monitor
from sessions.session import ExamSession
from sessions.sources import Stations
from tests.helpers.databases import PATIENT_S
from tests.helpers.waiting import until
from tests.helpers.web import settings_for
from web.access.who_may import Access
from web.heard import share
from web.links import Links
from web.parts import Parts
from web.proctor.live import Live
from web.routes import register_web


class Wall(Live):
    """Dashboards without their network: what they are told is noted."""

    has_viewers = True

    def __init__(self, *given: Any, **named: Any) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        super().__init__(*given, **named)

    def _queue(self, event: str, payload: dict[str, Any], session_id: str, exam_id: str | None) -> None:
        self.told.append((event, payload))

    def hears(self, event: str, **fields: Any) -> dict[str, Any]:
        """Wait for a message with these fields, and return it."""
        found = lambda: next((one for name, one in list(self.told) if name == event and fields.items() <= one.items()), None)  # noqa: E731
        return until(found, what=event)


class House:
    """One server, whose beats the test makes; `serve` lets the others reach it."""

    def __init__(self, name: str, where: tuple[str, str], folder: Path, clock: Callable[[], float], **more: Any) -> None:
        self.settings = settings_for(folder / name, **{"instance_name": name, "secret_key": "x" * 32, "abandoned_s": 60, **more})
        self._served: BaseWSGIServer | None = None
        self.database = Database(*where, folder / name / "spool", PATIENT_S, 64)
        self.database.start()
        assert self.database.wait_ready(60)
        self.membership = Membership(self.database, self.settings, folder / name, clock=clock)
        self.membership.turn()
        self.events = Events()
        self.bus: Bus | None = None
        self.stations = Stations(self.settings)
        recorder = Recorder(self.settings.clips_dir, self.settings.temp_dir, server=name)
        self.monitor = Monitor(self.settings, self.database, recorder, Models(), self.stations, self.events, workers=1, membership=self.membership)
        self.parts = Parts(self.settings, self.database, self.monitor, Access(self.settings), Links(self.events), membership=self.membership)
        self.app = Flask(name, root_path=str(ROOT))
        register_web(self.app, self.parts)
        assert self.monitor.taking.try_resume()
        self.monitor.resumed.set()

    def begin(self, user_id: str) -> ExamSession:
        """A student's exam, begun here."""
        session = self.monitor.create(user_id, "exam", "browser", nonce="the-browser's")
        session.begin()
        assert self.database.flush(10)
        return session

    def share(self) -> Wall:
        """Tell the other servers of what changes here, and hear them; there are dashboards, too."""
        of = self.parts
        wall = Wall(self.app, of.access, self.events, sessions=self.monitor.get, audit=self.database.audit, async_mode="threading", fps=1)
        of.live, self.bus = wall, Bus(self.database)
        share(of, self.bus, self.events)
        self.bus.start()
        assert self.bus.wait_hearing(60)
        return wall

    def has(self, session_id: str) -> bool:
        return self.monitor.is_live(session_id)

    def owner(self, session_id: str) -> tuple[Any, Any]:
        self.database.flush(10)
        stored = self.database.session(session_id)
        return stored["owner"], stored["epoch"]

    def serve(self) -> str:
        """Answer on loopback from now on, at the address that is returned, which the others know after the next beat."""
        self._served = make_server("127.0.0.1", 0, self.app, threaded=True)
        threading.Thread(target=self._served.serve_forever, name=f"served-{self.settings.instance_name}", daemon=True).start()
        self.membership.url = f"http://127.0.0.1:{self._served.server_port}"
        return self.membership.url

    def hang_up(self) -> None:
        """Answer no more: connections are refused."""
        if self._served is not None:
            self._served.shutdown()
            self._served.server_close()
            self._served = None

    def close(self) -> None:
        if self.bus is not None:
            self.bus.stop()
        self.hang_up()
        self.monitor.stop()
        self.membership.stop()
        self.stations.close()
        self.database.stop(60)


class Town:
    """The servers, and the clock of all observers."""

    def __init__(self, where: tuple[str, str], folder: Path) -> None:
        self.now = 1000.0
        self.houses: list[House] = []
        self._where, self._folder = where, folder

    def house(self, name: str, **more: Any) -> House:
        """Another server; `more` are settings."""
        self.houses.append(House(name, self._where, self._folder, lambda: self.now, **more))
        return self.houses[-1]

    def pass_time(self, seconds: float, *beating: House) -> None:
        for _ in range(round(seconds)):
            self.now += 1
            for one in beating:
                one.membership.turn()


def acts(session: ExamSession, *ids: str) -> None:
    for ticket in session.take_acts([ScreenAct(one, session.clock(), "copy") for one in ids]):
        assert ticket.wait(10)
