"""Events for a project's developer, on their way to the project's webhooks.

    events/{id}   project_id, event_type, customer_id, body (JSON text, the bytes that are
                  signed), and what every outbox has

Created in the commit of its cause, under an id that the cause gives: so an event is there
once, whatever is repeated. A job makes a delivery of it for each webhook that wants it.
"""

import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from creditbase.kernel.ids import NAMESPACE
from creditbase.kernel.instants import write_seconds
from creditbase.kernel.records import dataclass
from creditbase.runtime.firestore import Create
from creditbase.runtime.outbox import create_parcel

EventType = Literal[
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "usage.threshold_exceeded",
    "request.completed",
    "billing.subscription_changed",
    "billing.balance_low",
    "billing.plan_changed",
    "billing.credits_granted",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in a project. `cause` names it: the same cause is told once."""

    project_id: str
    event_type: EventType
    cause: str
    data: Mapping[str, object]

    @property
    def event_id(self) -> str:
        """Return its id, a UUID."""
        return str(uuid.uuid5(NAMESPACE, f"event/{self.project_id}/{self.cause}"))


def create_event(event: Event, *, now: datetime) -> Create:
    """Return the write that tells of an event, for the commit of its cause."""
    body = {
        "id": event.event_id,
        "type": event.event_type,
        "timestamp": write_seconds(now),
        "project_id": event.project_id,
        "data": dict(event.data),
    }
    fields = {
        "project_id": event.project_id,
        "event_type": event.event_type,
        "customer_id": str(event.data.get("customer_id", "")),
        "body": json.dumps(body, ensure_ascii=False, separators=(",", ":")),
    }
    path = f"events/{event.event_id}"
    return create_parcel(path, fields, now=now, queue=event.project_id)
