"""The calls for operators: each part's state, the figures for Prometheus, and the description of all calls."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Literal

from flask import Blueprint, Response, current_app, jsonify, request
from pydantic import BaseModel, Field

from basics.texts import _
from web.calls.bodies import reply
from web.calls.errors import Unready
from web.calls.openapi import build, describe
from web.languages import said
from web.operator.metrics import CONTENT_TYPE, metrics_of
from web.operator.todo import with_todo
from web.parts import Parts, parts

health_calls = Blueprint("health", __name__)

WELL = frozenset({"ok", "ready", "idle", "off", "running", "starting", "loading"})


class Health(BaseModel):
    """`degraded`: it serves, and some part needs a look. Without a login only `status` is told."""

    status: Literal["ok", "degraded"]
    uptime_s: float | None = None
    notes: list[str] | None = Field(default=None, description="What an operator should know of this server.")
    parts: dict[str, Any] | None = Field(default=None, description="Each part's `state`, with the `reason` and what `todo` where it isn't well.")


class Ready(BaseModel):
    """People may be sent here."""

    ready: Literal[True] = True
    instance: str | None = Field(default=None, description="This server's name among others; told with a login, where there may be others.")


@health_calls.get("/api/health")
@describe(Health)
def health() -> Response:
    """Show each part's state.

    200 whenever the server serves; `status` is `degraded` where a part needs a look.
    """
    found = with_todo(part_states(parts()), is_well)
    status: Literal["ok", "degraded"] = "ok" if all(is_well(state) for state in found.values()) else "degraded"
    if not parts().access.is_proctor(request):
        return Response(Health(status=status).model_dump_json(include={"status"}), mimetype="application/json")
    uptime = time.monotonic() - parts().started
    return reply(Health(status=status, uptime_s=round(uptime, 1), notes=said([*parts().monitor.models.notes, *_notes()]), parts=said(found)))


def _notes() -> list[str]:
    settings = parts().settings
    if settings.api_token.get_secret_value():
        return [_("API_TOKEN may everything, has no end and no name in the audit; a named token for each script is better (page People).")]
    return []


@health_calls.get("/api/ready")
@describe(Ready, errors=(503,))
def ready() -> Response:
    """Say whether people may be sent to this server, for who stands in front of several.

    503 while it has not taken up the exams that ran, and while it drains. Pages that are connected go on. While the database is away it stays 200:
    that is away for all servers, and exams go on.
    """
    monitor = parts().monitor
    if monitor.ownership.is_draining:
        raise Unready(_("This server drains: it is about to end."), retry_after_s=5)
    if not monitor.resumed.is_set():
        raise Unready(_("This server has just started, and takes up the exams that ran."), retry_after_s=1)
    if not parts().hops.has_others or not parts().access.is_proctor(request):
        return reply(Ready())
    return reply(Ready(instance=parts().hops.name))


@health_calls.get("/metrics")
@describe(media_type="text/plain")
def metrics() -> Response:
    """Show the figures in Prometheus' text format."""
    return Response(metrics_of(current_app).text(), content_type=CONTENT_TYPE)


@health_calls.get("/api/openapi.json")
@describe()
def openapi() -> Response:
    """Describe every call, as OpenAPI 3.1."""
    return jsonify(build(current_app))


def part_states(of: Parts) -> dict[str, Any]:
    """The state of every part by its name, each a mapping with a `state`."""
    disks = of.disks.look()
    keeping = {
        "retention": of.retention,
        "audit": of.audit_export,
        "clip_store": of.uploads,
        "webhooks": of.hook_sender,
        "platforms": of.act_sender,
    }
    return {
        "database": of.database.health(),
        **of.monitor.health(),
        "disk": disks["clips"],
        "disks": disks,
        "exam_page": of.exam_page.health(),
        "mail": of.mailer.health(),
        "links": of.cut_links.health(),
        **{name: part.health() for name, part in keeping.items() if part is not None},
        **({"erased": of.erased.health()} if of.erased.embedded else {}),
        **({"instances": of.membership.health()} if of.membership is not None else {}),
        **({"routing": of.monitor.taking.wandering.health()} if of.hops.has_others else {}),
        **({"sign_in": of.provider.health()} if of.provider is not None else {}),
    }


def is_well(state: object) -> bool:
    """Are this part and all within it in a state that needs no look?"""
    if not isinstance(state, Mapping):
        return True
    named = state.get("state")
    return (named is None or named in WELL) and all(is_well(inner) for inner in state.values())
