"""What the switches are told, in JSON: unknown fields and wrong values are refused."""

from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from stripe_local.faults import Moment, Outcome
from stripe_local.webhooks.detours import Order as ReleasedOrder


class Order(BaseModel):
    """What every order has in common: it says nothing that is not understood."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SettleOrder(Order):
    """Wait for the webhooks."""

    timeout_s: float = Field(default=10, ge=0, le=300)
    about: str | None = None
    """Wait only for events about this object."""


class DuplicateOrder(Order):
    """Send an event again, although it was taken."""

    copies: int = Field(default=1, ge=1, le=100)
    as_new_event: bool = False
    """Make another event for the same change, as Stripe sometimes does."""


class SelectedOrder(Order):
    """An order about deliveries to come: of these types, about these objects, or about any."""

    types: list[str] | None = Field(default=None, min_length=1)
    objects: list[str] | None = Field(default=None, min_length=1)
    """Ids of what changes, or of customers to whom it belongs."""


class DropOrder(SelectedOrder):
    """Lose deliveries: they are not sent, and not retried."""

    count: int = Field(default=1, ge=0, le=10_000)


class HoldOrder(SelectedOrder):
    """Keep deliveries back until they are released: for good, or the next so many."""

    count: int | None = Field(default=None, ge=1, le=10_000)


class DelayOrder(HoldOrder):
    """Send deliveries later, each by so many seconds."""

    seconds: float = Field(gt=0, le=600)


class ShuffleOrder(SelectedOrder):
    """Gather the deliveries of a span, and then send them in a random order."""

    seconds: float = Field(gt=0, le=60)
    seed: int = 0


class ReleaseOrder(Order):
    """Send what is held: all of it in some order, or these events, one after another."""

    order: ReleasedOrder = "made"
    seed: int = 0
    """Of the order `shuffled`: the same seed, the same order."""
    events: list[str] | None = Field(default=None, min_length=1)
    """Only these, in this order; an event that is held twice may be named twice."""
    hold_no_more: bool = True
    """Call off the detours too; else what happens next is held again."""

    @model_validator(mode="after")
    def _names_one_order(self) -> "ReleaseOrder":
        if self.events is not None and "order" in self.model_fields_set:
            raise ValueError("name the events in their order, or an order for all of them")
        return self


class FaultOrder(Order):
    """Let API requests fail; the meanings are those of `faults.Fault`."""

    outcome: Outcome
    moment: Moment = "before"
    count: int = Field(default=1, ge=1, le=10_000)
    method: Literal["GET", "POST", "DELETE"] | None = None
    path_prefix: str = "/v1/"
    seconds: float = Field(default=30, gt=0, le=600)
    retry_after_s: int | None = Field(default=None, ge=0, le=600)
    """Of a `rate_limit`: for how long the client is asked to wait."""

    @model_validator(mode="after")
    def _can_happen(self) -> "FaultOrder":
        if self.outcome in {"rate_limit", "lock_timeout"} and self.moment == "after":
            raise ValueError("what is answered with 429 is not executed")
        if self.outcome != "rate_limit" and self.retry_after_s is not None:
            raise ValueError("only a rate limit says when to try again")
        return self


class ClockOrder(Order):
    """Let time pass."""

    to: int | None = Field(default=None, ge=0)
    by_s: int | None = Field(default=None, ge=0)


class DunningOrder(Order):
    """What to do about subscriptions whose payment fails."""

    retry_after_days: list[int] = Field(default=[3, 5, 7], max_length=8)
    at_last: Literal["cancel", "unpaid", "past_due"] = "cancel"


class DisputeOrder(Order):
    """Dispute a charge, whole or in part."""

    charge: str
    reason: str = "fraudulent"
    amount: int | None = Field(default=None, ge=1)


class DecisionOrder(Order):
    """How a dispute ends."""

    outcome: Literal["won", "lost"]


class SettlementOrder(Order):
    """How a delayed payment ends."""

    outcome: Literal["paid", "failed"]


OrderT = TypeVar("OrderT", bound=Order)


def read(model: type[OrderT], body: bytes) -> OrderT:
    """Return an order from the body of a request; no body is an order without fields.

    Raises:
        ValidationError: it is not such an order.
    """
    return model.model_validate_json(body or b"{}")
