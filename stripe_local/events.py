"""Events: what happened, with the object as it was at that moment. Pure but for the ids."""

import copy
from dataclasses import dataclass

from stripe_local.ids import new_id
from stripe_local.wire.expansion import shortened
from stripe_local.wire.parameter_types import API_VERSION
from stripe_local.wire.resource import Resource


@dataclass(frozen=True)
class Cause:
    """The request behind an event, as the event will name it."""

    request_id: str | None = None
    idempotency_key: str | None = None


BY_ITSELF = Cause()
"""What Stripe does on its own account, without a request that an event could name."""


def new_event(
    event_type: str,
    resource: Resource,
    *,
    cause: Cause,
    previous: Resource | None,
    now_s: int,
) -> Resource:
    """Return the event that tells of one change, with a snapshot of the object."""
    snapshot: Resource = {"object": copy.deepcopy(shortened(resource))}
    if previous is not None:
        snapshot["previous_attributes"] = copy.deepcopy(previous)
    return {
        "id": new_id("event"),
        "object": "event",
        "api_version": API_VERSION,
        "created": now_s,
        "data": snapshot,
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": cause.request_id, "idempotency_key": cause.idempotency_key},
        "type": event_type,
    }


def new_twin(event: Resource) -> Resource:
    """Return another event for the same change, as Stripe sometimes makes two."""
    return {**copy.deepcopy(event), "id": new_id("event"), "pending_webhooks": 0}


def listens(endpoint: Resource, event_type: str) -> bool:
    """Return whether a webhook endpoint wants events of a type."""
    wanted = endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and ("*" in wanted or event_type in wanted)
