"""A quote: what a call would cost a customer, and the most output that is affordable.

One read of the wallet and no write: what is told is as it was at that instant.
"""

from collections.abc import Callable
from datetime import datetime

from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.ledger.domain.commands import Budget, MeteredUsage
from creditbase.ledger.domain.quoting import Quote, quote
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.metering.domain import UNPRICED_MODEL, CatalogRate
from creditbase.metering.models import QuoteRequest
from creditbase.metering.names import Answer, customer_names
from creditbase.metering.rates import completing, load_rate


def ask_price(
    ref: WalletRef, asked: QuoteRequest, budget: Budget | None, *, now: datetime
) -> Quote:
    """Return what a hold for the work would come to.

    Raises:
        NotFound: the customer or the model is unknown.
        Forbidden: the model is not part of the plan, or the wallet is frozen.
        InvalidRequest: a unit that the model has no price for.
    """
    rate = load_rate(ref.project_id)
    loaded = find_wallet(ref)
    if loaded is None:
        raise NotFound("Customer not found")
    wallet = loaded.wallet

    def price(rate: CatalogRate) -> Quote:
        cost = MeteredUsage(_quantities(rate, asked, now), rate, asked.model)
        return quote(wallet, cost, budget, now=now)

    try:
        return completing(rate, price, ref.project_id)
    except InvalidRequest as refusal:
        field = refusal.field.replace("usage.", "usage_max.", 1)
        raise InvalidRequest(refusal.message, field=field) from refusal


def with_payer(
    project_id: str,
    asked: QuoteRequest,
    act: Callable[[WalletRef], Answer],
    *,
    now: datetime,
) -> Answer:
    """Ask of the wallet that the request names.

    Raises:
        InvalidRequest: the request names no customer.
        NotFound: the project has no such customer.
    """
    if asked.customer_id is not None:
        return act(WalletRef(project_id, asked.customer_id.lower()))
    if asked.customer_external_id is None:
        raise InvalidRequest("Say which customer", field="customer_id")
    return customer_names().follow(project_id, asked.customer_external_id, act, now=now)


def _quantities(rate: CatalogRate, asked: QuoteRequest, now: datetime) -> dict[str, int]:
    found = rate.catalog.prices.find(asked.model, now)
    if found is None:
        raise NotFound("This model has no price", reason=UNPRICED_MODEL)
    writes = "output_tokens" in found.nanos_per_million
    return asked.quantities(output_max=found.max_output_tokens if writes else 0)
