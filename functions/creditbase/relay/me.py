"""`/customers/me…`: what a customer sees and does itself, with its customer token.

Source: relay-api.md 6 and 9.
"""

from collections.abc import Mapping

from creditbase.catalog.tier_use_cases import load_tiers
from creditbase.catalog.use_cases import load_catalog
from creditbase.relay import subscribing, wallets
from creditbase.relay.answers import customer_answer, present, subscription_answer
from creditbase.relay.door import RELAY
from creditbase.relay.tier_answers import tier_answer
from creditbase.relay.wallets import Operation
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.runtime.settings import CUSTOMER_TOKEN_KEYS, STRIPE_SECRET_KEY
from creditbase.subscriptions.relay_customers import load_customer


@endpoint("customers_me", door=RELAY, secrets=(CUSTOMER_TOKEN_KEYS, STRIPE_SECRET_KEY))
def customers_me(call: Call) -> Reply:
    """Show the customer, its tier, usage and balance; sell it more."""
    return OPERATIONS[call.route.name](call)


def _show(call: Call) -> Reply:
    customer = load_customer(call.caller.project_id, call.caller.customer_id)
    held = customer.subscription
    tier = shown_tier = None
    if held is not None:
        tier = load_tiers(customer.project_id, needed_id=held.tier_id).by_id(held.tier_id)
    if tier is not None:
        catalog = load_catalog(customer.project_id)
        shown_tier = tier_answer(tier, catalog, call.now, to_customer=True)
    shown = present(
        customer=customer_answer(customer),
        subscription=(
            subscription_answer(customer, held, tier.code) if held and tier else None
        ),
        tier=shown_tier,
        tier_code=tier.code if tier else None,
    )
    return Reply(body={"customer": shown})


OPERATIONS: Mapping[str, Operation] = {
    "GET /api/v1/customers/me": _show,
    **subscribing.CUSTOMERS_ME,
    **wallets.CUSTOMERS_ME,
}
