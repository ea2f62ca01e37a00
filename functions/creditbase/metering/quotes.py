"""A quote: what a call would cost a customer, and the most output that is affordable.

One read of the wallet and no write: what is told is as it was at that instant.
"""

from datetime import datetime

from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.ledger.domain.commands import Budget, MeteredUsage
from creditbase.ledger.domain.quoting import Quote, quote
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.metering.domain import UNPRICED_MODEL, CatalogRate
from creditbase.metering.models import QuoteRequest
from creditbase.metering.rates import completing, load_rate
from creditbase.metering.use_cases import customer_names


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
        cost = MeteredUsage(_quantities(rate, asked), rate, asked.model)
        return quote(wallet, cost, budget, now=now)

    try:
        return completing(rate, price, ref.project_id)
    except InvalidRequest as refusal:
        field = refusal.field.replace("usage.", "usage_max.", 1)
        raise InvalidRequest(refusal.message, field=field) from refusal


def payer_of(project_id: str, asked: QuoteRequest, *, now: datetime) -> WalletRef:
    """Return whose wallet a back end asks about.

    Raises:
        InvalidRequest: the request names no customer.
        NotFound: the project has no such customer.
    """
    if asked.customer_id is not None:
        return WalletRef(project_id, asked.customer_id.lower())
    if asked.customer_external_id is None:
        raise InvalidRequest("Say which customer", field="customer_id")
    found = customer_names().find(project_id, asked.customer_external_id, now=now)
    if found is None:
        raise NotFound("Customer not found")
    return WalletRef(project_id, found)


def _quantities(rate: CatalogRate, asked: QuoteRequest) -> dict[str, int]:
    found = rate.catalog.book.find(asked.model)
    if found is None:
        raise NotFound("This model has no price", reason=UNPRICED_MODEL)
    writes = "output_tokens" in found.nanos_per_million
    return asked.quantities(output_max=found.max_output_tokens if writes else 0)
