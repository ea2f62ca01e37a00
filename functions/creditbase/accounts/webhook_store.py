"""Where webhooks and their deliveries are kept. Nobody else spells these paths.

projects/{p}/webhooks/{id}   the webhook, its signing secrets among it
deliveries/{id}              an event on its way to one webhook: project_id, webhook_id,
                             event_id, event_type, body, and what every outbox has
"""

import uuid
from collections.abc import Iterable
from datetime import datetime

from creditbase.accounts.webhooks import WEBHOOKS_MAX, SigningSecret, Webhook
from creditbase.kernel.ids import NAMESPACE
from creditbase.kernel.records import dataclass
from creditbase.runtime.firestore import (
    Create,
    Delete,
    Fields,
    Snapshot,
    Update,
    Version,
    Write,
    get_all,
    query,
)
from creditbase.runtime.outbox import Parcel, create_parcel, parcel_from


@dataclass(frozen=True, slots=True)
class KeptWebhook:
    """A webhook with the version it was read at."""

    webhook: Webhook
    version: Version


def find_webhooks(project_id: str) -> list[Webhook]:
    """Return a project's webhooks, the oldest first.

    Raises:
        Unavailable: the store gave no answer in time.
    """
    found = query(f"projects/{project_id}/webhooks", limit=2 * WEBHOOKS_MAX)
    webhooks = [_webhook(project_id, snapshot) for snapshot in found]
    return sorted(webhooks, key=lambda webhook: (webhook.created_at, webhook.webhook_id))


def find_webhook(project_id: str, webhook_id: str) -> KeptWebhook | None:
    """Return a webhook of the project, if it has it."""
    snapshot = get_all([_path(project_id, webhook_id)])[0]
    if snapshot.fields is None or snapshot.version is None:
        return None
    return KeptWebhook(_webhook(project_id, snapshot), snapshot.version)


def write_for_new_webhook(webhook: Webhook) -> Write:
    """Return the write of a webhook that was not there."""
    return Create(_path(webhook.project_id, webhook.webhook_id), _fields(webhook))


def write_for_change(before: KeptWebhook, after: Webhook) -> Write:
    """Return the write that changes a webhook, or fails if it has moved."""
    changes: dict[tuple[str, ...], object] = {
        (name,): value for name, value in _fields(after).items()
    }
    path = _path(after.project_id, after.webhook_id)
    return Update(path, changes, unless_changed_since=before.version)


def write_for_removal(project_id: str, webhook_id: str) -> Write:
    """Return the write that takes a webhook away; what is on its way to it is given up."""
    return Delete(_path(project_id, webhook_id))


def _webhook(project_id: str, snapshot: Snapshot) -> Webhook:
    assert snapshot.fields is not None
    kept = snapshot.fields
    return Webhook(
        webhook_id=snapshot.path.rpartition("/")[2],
        project_id=project_id,
        endpoint_url=kept["endpoint_url"],
        events=tuple(kept["events"]),
        secrets=tuple(SigningSecret(**secret) for secret in kept["secrets"]),
        created_at=kept["created_at"],
        updated_at=kept["updated_at"],
        is_enabled=kept["is_enabled"],
        disabled_for=kept["disabled_for"],
        failing_since=kept.get("failing_since"),
        rests_until=kept.get("rests_until"),
    )


def _fields(webhook: Webhook) -> Fields:
    return {
        "endpoint_url": webhook.endpoint_url,
        "events": list(webhook.events),
        "secrets": [
            {"secret": each.secret, "expires_at": each.expires_at} for each in webhook.secrets
        ],
        "created_at": webhook.created_at,
        "updated_at": webhook.updated_at,
        "is_enabled": webhook.is_enabled,
        "disabled_for": webhook.disabled_for,
        "failing_since": webhook.failing_since,
        "rests_until": webhook.rests_until,
    }


def _path(project_id: str, webhook_id: str) -> str:
    return f"projects/{project_id}/webhooks/{webhook_id}"


# ---- deliveries ----------------------------------------------------------------------------


def writes_to_hand_on(
    event: Parcel, webhooks: Iterable[Webhook], *, ours: Iterable[str] = (), now: datetime
) -> list[Write]:
    """Return the batch that makes a delivery of an event for each webhook that wants it.

    `ours` names receivers within the product, which have a delivery in the same way. It fails
    whole where another run was quicker.
    """
    kept = event.fields
    writes: list[Write] = [
        Update(
            event.path,
            {("due_at",): None, ("queue",): None, ("delivery", "state"): "SUCCESS"},
            unless_changed_since=event.version,
        )
    ]
    wanting = [one.webhook_id for one in webhooks if one.wants(kept["event_type"])]
    for receiver in (*wanting, *ours):
        name = f"delivery/{event.parcel_id}/{receiver}"
        fields = {
            "project_id": kept["project_id"],
            "webhook_id": receiver,
            "event_id": event.parcel_id,
            "event_type": kept["event_type"],
            "customer_id": kept.get("customer_id", ""),
            "body": kept["body"],
        }
        path = f"deliveries/{uuid.uuid5(NAMESPACE, name)}"
        writes.append(create_parcel(path, fields, now=now, queue=receiver))
    return writes


def find_deliveries(webhook_id: str, *, limit: int) -> list[Parcel]:
    """Return what was on its way to a webhook, the newest first."""
    found = query(
        "deliveries",
        where=[("webhook_id", "==", webhook_id)],
        order_by="created_at",
        is_newest_first=True,
        limit=limit,
    )
    return [parcel_from(snapshot) for snapshot in found]
