"""One Stripe account: its objects, its events, and which endpoints are still to be told."""

import contextlib
import copy
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stripe_local.agenda import Agenda
from stripe_local.basket import Basket
from stripe_local.billing.invoice_shape import Line
from stripe_local.cards import TestCard
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


@dataclass(frozen=True)
class Outside:
    """What an account can do beyond itself: send a webhook, and set out through time."""

    post: Callable[[Parcel], None]
    travel: Callable[[int, Callable[[], None]], None]


@dataclass(frozen=True)
class Dunning:
    """What the owner of an account chose for subscriptions whose payment fails."""

    retry_after_days: tuple[int, ...] = (3, 5, 7)
    """The days between one try and the next."""
    at_last: Literal["cancel", "unpaid", "past_due"] = "cancel"
    """What becomes of the subscription when the last try has failed."""


@dataclass(frozen=True)
class Resumption:
    """A paused subscription that goes on when its invoice is dealt with."""

    invoice_id: str
    go_on: Callable[[str], None]
    """Let it go on with a status."""
    is_tried_again: bool
    """Whether a failed payment leaves it paused, for another try."""


@dataclass(frozen=True)
class PendingUpdate:
    """A change of a subscription that is made once its invoice is paid."""

    invoice_id: str
    apply: Callable[[Cause], None]


class Account:
    """The state that requests change. Whoever reads or changes it holds `lock`."""

    def __init__(self, profile: Profile, clock: Clock, outside: "Outside") -> None:
        self.profile = profile
        self.lock = threading.RLock()
        self.store = Store()
        self.baskets: dict[str, Basket] = {}
        self.agenda = Agenda()
        self.cards: dict[str, TestCard] = {}
        """The test card behind each payment method, by its id."""
        self.set_up_methods: set[str] = set()
        """The payment methods whose owners were authenticated for payments to come."""
        self.spent_methods: set[str] = set()
        """The payment methods that were used or given up, and that nobody keeps."""
        self.dunning = Dunning()
        self.coupons_at_work: dict[str, Resource] = {}
        """The coupon behind each discount as it was when it was put to work."""
        self.kept_lines: dict[str, Line] = {}
        """What invoice items are on an invoice, or will be on the next, by their ids."""
        self.pending_updates: dict[str, PendingUpdate] = {}
        """What waits for its invoice before a subscription changes, by subscription."""
        self.resumptions: dict[str, Resumption] = {}
        """What waits for its invoice before a paused subscription goes on, by subscription."""
        self.webhook_secrets: dict[str, str] = {}
        self._clock = clock
        self._outside = outside
        self._moment_s: int | None = None
        self._untold: dict[str, set[str]] = {}

    def now_s(self) -> int:
        """Return the time of this account."""
        return self._clock.now_s() if self._moment_s is None else self._moment_s

    def let_pass(self) -> None:
        """Let everything happen whose time has come, each thing at its own moment."""
        while (plan := self.agenda.take_due(self._clock.now_s())) is not None:
            with self._at(plan.at_s):
                plan.act()

    def set_time(self, at_s: int) -> None:
        """Move the clock, and let happen what was due until then."""
        self._clock.move_to(at_s)
        self.let_pass()

    def travel(self, to_s: int, on_arrival: Callable[[], None]) -> None:
        """Set out for a moment to come, and return at once: time passes in the background."""
        self._outside.travel(to_s, on_arrival)

    @contextlib.contextmanager
    def _at(self, moment_s: int) -> Iterator[None]:
        self._moment_s = moment_s
        try:
            yield
        finally:
            self._moment_s = None

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
            self._outside.post(pack(event, endpoint))
