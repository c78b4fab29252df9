"""What a station gives, handed to the sessions that watch it, each on its own clock."""

from __future__ import annotations

import logging

from basics.errors import NotFound
from basics.readings import DeviceName, DeviceStateName, Frame, ScreenAct, Sound
from sessions.session import ExamSession
from sessions.sources import Stations

log = logging.getLogger(__name__)

DEVICES: tuple[DeviceName, ...] = ("camera", "microphone")


class StationFeed:
    """Hands a station's pictures, sound and acts to one session, on the session's clock."""

    def __init__(self, session: ExamSession, station: str) -> None:
        self.station = station
        self._session = session

    def take_frame(self, frame: Frame) -> None:
        at = frame.at - self._session.start
        if at >= 0:
            self._session.take_frame(Frame(at, frame.data, frame.codec, frame.key, frame.layer, frame.sequence))

    def take_sound(self, sound: Sound) -> None:
        at = sound.at - self._session.start
        if at >= 0:
            self._session.take_sound(Sound(at, sound.samples, sound.sequence))

    def take_acts(self, acts: list[ScreenAct]) -> None:
        start = self._session.start
        self._session.take_acts([ScreenAct(act.id, act.at - start, act.kind, act.detail) for act in acts if act.at >= start])

    def device_state(self, device: DeviceName, state: DeviceStateName, reason: str = "") -> None:
        self._session.device_state(device, state, reason)


class StationFeeds:
    """The feeds of all local sessions."""

    def __init__(self, stations: Stations) -> None:
        self._stations = stations
        self._feeds: dict[str, StationFeed] = {}

    def attach(self, session: ExamSession, station: str) -> None:
        """Let `session` watch `station` from now on. One that there is no more since the server was started anew has no devices."""
        feed = StationFeed(session, station)
        self._feeds[session.session_id] = feed
        try:
            self._stations.attach(station, feed)
        except NotFound as error:
            del self._feeds[session.session_id]
            log.warning("%s", error.message, extra={"session_id": session.session_id})
            for device in DEVICES:
                session.device_state(device, "missing", error.message)

    def detach(self, session_id: str) -> None:
        """Let it watch no more; harmless for one that doesn't."""
        feed = self._feeds.pop(session_id, None)
        if feed is not None:
            self._stations.detach(feed.station, feed)

    def detach_all(self) -> None:
        """The server stops."""
        for session_id in list(self._feeds):
            self.detach(session_id)
