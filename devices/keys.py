"""The keyboard of this machine through pynput, with the clipboard watch beside it: both are there with the display, and go with it.

No key but those of `KeyActs` is looked at; nothing is kept.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from basics.errors import DeviceError
from basics.readings import ActKind, DeviceStateName
from basics.texts import _, joined
from devices.clipboard import cause, needs_x11, open_clipboard
from devices.reader import Clock, DeviceReader, OnState, Run

logger = logging.getLogger(__name__)

TICK = 0.25  # s between looks at stop, at the listener's health and (not on X11) at the clipboard's counter
LISTENER_START = 5.0  # s pynput may take until it hears keys
WAYLAND_NOTE = _("under Wayland only keys typed into X11 windows are heard; log in to an X11 session to hear all")

# Where another script is in force, the key in the place of C, X and V types another letter, and is the shortcut all the same.
LETTERS = {
    "c": "c\u0441\u03c8\u05d1\u0624\x03",
    "x": "x\u0447\u03c7\u05e1\u0621\x18",
    "v": "v\u043c\u03c9\u05d4\u0631\x16",
}  # Latin, Cyrillic, Greek, Hebrew, Arabic, and the control character that Windows reports
KEY_OF_LETTER = {letter: key for key, letters in LETTERS.items() for letter in letters}
KEY_OF_NAME = {
    "alt": "alt",
    "alt_l": "alt",
    "alt_r": "alt",
    "cmd": "cmd",
    "cmd_l": "cmd",
    "cmd_r": "cmd",
    "ctrl": "ctrl",
    "ctrl_l": "ctrl",
    "ctrl_r": "ctrl",
    "shift": "shift",
    "shift_l": "shift",
    "shift_r": "shift",
    "tab": "tab",
    "insert": "insert",
}
# X11 names Shift+Tab and, on some layouts, Shift+Alt by keysyms of their own, which pynput passes on as numbers.
KEY_OF_KEYSYM = {0xFE20: "tab", 0xFFE7: "alt", 0xFFE8: "alt"} if sys.platform not in ("win32", "darwin") else {}

SHORTCUTS: dict[str, ActKind] = {"c": "copy", "x": "cut", "v": "paste"}  # with Ctrl or Cmd
REPEAT_GAP = 0.03  # s; X11 repeats a held key as release and press in the same moment, no finger is that fast
HOLD_MOST = 10.0  # s without use or repeat after which a key counts as released: its release may have gone to a lock screen


class KeyActs:
    """Turns key events into acts. Pure: keys come as names (`alt`, `cmd`, `ctrl`, `shift`, `tab`, `insert`, `c`, `x`, `v`), times with them."""

    def __init__(self) -> None:
        self._held: dict[str, float] = {}  # key → time of its press, repeat or last use
        self._released: dict[str, float] = {}
        self._switched = False

    def press(self, key: str, at: float) -> ActKind | None:
        """The act that pressing `key` completes, if any. A held key's repeats are one press; one hold of Alt or Cmd is one `alt_tab`."""
        repeated = self._holds(key, at) or at - self._released.pop(key, float("-inf")) < REPEAT_GAP
        self._held[key] = at
        if repeated:
            return None
        if key in ("alt", "cmd"):
            self._switched = False
        if key == "tab":
            return self._switch(at)
        return self._copy(key, at)

    def release(self, key: str, at: float) -> None:
        if self._held.pop(key, None) is not None:
            self._released[key] = at

    def _switch(self, at: float) -> ActKind | None:
        held = [modifier for modifier in ("alt", "cmd") if self._holds(modifier, at)]
        for modifier in held:
            self._held[modifier] = at  # still in use: somebody steps through the windows
        if not held or self._switched:
            return None
        self._switched = True
        return "alt_tab"

    def _copy(self, key: str, at: float) -> ActKind | None:
        command = self._holds("ctrl", at) or self._holds("cmd", at)
        if self._holds("alt", at):  # Ctrl+Alt writes characters on many layouts
            return None
        if key == "insert":
            return "copy" if command else "paste" if self._holds("shift", at) else None
        return SHORTCUTS.get(key) if command else None

    def _holds(self, key: str, at: float) -> bool:
        return at - self._held.get(key, float("-inf")) <= HOLD_MOST


def key_name(key: Any) -> str | None:
    """The name `KeyActs` knows of a pynput key, or None."""
    name = getattr(key, "name", None)
    if name is not None:
        return KEY_OF_NAME.get(name)
    letter = getattr(key, "char", None)
    if letter:
        return KEY_OF_LETTER.get(letter.lower())
    return KEY_OF_KEYSYM.get(getattr(key, "vk", None) or 0)


class Hooks:
    """A running keyboard listener and an open clipboard watch."""

    def __init__(self, keyboard: Any, clock: Clock, on_act: Callable[[ActKind], None]) -> None:
        self._keys = KeyActs()
        self._clock = clock
        self._on_act = on_act
        self._stopped = threading.Event()
        self.clipboard = open_clipboard()
        self._listener = keyboard.Listener(on_press=self._press, on_release=self._release)
        self._listener.name = "screen-keys"
        self._listener.start()

    def wait_ready(self) -> None:
        """Wait until keys are heard."""
        waiter = threading.Thread(target=self._listener.wait, name="screen-keys-ready", daemon=True)
        waiter.start()
        waiter.join(LISTENER_START)
        if waiter.is_alive() or not self.alive:
            self.close()
            raise DeviceError(_("the keyboard can't be listened to; the display needs the RECORD extension (macOS: allow input monitoring)"))

    @property
    def alive(self) -> bool:
        return bool(self._listener.is_alive())

    def close(self) -> None:
        self._stopped.set()
        try:
            self._listener.stop()
        except Exception as error:  # whatever the backend meets when its display is gone
            logger.debug("The keyboard listener ended badly: %s", error)
        self.clipboard.close()

    def _press(self, key: Any) -> None:
        name = key_name(key)
        act = self._keys.press(name, self._clock()) if name else None
        if act and not self._stopped.is_set():
            self._on_act(act)

    def _release(self, key: Any) -> None:
        if name := key_name(key):
            self._keys.release(name, self._clock())


class HooksReader(DeviceReader[Hooks]):
    """Keeps the hooks running while there is a display."""

    device = "screen"

    def __init__(self, *, retry_s: float, clock: Clock, on_act: Callable[[ActKind], None], on_state: OnState) -> None:
        super().__init__(label=os.environ.get("DISPLAY", "keyboard"), retry_s=retry_s, on_state=on_state, clock=clock)
        self._on_act = on_act

    def _open(self, run: Run) -> Hooks:
        if needs_x11() and not os.environ.get("DISPLAY"):
            silent = _("this machine has no display (DISPLAY is not set): keys and clipboard are not heard")
            raise DeviceError(joined("; ", [silent, WAYLAND_NOTE]) if os.environ.get("WAYLAND_DISPLAY") else silent, state="off", retry=False)
        try:
            from pynput import keyboard  # late: the import itself connects to the display
        except Exception as error:  # pynput passes on whatever its backend met
            raise DeviceError(_("keys can't be heard: %(error)s; check DISPLAY and the right to use it", error=cause(error))) from None
        hooks = Hooks(keyboard, self._clock, self._on_act)
        hooks.wait_ready()
        return hooks

    def _read(self, run: Run, source: Hooks) -> tuple[DeviceStateName, str]:
        wayland = needs_x11() and bool(os.environ.get("WAYLAND_DISPLAY") or os.environ.get("XDG_SESSION_TYPE") == "wayland")
        self._works(run, WAYLAND_NOTE if wayland else "")
        while not run.stop.is_set():
            if not source.alive:
                raise DeviceError(_("the display was lost: keys and clipboard are not heard"))
            if source.clipboard.changed(TICK) and not run.stop.is_set():
                self._on_act("clipboard_changed")
        return "off", ""
