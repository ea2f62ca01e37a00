"""What a row of the fault matrix is: an operation, how it is staged, how it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass, field

from werkzeug.test import TestResponse

from creditbase.accounts.domain import CustomerRef
from tests.proof.doors import Doors

Ask = Callable[[], TestResponse]
DONE = frozenset({200, 201, 204})
ENDED_BEFORE = frozenset({404, 409})
METER = "POST /api/v1"


@dataclass(frozen=True)
class Staged:
    """A request, ready to be sent, and whose wallets it is about."""

    ask: Ask
    whose: tuple[Callable[[], CustomerRef], ...] = ()


@dataclass(frozen=True)
class Operation:
    """A row of the table.

    `covers` is what must not be missing from the table: routes, `event ...` and `job ...`.
    `again` is what a repeat may be told instead, where the first request was done: a voucher
    is redeemed already, a key is gone. `keyed` says that a repeat is answered the same.
    """

    name: str
    covers: str
    stage: Callable[[Doors], Staged]
    again: frozenset[int] = field(default_factory=frozenset)
    keyed: bool = False
    once: bool = False
    """Whether each request makes another one, so that a repeat is another wish."""
    is_for_machines: bool = False
    """Whether Stripe or a scheduler asks, who comes again anyway."""


def about(ref: CustomerRef) -> tuple[Callable[[], CustomerRef], ...]:
    """Return how to find the one whose wallet it is."""
    return (lambda: ref,)
