"""The calls on webhooks, for administrators, and their page."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, render_template, request

from basics.texts import Text, _
from records.hook_address import place_of
from records.hook_events import EVENTS, Event
from web.access.callers import signature
from web.calls.audit import note
from web.calls.bodies import Done, read_body, read_query, reply
from web.calls.openapi import describe
from web.calls.paging import next_after
from web.integrations.hook_schemas import (
    AddHook,
    ChangeHook,
    DeliveryAnswer,
    DeliveryList,
    DeliveryQuery,
    HookAnswer,
    HookList,
    HookMade,
    delivery_answer,
    hook_answer,
)
from web.languages import said
from web.operator.people_pages import for_people
from web.parts import parts

hooks = Blueprint("hooks", __name__)

API = "/api/hooks"
MEANINGS: dict[Event, Text] = {
    "session.created": _("A session was made"),
    "session.started": _("A student has begun"),
    "session.ended": _("An exam has ended, with points, flags and why"),
    "session.interrupted": _("An exam broke off"),
    "interval.flagged": _("An interval was flagged"),
    "interval.revised": _("A flagged interval is scored otherwise than before"),
    "clip.ready": _("A clip can be watched"),
    "clip.failed": _("A clip could not be made"),
    "review.decided": _("A person decided about a flag"),
    "conclusion.made": _("A session was concluded, or that was changed"),
    "session.erased": _("A session was deleted"),
}


@hooks.get("/hooks")
def page() -> str:
    """Show the webhooks: who is told what, and what came of it."""
    events = [(event, said(MEANINGS[event])) for event in EVENTS]
    return render_template("hooks.html", active="hooks", events=events, **for_people())


@hooks.get(API)
@describe(HookList, errors=(503,))
def listed() -> Response:
    """List the webhooks, by name."""
    found = [hook_answer(one) for one in parts().hooks.all()]
    return reply(HookList(hooks=found, events=list(EVENTS), private_hosts=sorted(parts().hooks.private_hosts)))


@hooks.post(API)
@describe(HookMade, body=AddHook, errors=(409, 422, 503))
def add() -> Response:
    """Add a webhook. Its secret is shown this once."""
    wanted = read_body(request, AddHook)
    endpoint, secret = parts().hooks.add(by=signature(), **wanted.model_dump())
    _changed()
    note("webhook: added", signature(), endpoint_id=endpoint.id, name=endpoint.name, url=place_of(endpoint.url))
    return reply(HookMade(hook=hook_answer(endpoint), secret=secret))


@hooks.get(f"{API}/<endpoint_id>")
@describe(HookAnswer, errors=(404, 503))
def shown(endpoint_id: str) -> Response:
    """Show one webhook."""
    return reply(HookAnswer(hook=hook_answer(parts().hooks.get(endpoint_id))))


@hooks.patch(f"{API}/<endpoint_id>")
@describe(HookAnswer, body=ChangeHook, errors=(404, 422, 503))
def change(endpoint_id: str) -> Response:
    """Change a webhook, disable it, or enable it again: what waits for it has three days from then."""
    fields = read_body(request, ChangeHook).model_dump(exclude_none=True)
    endpoint = parts().hooks.change(endpoint_id, **fields)
    place = {"url": place_of(fields["url"])} if "url" in fields else {}
    if fields.get("enabled"):
        parts().outbox.begin_again(endpoint_id)
    _changed()
    note("webhook: changed", signature(), endpoint_id=endpoint.id, name=endpoint.name, changes=fields | place)
    return reply(HookAnswer(hook=hook_answer(endpoint)))


@hooks.delete(f"{API}/<endpoint_id>")
@describe(Done, errors=(404, 503))
def remove(endpoint_id: str) -> Response:
    """Remove a webhook, with all notices that wait for it."""
    endpoint = parts().hooks.remove(endpoint_id)
    _changed()
    note("webhook: removed", signature(), endpoint_id=endpoint.id, name=endpoint.name, url=place_of(endpoint.url))
    return reply(Done())


@hooks.post(f"{API}/<endpoint_id>/secret")
@describe(HookMade, errors=(404, 409, 503))
def make_secret(endpoint_id: str) -> Response:
    """Give a webhook a new secret, shown this once. The one before signs beside it for 24 hours."""
    endpoint, secret = parts().hooks.rotate(endpoint_id)
    _changed()
    note("webhook: secret made", signature(), endpoint_id=endpoint.id, name=endpoint.name)
    return reply(HookMade(hook=hook_answer(endpoint), secret=secret))


@hooks.post(f"{API}/<endpoint_id>/test")
@describe(DeliveryAnswer, errors=(404, 422, 503))
def test(endpoint_id: str) -> Response:
    """Send a webhook a notice of the kind `endpoint.test`; what came of it is among its deliveries a moment later."""
    endpoint = parts().hooks.get(endpoint_id)
    row = parts().outbox.test(endpoint, f"test-{uuid.uuid4().hex}")
    _changed()
    note("webhook: tested", signature(), endpoint_id=endpoint.id, name=endpoint.name)
    return reply(DeliveryAnswer(delivery=delivery_answer(row)))


@hooks.get(f"{API}/<endpoint_id>/deliveries")
@describe(DeliveryList, query=DeliveryQuery, errors=(404, 422, 503))
def deliveries(endpoint_id: str) -> Response:
    """List what a webhook was told and is still to be told, newest first."""
    query = read_query(request, DeliveryQuery)
    endpoint = parts().hooks.get(endpoint_id)
    found = parts().outbox.listed(endpoint.id, query.limit + 1, query.after, query.state)
    shown_now = [delivery_answer(row) for row in found[: query.limit]]
    return reply(DeliveryList(deliveries=shown_now, count=len(shown_now), next_after=next_after(found, query.limit)))


@hooks.post(f"{API}/<endpoint_id>/deliveries/<delivery_id>/resend")
@describe(DeliveryAnswer, errors=(404, 422, 503))
def resend(endpoint_id: str, delivery_id: str) -> Response:
    """Send a notice again, under the same id: three tries at most, and no other waits for it. One that waits already is sent sooner."""
    endpoint = parts().hooks.get(endpoint_id)
    row = parts().outbox.resend(endpoint, delivery_id)
    _changed()
    note("webhook: sent again", signature(), endpoint_id=endpoint.id, name=endpoint.name, kind=str(row.get("type")))
    return reply(DeliveryAnswer(delivery=delivery_answer(row)))


def _changed() -> None:
    if (sender := parts().hook_sender) is not None:
        sender.wake()
