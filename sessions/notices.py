"""What a student is told of a poor picture or sound: a code for each thing that can't be told, once it has lasted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from basics.readings import AudioReading, DeviceName, GazeReading, PersonsReading

SPELLS = frozenset({"page_time"})  # told by others than pictures and sound
SOUND = {"silent": "mic_silent", "faint": "mic_faint", "clipped": "mic_clipped"}
NOTHING = {"camera": "camera_nothing", "microphone": "mic_nothing", "screen": "screen_nothing"}


@dataclass(slots=True)
class Notices:
    """The notices of one session; `after` is how many seconds something must last. Codes: the reasons of gaze and persons readings that
    are unknown (`dark`, `covered`, …), `nobody`, `mic_silent`, `mic_faint`, `mic_clipped`, `page_time`: the page's clock can't be right, and
    `camera_nothing`, `mic_nothing`, `screen_nothing` where nothing comes from a device that is said to be well."""

    after: float
    covered: bool = False
    not_asked: frozenset[DeviceName] = frozenset()  # of pictures or sound that nobody asks for nothing is told
    _nothing: tuple[str, ...] = ()
    _gaze: str = ""
    _room: str = ""
    _since: dict[str, tuple[str, float]] = field(default_factory=dict)
    _shown: dict[str, str] = field(
        default_factory=lambda: {"picture": "", "sound": "", "page_time": ""}
    )  # whole from the start: other threads read it

    @property
    def codes(self) -> list[str]:
        """What the student is told now."""
        over = {*self._nothing, *self.not_asked}
        past = {"picture": "camera" in over, "sound": "microphone" in over}  # what was seen and heard before it stopped
        return [code for what, code in self._shown.items() if code and not past.get(what)] + [NOTHING[device] for device in self._nothing]

    def miss(self, devices: Iterable[str]) -> bool:
        """Nothing comes from these devices. True when `codes` have changed."""
        before, self._nothing = self._nothing, tuple(device for device in NOTHING if device in devices)
        return before != self._nothing

    def take_picture(self, gaze: GazeReading, persons: PersonsReading | None) -> bool:
        """Take what one picture gave. True when `codes` have changed."""
        self._gaze = gaze.reason if gaze.direction == "unknown" else "nobody" if gaze.direction == "none" else ""
        if persons is not None and persons.reason != "frozen":  # what stands still is as covered as it was
            self._room = persons.reason if persons.count is None else ""
            self.covered = self._room == "covered"
        # A covered lens is dark, hidden and soon frozen, too: the cause is told. A poor picture in which the gaze is read needs nothing.
        return self._hear("picture", "covered" if self.covered else self._gaze and (self._room or self._gaze), gaze.at)

    def take_sound(self, reading: AudioReading) -> bool:
        """Take what was heard. True when `codes` have changed."""
        return self._hear("sound", SOUND.get(reading.reason, ""), reading.at)

    def spell(self, reason: str, lasts: bool) -> bool:
        """Something can't be told for this reason from now on, or no longer. True when `codes` have changed."""
        shown = reason if lasts else ""
        if reason not in SPELLS or self._shown[reason] == shown:
            return False
        self._shown[reason] = shown
        return True

    def _hear(self, what: str, code: str, at: float) -> bool:
        if code != self._since.get(what, ("", at))[0]:
            self._since[what] = (code, at)
        begun = self._since.setdefault(what, (code, at))[1]
        shown = code if code and at - begun >= self.after else ""
        changed = shown != self._shown[what]
        self._shown[what] = shown
        return changed


class Checks(Protocol):
    """What keeps, for the records, why nothing could be told."""

    def unknown_while(self, reason: str, lasts: bool) -> None: ...


def untold(checks: Checks, notices: Notices, tell: Callable[[bool], None]) -> Callable[[str, bool], None]:
    """A call by which nothing can be told for a reason from now on, or no longer: the records say so, and who is to be told is."""

    def unknown_while(reason: str, lasts: bool) -> None:
        checks.unknown_while(reason, lasts)
        tell(notices.spell(reason, lasts))

    return unknown_while
