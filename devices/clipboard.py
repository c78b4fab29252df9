"""The clipboard watch of this machine: XFixes on X11, the system's change counter elsewhere. The content is never looked at."""

from __future__ import annotations

import select
import sys
import threading
from collections.abc import Callable
from typing import Any

from basics.errors import DeviceError
from basics.texts import _

HANDOVER = 1.0  # s after its owner's end in which a clipboard manager may take the content over: nothing new
XFIXES_NEW_OWNER = 0  # the selection event's sub-code; 1 and 2 say that the owner closed its window or its connection


def needs_x11() -> bool:
    """Whether keys and clipboard of this system are an X server's."""
    return sys.platform not in ("win32", "darwin")


def cause(error: Exception) -> str:
    """What a library said, in one line."""
    return " ".join(str(error).split()) or type(error).__name__


class X11Clipboard:
    """Hears from the X server who owns the clipboard: no polling, and the content is never asked for."""

    def __init__(self) -> None:
        from Xlib import error, ext  # type: ignore[import-untyped]
        from Xlib.display import Display  # type: ignore[import-untyped]

        self._gone = (error.ConnectionClosedError, OSError)
        try:
            self._display = Display()
        except (error.DisplayError, OSError) as problem:
            raise DeviceError(_("the display can't be opened: %(problem)s; check DISPLAY and XAUTHORITY", problem=cause(problem))) from None
        if not self._display.has_extension("XFIXES"):
            self._display.close()
            raise DeviceError(_("the display has no XFIXES extension: clipboard changes can't be heard"), retry=False, state="missing")
        self._display.xfixes_query_version()
        clipboard = self._display.intern_atom("CLIPBOARD")
        events = (
            ext.xfixes.XFixesSetSelectionOwnerNotifyMask
            | ext.xfixes.XFixesSelectionWindowDestroyNotifyMask
            | ext.xfixes.XFixesSelectionClientCloseNotifyMask
        )
        self._display.xfixes_select_selection_input(self._display.screen().root, clipboard, events)
        self._display.sync()
        self._selection_event = self._display.extension_event.SetSelectionOwnerNotify[0]
        self._owner_ended_ms: int | None = None  # the server's time

    def changed(self, wait: float) -> bool:
        """Wait at most `wait` seconds; True when somebody put something new into the clipboard. Several changes at once are one."""
        try:
            if not self._display.pending_events():
                select.select([self._display.fileno()], [], [], wait)
            news = False
            while self._display.pending_events():
                news = self._is_news(self._display.next_event()) or news
        except self._gone:
            raise DeviceError(_("the display was lost: keys and clipboard are not heard")) from None
        return news

    def _is_news(self, event: Any) -> bool:
        if event.type != self._selection_event:
            return False
        if event.sub_code != XFIXES_NEW_OWNER:
            self._owner_ended_ms = event.timestamp
            return False
        if not int(getattr(event.owner, "id", event.owner)):
            return False  # an emptied clipboard brings nothing in
        ended, self._owner_ended_ms = self._owner_ended_ms, None
        return ended is None or event.timestamp - ended > HANDOVER * 1000

    def close(self) -> None:
        try:
            self._display.close()
        except self._gone:
            return  # it is closed already, from the other end


class CounterClipboard:
    """Looks at the number by which Windows and macOS count clipboard changes."""

    def __init__(self, count: Callable[[], int]) -> None:
        self._count = count
        self._last = count()
        self._closed = threading.Event()

    def changed(self, wait: float) -> bool:
        """Wait `wait` seconds; True when the count went up meanwhile."""
        self._closed.wait(wait)
        last, self._last = self._last, self._count()
        return self._last != last

    def close(self) -> None:
        self._closed.set()


def open_clipboard() -> X11Clipboard | CounterClipboard:
    """The watch of this machine's clipboard. Raise `DeviceError` where there is none."""
    if needs_x11():
        return X11Clipboard()
    return CounterClipboard(_system_counter())


def _system_counter() -> Callable[[], int]:
    """The clipboard's change counter. Not run by our tests, which have no such machine."""
    if sys.platform == "win32":
        import ctypes

        sequence: Callable[[], int] = ctypes.windll.user32.GetClipboardSequenceNumber
        return sequence
    import importlib

    pasteboard = importlib.import_module("AppKit").NSPasteboard.generalPasteboard()  # comes with pynput on macOS
    return lambda: int(pasteboard.changeCount())
