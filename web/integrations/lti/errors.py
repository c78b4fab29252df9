"""Why somebody who comes from a learning platform isn't let in: one sentence for the person, one for the log."""

from __future__ import annotations

from basics.errors import Forbidden, ProviderAway
from basics.texts import _, joined

BEGIN_AGAIN = _("Go back to your course and open it there again.")
ASK = _("Go back to your course and open it there again. If this goes on, show this page to whoever runs your learning platform.")


class Refused(Forbidden):
    """A launch that is not taken. `reason` is for the log: in English, and never with a token in it. `in_window`: a window of its own may help."""

    def __init__(self, message: str, reason: str, *, in_window: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.in_window = in_window


def not_believed(why: str, reason: str = "") -> Refused:
    """What the platform sent can't be believed: `why`, as a part of a sentence."""
    text = _("What your learning platform sent is not believed: %(why)s.", why=why)
    return Refused(joined(" ", [text, ASK]), reason or str(why))


def away(why: str) -> ProviderAway:
    """The platform's keys can't be had now."""
    return ProviderAway(_("Your learning platform can’t be asked for its keys now: %(why)s. Try again in a minute.", why=why), retry_after_s=20)


def reason_of(error: Exception) -> str:
    """An error for the log, on one line."""
    text = getattr(error, "reason", "") or getattr(error, "message", "") or type(error).__name__
    return "".join(one if one.isprintable() else " " for one in str(text))[:500]
