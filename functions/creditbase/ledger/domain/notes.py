"""What a wallet notes beside its money: levels, what is told, a plan that was cut."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from creditbase.kernel.records import dataclass


@dataclass(frozen=True, slots=True)
class Cut:
    """The plan became a smaller one within its window: what that means for later commands.

    `room_nanos` more would have been left to the smaller plan. `over_nanos` are those of the
    window's credits that nobody has paid for, known once the plan is a larger one again.
    """

    room_nanos: int
    over_nanos: int | None = None


LevelName = Literal["low", "refill"]
"""`low`: the customer is reminded. `refill`: the wallet is topped up by itself."""


@dataclass(frozen=True, slots=True)
class Level:
    """A height of the balance that somebody wants to hear of when it falls below.

    `below_nanos` of 0 is never fallen below: nobody wants to hear any more. `crossings`
    counts for ever, so that each has a number of its own.
    """

    below_nanos: int
    is_below: bool
    crossings: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """Something that the project's developer is told, once for its cause in this wallet."""

    event_type: Literal[
        "usage.threshold_exceeded",
        "request.completed",
        "billing.balance_low",
        "billing.plan_changed",
        "billing.credits_granted",
    ]
    cause: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Crossing:
    """The balance fell below a level: which time that was, and where it stood then."""

    level: LevelName
    number: int
    below_nanos: int
    balance_nanos: int
    at: datetime
