"""Detours that a test orders for deliveries: lost, late, or held until they are let go. Pure.

A detour concerns the deliveries that are made after it was ordered. The first that fits is
the one taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Literal

from stripe_local.webhooks.parcels import Parcel

Way = Literal["drop", "delay", "hold", "shuffle"]
Order = Literal["made", "reversed", "shuffled"]


@dataclass(frozen=True)
class Detour:
    """What happens to which deliveries, and how often: None is until it is called off."""

    way: Way
    types: frozenset[str] | None = None
    objects: frozenset[str] | None = None
    """Only deliveries about one of these objects, or about what belongs to these customers."""
    count: int | None = None
    seconds: float = 0.0
    """How much later a `delay` sends; for how long a `shuffle` gathers."""
    seed: int = 0

    def concerns(self, parcel: Parcel) -> bool:
        """Return whether a delivery takes this detour."""
        is_of_type = self.types is None or parcel.event_type in self.types
        return is_of_type and (self.objects is None or bool(self.objects & parcel.concerns))


@dataclass(frozen=True)
class Span:
    """A time in which deliveries are gathered, to be sent in another order when it is over."""

    detour: Detour
    ends_at_s: float
    gathered: list[Parcel] = field(default_factory=list)

    def shuffled(self) -> list[Parcel]:
        """Return what was gathered, in the order in which it is sent."""
        return in_order(self.gathered, "shuffled", self.detour.seed)


class Detours:
    """The detours that are still to be taken, and the deliveries that are held."""

    def __init__(self) -> None:
        self.ordered: list[Detour] = []
        self.held: list[Parcel] = []
        self.spans: list[Span] = []

    def order(self, detour: Detour, now_s: float) -> None:
        """Add a detour for deliveries to come."""
        self.ordered.append(detour)
        if detour.way == "shuffle":
            self.spans.append(Span(detour, now_s + detour.seconds))

    def call_off(self) -> None:
        """Forget all detours. What is held stays held, and what is gathered waits its time."""
        self.ordered.clear()

    def take(self, parcel: Parcel) -> Detour | None:
        """Return the detour that a delivery takes, if any, and count it."""
        for place, detour in enumerate(self.ordered):
            if detour.concerns(parcel):
                if detour.count is not None:
                    left = replace(detour, count=detour.count - 1)
                    self.ordered[place : place + 1] = [left] if left.count else []
                return detour
        return None

    def gather(self, parcel: Parcel, detour: Detour) -> None:
        """Keep a delivery until the span of its detour is over."""
        [span] = [each for each in self.spans if each.detour is detour]
        span.gathered.append(parcel)

    def take_span(self, now_s: float) -> Span | None:
        """Return a span that is over, and end it; None when none is."""
        for span in self.spans:
            if span.ends_at_s <= now_s:
                self.spans.remove(span)
                self.ordered = [each for each in self.ordered if each is not span.detour]
                return span
        return None

    def next_end_s(self) -> float | None:
        """Return when the next span is over; None when none is open."""
        return min((span.ends_at_s for span in self.spans), default=None)

    def let_go(self, events: Sequence[str] | None) -> list[Parcel]:
        """Return what is held, and hold it no longer: everything, or these events in turn.

        An event that is named twice is let go as often as it is held.
        """
        if events is None:
            freed, self.held = self.held, []
            return freed
        freed = []
        for event_id in events:
            freed += self._one_of_each(event_id)
        return freed

    def _one_of_each(self, event_id: str) -> list[Parcel]:
        """Return the oldest delivery of an event that is held for each endpoint."""
        freed: list[Parcel] = []
        for parcel in list(self.held):
            is_wanted = parcel.event_id == event_id
            if is_wanted and all(parcel.endpoint_id != other.endpoint_id for other in freed):
                freed.append(parcel)
                self.held.remove(parcel)
        return freed


def in_order(parcels: Sequence[Parcel], order: Order, seed: int) -> list[Parcel]:
    """Return deliveries in the order in which they shall go out; the same seed, the same."""
    if order == "shuffled":
        return Random(seed).sample(parcels, len(parcels))  # noqa: S311 - an order, not a secret
    return list(parcels) if order == "made" else list(reversed(parcels))
