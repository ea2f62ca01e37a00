"""One Stripe account: its objects, its events, and which endpoints are still to be told."""

import copy
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stripe_local.basket import Basket
from stripe_local.clock import Clock
from stripe_local.events import Cause, listens, new_event, new_twin
from stripe_local.store import Store
from stripe_local.webhooks.parcels import Parcel, Target, pack
from stripe_local.wire.changes import previous_attributes
from stripe_local.wire.resource import Resource


@dataclass(frozen=True)
class Profile:
    """What an account is, before any request: where its pages are, and who sells there."""

    public_url: str
    merchant: str


class Account:
    """The state that requests change. Whoever reads or changes it holds `lock`."""

    def __init__(self, profile: Profile, clock: Clock, post: Callable[[Parcel], None]) -> None:
        self.profile = profile
        self.lock = threading.RLock()
        self.store = Store()
        self.baskets: dict[str, Basket] = {}
        self.open_until: dict[str, int] = {}
        """When each open Checkout session expires, by its id."""
        self.webhook_secrets: dict[str, str] = {}
        self._clock = clock
        self._post = post
        self._untold: dict[str, set[str]] = {}

    def now_s(self) -> int:
        """Return the time of this account."""
        return self._clock.now_s()

    def record(
        self,
        event_type: str,
        resource: Resource,
        cause: Cause,
        *,
        previous: Resource | None = None,
    ) -> Resource:
        """Make the event of a change, and send it to every endpoint that wants it."""
        event = new_event(
            event_type, resource, cause=cause, previous=previous, now_s=self.now_s()
        )
        self._publish(event)
        return event

    def update(
        self,
        resource: Resource,
        changes: Mapping[str, Any],
        event_type: str,
        cause: Cause,
        *,
        removed: Iterable[str] = (),
    ) -> Resource:
        """Change an object in place, with an event unless nothing is different."""
        before = copy.deepcopy(resource)
        resource.update(changes)
        for field in removed:
            resource.pop(field, None)
        previous = previous_attributes(before, resource)
        if previous:
            self.record(event_type, resource, cause, previous=previous)
        return resource

    def duplicate(self, event: Resource, *, as_new_event: bool) -> Resource:
        """Send an event once more: as it is, or as a second event for the same change."""
        if as_new_event:
            twin = new_twin(event)
            self._publish(twin)
            return twin
        self._send(event, self._listeners(event["type"]))
        return event

    def taken(self, parcel: Parcel) -> None:
        """Note that an endpoint took an event."""
        with self.lock:
            event = self.store.find("event", parcel.event_id)
            if event is not None:
                untold = self._untold[parcel.event_id]
                untold.discard(parcel.endpoint_id)
                event["pending_webhooks"] = len(untold)

    def target(self, endpoint_id: str) -> Target | None:
        """Return where to send for an endpoint; None when it is gone or disabled."""
        with self.lock:
            endpoint = self.store.find("webhook_endpoint", endpoint_id)
            if endpoint is None or endpoint.get("status") != "enabled":
                return None
            return Target(url=endpoint["url"], secret=self.webhook_secrets[endpoint_id])

    def _publish(self, event: Resource) -> None:
        self.store.add(event)
        listeners = self._listeners(event["type"])
        self._untold[event["id"]] = {endpoint["id"] for endpoint in listeners}
        event["pending_webhooks"] = len(listeners)
        self._send(event, listeners)

    def _listeners(self, event_type: str) -> list[Resource]:
        endpoints = self.store.newest_first("webhook_endpoint")
        return [endpoint for endpoint in endpoints if listens(endpoint, event_type)]

    def _send(self, event: Resource, endpoints: Iterable[Resource]) -> None:
        for endpoint in endpoints:
            self._post(pack(event, endpoint))
