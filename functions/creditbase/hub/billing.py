"""`/billing/checkout`, `/billing/topup`, `/billing/portal`: Stripe's own pages for a user.

Source: hub-api.md 5.3 to 5.5. The client names what it buys and never an amount, so it cannot
set a price.
"""

from creditbase.accounts.domain import CustomerRef
from creditbase.hub.door import HUB
from creditbase.hub.payer import payer_of
from creditbase.kernel.errors import InvalidRequest
from creditbase.payments.portal import open_portal
from creditbase.payments.subscribing import start_checkout
from creditbase.payments.use_cases import start_topup
from creditbase.runtime.http import Call, Reply, endpoint
from creditbase.runtime.settings import STRIPE_SECRET_KEY


@endpoint("billing_checkout", door=HUB, secrets=(STRIPE_SECRET_KEY,))
def billing_checkout(call: Call) -> Reply:
    """Open a Checkout session for a plan; none where a subscription is running.

    Answers 400 `INVALID_PLAN` for anything but the name of a plan that is sold, and 409
    `SUBSCRIPTION_EXISTS`: a running plan is changed in the portal.
    """
    plan = call.body.get("plan")
    if not isinstance(plan, str):
        raise InvalidRequest(
            "The plan must be the name of a plan", field="plan", reason="INVALID_PLAN"
        )
    payer = payer_of(call)
    session = start_checkout(
        CustomerRef(payer.project_id, payer.customer_id), plan, now=call.now
    )
    return Reply(body={"checkout_url": session.url, "session_id": session.session_id})


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


@endpoint("billing_portal", door=HUB, secrets=(STRIPE_SECRET_KEY,))
def billing_portal(call: Call) -> Reply:
    """Open the customer portal: change plan, cancel, take another card, see invoices.

    Answers 404 `NO_STRIPE_CUSTOMER` to whoever never began to buy anything.
    """
    payer = payer_of(call)
    ref = CustomerRef(payer.project_id, payer.customer_id)
    return Reply(body={"portal_url": open_portal(ref, visit=call.request_id)})
