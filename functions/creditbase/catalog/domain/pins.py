"""What an entry and a hold keep of how they were priced, so that anybody computes it again.

An entry's `pricing` holds the fields of a `Pin`, the digests, and `nanos_per_million` of each
unit that was used. What is at its default is left out: no rates, no variant, no fee, no
minimum, not below cost. Pure.
"""

from collections.abc import Mapping
from datetime import datetime

from creditbase.catalog.domain.markup import DEFAULT_RULE, Margin
from creditbase.catalog.domain.prices import STANDARD
from creditbase.catalog.domain.rates import PriceList
from creditbase.kernel import instants
from creditbase.kernel.records import dataclass

ROUNDING = "up"
"""A price is rounded once, to the nano, against the customer; there is no other rule."""


@dataclass(frozen=True, slots=True)
class Pin:
    """By what a call was priced: the versions, the instant, the variant, and the margin."""

    plan: str
    book_version: str
    rates: str
    """Of the project's own prices: `project/version`; empty where there were none."""
    at: datetime | None
    variant: str
    margin: Margin

    def fields(self) -> dict[str, object]:
        """Return what is kept, defaults left out."""
        margin = self.margin
        assert self.at is not None
        always: dict[str, object] = {
            "plan": self.plan,
            "book_version": self.book_version,
            "priced_at": instants.write_exact(self.at),
            "markup_bps": margin.bps,
            "markup_rule": margin.rule,
        }
        sometimes: dict[str, object] = {
            "rates_version": self.rates,
            "variant": self.variant,
            "fee_nanos": margin.fee_nanos,
            "minimum_nanos": margin.minimum_nanos,
            "below_cost": margin.allows_below_cost,
        }
        return always | {name: value for name, value in sometimes.items() if value}

    @classmethod
    def read(cls, kept: Mapping[str, object]) -> "Pin":
        """Return the pin that was kept, also of an entry from before some of its fields."""
        at = _text(kept, "priced_at")
        return cls(
            plan=_text(kept, "plan"),
            book_version=_text(kept, "book_version"),
            rates=_text(kept, "rates_version"),
            at=instants.read(at) if at else None,
            variant=_text(kept, "variant") or STANDARD,
            margin=Margin(
                bps=_number(kept, "markup_bps"),
                fee_nanos=_number(kept, "fee_nanos"),
                minimum_nanos=_number(kept, "minimum_nanos"),
                allows_below_cost=kept.get("below_cost") is True,
                rule=_text(kept, "markup_rule") or DEFAULT_RULE,
            ),
        )


def digests_of(prices: PriceList) -> dict[str, object]:
    """Return the digests that an entry keeps beside the versions."""
    digests: dict[str, object] = {"book_digest": prices.book.digest}
    if prices.rates.version:
        digests["rates_digest"] = prices.rates.digest
    return digests


def _text(kept: Mapping[str, object], name: str) -> str:
    found = kept.get(name, "")
    assert isinstance(found, str)
    return found


def _number(kept: Mapping[str, object], name: str) -> int:
    found = kept.get(name, 0)
    assert isinstance(found, int)
    return found
