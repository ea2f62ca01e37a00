"""Shadow mode: a wallet beside another counter, which refuses nobody and notes what it would.

Values only: what is noted, what the other counter says, what a day counts of it (ADR 0052).
"""

from collections.abc import Mapping
from typing import Any

from creditbase.kernel.money import AMOUNT_NANOS_MAX
from creditbase.kernel.records import dataclass

SHADOW = "shadow"
"""Under this name the cause of an entry says what was compared."""
WOULD_REFUSE, WOULD_LOWER, WOULD_ALLOW = "refuse", "lower", "allow"


@dataclass(frozen=True, slots=True)
class TheirCount:
    """What the caller's own counter says of some use: what it took, and has left after it."""

    charged_nanos: int | None = None
    balance_nanos: int | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """What was compared of one model on one day.

    `decided` charges and holds, of which so many would have been `refused` or `lowered`;
    `told` of the use came with the other counter's word. Its charges were less than ours by
    `charge_difference_nanos`. `different` counts entries that differed in anything.
    """

    decided: int = 0
    refused: int = 0
    lowered: int = 0
    beyond_nanos: int = 0
    told: int = 0
    charge_differs: int = 0
    charge_difference_nanos: int = 0
    balance_differs: int = 0
    different: int = 0

    def plus(self, told: Mapping[str, Any]) -> "Compared":
        """Return the counters with what one entry tells."""
        would = told.get("would", "")
        refused, lowered = would == WOULD_REFUSE, would == WOULD_LOWER
        charge_nanos = told.get("charge_difference_nanos", 0)
        balance_differs = bool(told.get("balance_difference_nanos", 0))
        differs = refused or lowered or bool(charge_nanos) or balance_differs
        return Compared(
            decided=self.decided + bool(would),
            refused=self.refused + refused,
            lowered=self.lowered + lowered,
            beyond_nanos=_bounded(self.beyond_nanos + told.get("beyond_nanos", 0)),
            told=self.told + ("charged_nanos" in told or "balance_nanos" in told),
            charge_differs=self.charge_differs + bool(charge_nanos),
            charge_difference_nanos=_bounded(self.charge_difference_nanos + charge_nanos),
            balance_differs=self.balance_differs + balance_differs,
            different=self.different + differs,
        )

    def joined(self, other: "Compared") -> "Compared":
        """Return the counters of both."""
        names = Compared.__dataclass_fields__
        return Compared(
            **{name: _bounded(getattr(self, name) + getattr(other, name)) for name in names}
        )


ComparedByModel = Mapping[str, Compared]


@dataclass(frozen=True, slots=True)
class SwitchShadow:
    """Put a wallet beside another counter, or let it decide for itself."""

    is_on: bool

    def guards(self) -> tuple[str, ...]:
        """Return nothing: absolute, so repeating is harmless."""
        return ()


def _bounded(nanos: int) -> int:
    """Return a sum that readers take exactly: absurd figures of others block nothing."""
    return max(-AMOUNT_NANOS_MAX, min(AMOUNT_NANOS_MAX, nanos))
