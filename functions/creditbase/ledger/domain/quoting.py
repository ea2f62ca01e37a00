"""A quote: what a hold would come to if it were placed now. Nothing is taken.

It asks the very functions that decide a hold, so that what was quoted is what is decided,
as long as nothing else happens in between.
"""

from dataclasses import replace
from datetime import datetime

from creditbase.kernel.errors import Forbidden
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.affording import OUTPUT, most_output, price_of_cost
from creditbase.ledger.domain.commands import Budget, MeteredUsage, Priced
from creditbase.ledger.domain.draft import Draft, figures_of
from creditbase.ledger.domain.entries import Figures
from creditbase.ledger.domain.passing import pass_time
from creditbase.ledger.domain.wallet import Draw, Wallet


@dataclass(frozen=True, slots=True)
class Quote:
    """What usage costs, and how much of it is affordable.

    `affordable` is the price with the most output that there is room for, None where not
    even none is; `draws` would pay that.
    """

    asked: Priced
    affordable: Priced | None
    draws: tuple[Draw, ...]
    figures: Figures


def quote(
    wallet: Wallet, cost: MeteredUsage, budget: Budget | None = None, *, now: datetime
) -> Quote:
    """Return what a hold for the usage would come to.

    Raises:
        Forbidden: the wallet is frozen or parked; the model is not part of the plan.
        BillingError: as the rate refuses.
    """
    if wallet.parked or wallet.frozen:
        raise Forbidden("This wallet is frozen")
    draft = Draft(wallet, max(now, wallet.at))
    pass_time(draft)
    asked = price_of_cost(draft, cost)
    figures = figures_of(draft.wallet, draft.at)
    tokens = most_output(draft, cost, budget)
    if tokens < 0:
        return Quote(asked, None, (), figures)
    lowered = replace(cost, quantities={**cost.quantities, OUTPUT: tokens})
    affordable = (
        asked if tokens == cost.quantities.get(OUTPUT, 0) else price_of_cost(draft, lowered)
    )
    draws, missing_nanos = draft.plan_draws(affordable.amount_nanos)
    assert missing_nanos == 0
    return Quote(asked, affordable, draws, figures)
