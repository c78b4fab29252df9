"""What an operator is told of a server among others, at its start and in health."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from basics.errors import ConfigError
from basics.texts import Text, _, joined

CLOCK_OFF_S = 60.0  # of this machine's clock and the database's: more is told


def renamed(old: str, new: str) -> Text:
    """The server lost its name."""
    return _(
        "The others took this server for dead, or another has its name: it was %(old)s, and goes on as %(new)s. Restart it to have its name again.",
        old=old,
        new=new,
    )


def namesake(name: str, row: Mapping[str, Any]) -> ConfigError:
    """Another server has the name."""
    return ConfigError(
        f"INSTANCE_NAME={name!r}: another server that lives has this name in the database (on {row.get('host') or 'a machine that is not known'}). "
        "Give each its own. Where none was chosen, DATA_DIR was copied from that server: delete the files `instance` and `server-names` in it, or "
        "set INSTANCE_NAME.",
        field="instance_name",
    )


def housemate(row: Mapping[str, Any]) -> ConfigError:
    """Another server has the DATA_DIR, or a copy of it."""
    return ConfigError(
        f"DATA_DIR: another server that lives, {row.get('_id')} (on {row.get('host') or 'a machine that is not known'}), has the same, or a copy: "
        "what lies on the one's disk would be looked for on the other's. Give each its own. Where it was copied, delete the files `instance` and "
        "`server-names` in this one.",
        field="data_dir",
    )


def clock_is_off(database_ahead_s: float | None) -> Text | None:
    """The database's clock is so many seconds ahead of this machine's; None where they agree, or nothing is known."""
    ahead = database_ahead_s or 0.0
    if abs(ahead) < CLOCK_OFF_S:
        return None
    earlier = _("This machine's clock and the database's differ: here it is %(seconds)s s earlier.", seconds=round(ahead))
    later = _("This machine's clock and the database's differ: here it is %(seconds)s s later.", seconds=round(-ahead))
    return joined(" ", [earlier if ahead > 0 else later, _("Set the one that is wrong (NTP): exams open and close by it.")])
