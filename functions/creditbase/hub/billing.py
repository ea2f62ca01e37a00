"""`/billing/topup`: buy a pack of credits on Stripe's own page.

Source: hub-api.md 5.4. The client names a tier and never an amount, so it cannot set a price.
"""

from creditbase.accounts.domain import CustomerRef
from creditbase.hub.door import HUB
from creditbase.hub.payer import payer_of
from creditbase.kernel.errors import InvalidRequest
from creditbase.payments.use_cases import start_topup
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.runtime.settings import STRIPE_SECRET_KEY


@endpoint("billing_topup", door=HUB, secrets=(STRIPE_SECRET_KEY,))
def billing_topup(call: Call) -> Reply:
    """Open a Checkout session for a pack; on any plan, at any time.

    Answers 400 `INVALID_TOPUP_TIER` for anything but the name of a pack.
    """
    tier = call.body.get("amount")
    if not isinstance(tier, str):
        raise InvalidRequest(
            "The amount must be the name of a pack", field="amount", reason="INVALID_TOPUP_TIER"
        )
    payer = payer_of(call)
    started = start_topup(CustomerRef(payer.project_id, payer.customer_id), tier, now=call.now)
    return Reply(
        body={
            "checkout_url": started.session.url,
            "session_id": started.session.session_id,
            "amount": started.order.tier,
            "credits": started.order.credits,
        }
    )
