"""What an operator does about a part that isn't well, where the part itself doesn't say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from basics.texts import _

TODO: Mapping[str, str] = {
    "database": _("Look whether MongoDB runs and MONGO_URI is right. Nothing is lost meanwhile: records wait on this machine's disk."),
    "models": _("Run ./setup.sh again, and start the server anew."),
    "analysis": _("Run fewer exams on this machine, give it more cores, or lower GAZE_FPS. What is not read counts against nobody."),
    "detectors": _("Look into logs/app_errors.log. If it goes on, start the server anew: exams go on. What is not read counts against nobody."),
    "recorder": _("Look whether the disk of CLIPS_DIR and TEMP_DIR is full or can't be written to, and into logs/app_errors.log."),
    "disk": _(
        "Give clips fewer days (KEEP_DAYS, KEEP_CLIPS_DISMISSED_DAYS), to those there are by `flask --app app retention --apply`: old ones go."
    ),
    "retention": _(
        "What is due may not be deleted (flask --app app retention says what), and clips and records not compared: look into logs/app_errors.log."
    ),
    "clip_store": _("Nothing is lost: files wait on this machine's disk, and are sent once the store takes them. See what it needs."),
    "instances": _("Give all servers one SECRET_KEY and a right clock, each a name of its own, and start anew whichever this was changed at."),
    "routing": _("Let the web server in front send each exam to one server, by `e` in the address (docs/operators.md, Which server an exam is on)."),
    "sign_in": _("Look whether the provider of OIDC_ISSUER answers. Whoever is logged in stays so; accounts with a password can log in."),
    "stations": _("Look at the cable of the camera or microphone, and whether another program holds it."),
}


def with_todo(parts: Mapping[str, Any], is_well: Any) -> dict[str, Any]:
    """`parts`, those that aren't well with what to do (`todo`)."""
    return {name: _with_todo(name, state) if isinstance(state, Mapping) and not is_well(state) else state for name, state in parts.items()}


def _with_todo(name: str, state: Mapping[str, Any]) -> dict[str, Any]:
    return {**state, "todo": state.get("todo") or TODO.get(name, _("Look into logs/app_errors.log."))}
