"""`/projects/{id}/webhooks…`: where a project's developer is told of events.

For its owners. What is sent is signed as Standard Webhooks say; a test is sent at once and
leaves no record. Source: relay-api.md 7.
"""

import json
import secrets
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from creditbase.accounts import webhook_store as store
from creditbase.accounts import webhook_use_cases as webhooks
from creditbase.accounts.owners import owned_project
from creditbase.accounts.webhooks import (
    EVENT_TYPES,
    SECRET_BYTES,
    Webhook,
    Wishes,
    in_order,
)
from creditbase.kernel.errors import InvalidRequest, NotFound, NotInTime
from creditbase.kernel.instants import write_seconds
from creditbase.metering.models import parse
from creditbase.relay.answers import Json, as_uuid, at, at_or_none, present
from creditbase.relay.door import RELAY
from creditbase.relay.requests import RelayRequest
from creditbase.runtime.answering import left_s
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.runtime.outbox import Parcel
from creditbase.runtime.outward import URL_CHARACTERS_MAX, Unreachable, wrong_target

TEST_S_MAX = 4.0
"""A test has to be answered while its owner waits."""
TEST_S_LEAST = 1.0
"""In less, a test would say more of us than of the webhook."""
LISTED_MAX = 200
LISTED_DEFAULT = 50
SEARCHED_MAX = 1_000
"""How many of a webhook's newest deliveries a list is made from."""
STATUSES = {"SUCCESS": "delivered", "ERROR": "failed"}


def _is_target(url: str) -> str:
    wrong = wrong_target(url)
    if wrong:
        raise ValueError(wrong)
    return url


def _are_types(events: list[str]) -> list[str]:
    for event in events:
        if event not in EVENT_TYPES:
            raise ValueError("there is no such event")
    return events


EndpointUrl = Annotated[str, Field(max_length=URL_CHARACTERS_MAX), AfterValidator(_is_target)]
EventTypes = Annotated[
    list[str], Field(min_length=1, max_length=len(EVENT_TYPES)), AfterValidator(_are_types)
]


class WebhookRequest(RelayRequest):
    """Tell an endpoint of events."""

    endpoint_url: EndpointUrl
    """Where events are posted: HTTPS, at a public address."""
    events: EventTypes
    enabled: bool = True


class WebhookUpdateRequest(RelayRequest):
    """Change a webhook; what is left out stays as it is."""

    endpoint_url: EndpointUrl | None = None
    """Where events are posted: HTTPS, at a public address."""
    events: EventTypes | None = None
    enabled: bool | None = None
    rotate_secret: bool = False
    """Make a new signing secret; the old one signs beside it for a day."""


class WebhookTestRequest(RelayRequest):
    """Send an event of that type, made up, now."""

    event_type: str

    def checked(self) -> str:
        """Return the type.

        Raises:
            InvalidRequest: there is no such event.
        """
        if self.event_type not in EVENT_TYPES:
            raise InvalidRequest("There is no such event", field="event_type")
        return self.event_type


@endpoint("project_webhooks", door=RELAY)
def project_webhooks(call: Call) -> Reply:
    """List, make, show, change, remove and test webhooks, and list what was sent to them."""
    project_id = as_uuid(call.path["project_id"])
    if project_id is None:
        raise NotFound("Project not found")
    owned_project(project_id, call.caller.uid)
    return OPERATIONS[call.route.name](call, project_id)


def _list(call: Call, project_id: str) -> Reply:
    del call
    found = store.find_webhooks(project_id)
    return Reply(body={"webhooks": [_answer(webhook) for webhook in found]})


def _create(call: Call, project_id: str) -> Reply:
    asked = parse(WebhookRequest, call.body)
    webhook = webhooks.create_webhook(
        project_id,
        webhook_id=str(uuid.uuid4()),
        endpoint_url=asked.endpoint_url,
        events=in_order(asked.events),
        is_enabled=asked.enabled,
        secret=webhooks.mint_secret(secrets.token_bytes(SECRET_BYTES)),
        now=call.now,
    )
    return Reply(body={"webhook": _answer(webhook)}, status=201)


def _show(call: Call, project_id: str) -> Reply:
    return Reply(body={"webhook": _answer(_webhook(call, project_id))})


def _change(call: Call, project_id: str) -> Reply:
    asked = parse(WebhookUpdateRequest, call.body)
    fresh = webhooks.mint_secret(secrets.token_bytes(SECRET_BYTES))
    wishes = Wishes(
        endpoint_url=asked.endpoint_url,
        events=None if asked.events is None else in_order(asked.events),
        is_enabled=asked.enabled,
        new_secret=fresh if asked.rotate_secret else None,
    )
    changed = webhooks.change_webhook(project_id, _id(call), wishes, now=call.now)
    return Reply(body={"webhook": _answer(changed)})


def _remove(call: Call, project_id: str) -> Reply:
    webhooks.remove_webhook(project_id, _id(call))
    return Reply(body=None, status=204)


def _list_events(call: Call, project_id: str) -> Reply:
    webhook = _webhook(call, project_id)
    limit = _number(call.body, "limit", LISTED_DEFAULT, 1, LISTED_MAX)
    offset = _number(call.body, "offset", 0, 0, SEARCHED_MAX)
    wanted = {name: call.body[name] for name in ("event_type", "status") if name in call.body}
    most = SEARCHED_MAX if wanted else offset + limit + 1
    found = [
        record
        for parcel in store.find_deliveries(webhook.webhook_id, limit=most)
        if wanted.items() <= (record := delivery_answer(parcel)).items()
    ]
    has_more = len(found) > offset + limit
    return Reply(
        body=present(
            events=found[offset : offset + limit],
            next_cursor=str(offset + limit) if has_more else None,
        )
    )


def _test(call: Call, project_id: str) -> Reply:
    event_type = parse(WebhookTestRequest, call.body).checked()
    webhook = _webhook(call, project_id)
    event_id = str(uuid.uuid4())
    text = json.dumps(
        {
            "id": event_id,
            "type": event_type,
            "timestamp": write_seconds(call.now),
            "project_id": project_id,
            "data": {"is_test": True},
        }
    )
    within_s = min(TEST_S_MAX, left_s())
    if within_s < TEST_S_LEAST:
        raise NotInTime
    try:
        answered = webhooks.send(webhook, event_id, text, deadline_s=within_s)
    except Unreachable as failure:
        return Reply(body={"status": "failed", "error": str(failure)}, status=502)
    told: Json = {
        "response_status": answered.status,
        "response_body": answered.body,
        "latency_ms": answered.latency_ms,
    }
    if answered.is_good:
        return Reply(body={"status": "delivered", **told})
    error = f"it answered {answered.status}"
    return Reply(body={"status": "failed", **told, "error": error}, status=502)


OPERATIONS: Mapping[str, Callable[[Call, str], Reply]] = {
    "GET /api/v1/projects/{project_id}/webhooks": _list,
    "POST /api/v1/projects/{project_id}/webhooks": _create,
    "GET /api/v1/projects/{project_id}/webhooks/{webhook_id}": _show,
    "PUT /api/v1/projects/{project_id}/webhooks/{webhook_id}": _change,
    "DELETE /api/v1/projects/{project_id}/webhooks/{webhook_id}": _remove,
    "GET /api/v1/projects/{project_id}/webhooks/{webhook_id}/events": _list_events,
    "POST /api/v1/projects/{project_id}/webhooks/{webhook_id}/test": _test,
}


# ---- requests ------------------------------------------------------------------------------


def _id(call: Call) -> str:
    found = as_uuid(call.path["webhook_id"])
    if found is None:
        raise NotFound("Webhook not found")
    return found


def _webhook(call: Call, project_id: str) -> Webhook:
    return webhooks.find_webhook(project_id, _id(call))


def _number(query: Mapping[str, object], name: str, default: int, least: int, most: int) -> int:
    text = str(query.get(name, default))
    # `int` alone would take underscores, signs and the digits of any script.
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most))):
        raise InvalidRequest(f"{name} is a number from {least} to {most}", field=name)
    if not least <= int(text) <= most:
        raise InvalidRequest(f"{name} is a number from {least} to {most}", field=name)
    return int(text)


# ---- answers -------------------------------------------------------------------------------


def _answer(webhook: Webhook) -> Json:
    return present(
        id=webhook.webhook_id,
        project_id=webhook.project_id,
        endpoint_url=webhook.endpoint_url,
        events=list(webhook.events),
        enabled=webhook.is_enabled,
        disabled_reason=webhook.disabled_for or None,
        signing_secret=webhook.secret,
        created_at=at(webhook.created_at),
        updated_at=at(webhook.updated_at),
    )


def delivery_answer(parcel: Parcel) -> Json:
    """Return a delivery as the log shows it: what was sent, how often, and what came back."""
    kept, delivery = parcel.fields, parcel.delivery
    last_at: datetime | None = delivery.ended_at or delivery.started_at
    info = delivery.info
    return present(
        id=parcel.parcel_id,
        webhook_config_id=kept["webhook_id"],
        event_id=kept["event_id"],
        event_type=kept["event_type"],
        payload=json.loads(kept["body"]),
        status=STATUSES.get(delivery.state, "pending"),
        attempt_count=delivery.attempts,
        last_attempt_at=at_or_none(last_at),
        next_attempt_at=at_or_none(None if delivery.is_ended else kept["due_at"]),
        response_status=info.get("response_status"),
        response_body=info.get("response_body"),
        latency_ms=info.get("latency_ms"),
        error=delivery.error or None,
        created_at=at(parcel.created_at),
        updated_at=at(last_at or parcel.created_at),
    )
