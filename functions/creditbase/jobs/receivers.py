"""Receivers of events within the product: an Eventarc channel, and the claims of users.

They have deliveries as webhooks have, with the same leases and back-off; the name of the
receiver stands where a webhook's id does. Which of them there are the settings say. ADR 0050.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from creditbase.accounts.domain import CustomerRef
from creditbase.kernel.errors import NotFound, Unavailable
from creditbase.runtime import eventarc
from creditbase.runtime.claims import ClaimsFull
from creditbase.runtime.outbox import NotTaken, Parcel, Refused
from creditbase.runtime.settings import settings
from creditbase.subscriptions.claims import give_claims

Receive = Callable[[Parcel], Mapping[str, Any]]


def wanting(event_type: str) -> tuple[str, ...]:
    """Return the receivers that are to be given an event of this type."""
    has_claims = settings().plan_claims != "off" and event_type == "billing.plan_changed"
    has_channel = bool(settings().eventarc_channel)
    return tuple(
        name for name, wants in (("claims", has_claims), ("eventarc", has_channel)) if wants
    )


def _publish(parcel: Parcel) -> Mapping[str, Any]:
    channel = settings().eventarc_channel
    if not channel:
        raise Refused("no channel is set any more")
    try:
        eventarc.publish(channel, json.loads(parcel.fields["body"]))
    except eventarc.NotPublished as failure:
        raise NotTaken(str(failure)) from failure
    return {"response": "published"}


def _give_claims(parcel: Parcel) -> Mapping[str, Any]:
    ref = CustomerRef(parcel.fields["project_id"], parcel.fields["customer_id"])
    try:
        given = give_claims(ref)
    except Unavailable as failure:
        raise NotTaken("there was no answer") from failure
    except (ClaimsFull, NotFound) as failure:
        raise Refused(str(failure)) from failure
    return {"response": "given" if given else "nobody has it, or has them already"}


RECEIVERS: Mapping[str, Receive] = {"claims": _give_claims, "eventarc": _publish}
"""By the name that stands in a delivery; each raises `Refused` or `NotTaken`."""
