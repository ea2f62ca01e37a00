"""`/admin/webhooks`: Stripe's events that are not finished, and what waits to be delivered."""

import re
from datetime import datetime

from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.admin.domain.audit import Deed
from creditbase.admin.inbox import STATES, asked_of, count_events, list_events, retry_event
from creditbase.hub.admin_door import admin_of, key_of
from creditbase.hub.admin_records import audit_answer
from creditbase.hub.admin_requests import RetryRequest
from creditbase.hub.door import HUB
from creditbase.hub.queries import asked_text
from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.kernel.instants import write_seconds
from creditbase.metering.models import parse
from creditbase.payments.inbox_store import Listed
from creditbase.runtime.backlog import find_waiting_deliveries
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.runtime.outbox import Parcel

Json = dict[str, object]

DELIVERIES = 50
EVENT_ID = re.compile(r"evt_\w{1,250}", re.ASCII)
PLACE = re.compile(r"([0-9a-f-]{36}):([0-9a-f-]{36})")


@endpoint("admin_webhooks", door=HUB)
def admin_webhooks(call: Call) -> Reply:
    """List events of a state, list deliveries that wait, or have an event handled again.

    Answers 400 `INVALID_REQUEST` to a state or cursor that is none, 404 to an event that is
    not there, 409 `CONFLICT` to one that is finished.
    """
    admin_of(call)
    if call.route.method == "POST":
        return _retry(call)
    if call.route.path.endswith("/deliveries"):
        return _deliveries(call)
    return _events(call)


def _events(call: Call) -> Reply:
    state, cursor = asked_text(call, "state") or "waiting", asked_text(call, "cursor")
    if state not in STATES:
        raise InvalidRequest(f"state is one of {', '.join(STATES)}", field="state")
    if cursor and EVENT_ID.fullmatch(cursor) is None:
        raise InvalidRequest("That is no cursor", field="cursor")
    page = list_events(state, after=cursor)
    body: Json = {
        "state": state,
        "counts": count_events(),
        "events": [_event(listed, call.now) for listed in page.events],
    }
    return Reply(body={**body, "next_cursor": page.next_cursor} if page.next_cursor else body)


def _event(listed: Listed, now: datetime) -> Json:
    row: Json = {
        "id": listed.event.event_id,
        "type": listed.event.type,
        "object_id": listed.event.object_id,
        "object_type": listed.event.object_type,
        "received_at": write_seconds(listed.received_at),
        "age_s": max(0, int((now - listed.received_at).total_seconds())),
        "attempts": listed.attempts,
        "reason": listed.reason,
    }
    if listed.next_try_at is not None:
        row["next_try_at"] = write_seconds(listed.next_try_at)
    return row


def _retry(call: Call) -> Reply:
    asked, event_id = parse(RetryRequest, call.body), call.path["event_id"]
    if EVENT_ID.fullmatch(event_id) is None:
        raise NotFound("There is no such event")
    deed = Deed(
        action="event_retry",
        actor=admin_of(call),
        key=key_of(call),
        reason=asked.reason,
        project_id=HUB_PROJECT_ID,
        asked=asked_of(event_id),
    )
    return Reply(body=audit_answer(retry_event(deed, event_id, now=call.now)))


def _deliveries(call: Call) -> Reply:
    cursor = asked_text(call, "cursor")
    place = PLACE.fullmatch(cursor)
    if cursor and place is None:
        raise InvalidRequest("That is no cursor", field="cursor")
    found = find_waiting_deliveries(
        after=(place[1], place[2]) if place else None, limit=DELIVERIES + 1
    )
    shown = found[:DELIVERIES]
    body: Json = {"deliveries": [_delivery(parcel) for parcel in shown]}
    if len(found) > DELIVERIES:
        body["next_cursor"] = f"{shown[-1].queue}:{shown[-1].parcel_id}"
    return Reply(body=body)


def _delivery(parcel: Parcel) -> Json:
    kept, delivery = parcel.fields, parcel.delivery
    row: Json = {
        "id": parcel.parcel_id,
        "project_id": kept["project_id"],
        "webhook_id": kept["webhook_id"],
        "event_type": kept["event_type"],
        "created_at": write_seconds(parcel.created_at),
        "state": delivery.state,
        "attempts": delivery.attempts,
        "error": delivery.error,
    }
    if parcel.due_at is not None:
        row["due_at"] = write_seconds(parcel.due_at)
    return row
