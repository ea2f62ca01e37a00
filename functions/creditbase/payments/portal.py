"""The customer portal: where a customer changes plan, cancels, or takes another card."""

from creditbase.accounts.domain import CustomerRef
from creditbase.catalog.use_cases import load_catalog
from creditbase.kernel.errors import Conflict, NotFound, Unavailable
from creditbase.payments import selling, store, stripe_gateway, stripe_selling
from creditbase.payments.site import BILLING_PATH, site_url
from creditbase.runtime.log import alert


def open_portal(ref: CustomerRef, *, visit: str) -> str:
    """Return a customer's address in the portal: a bearer link, never logged.

    `visit` names the request. A link is good for minutes and changes nothing, so each visit
    has one of its own, and none is written down.

    Raises:
        NotFound: the customer never paid, or was deleted at Stripe.
        Unavailable: Stripe or the store did not answer; the same request may be repeated.
    """
    linked = store.load_account(ref).customer.stripe_customer_id
    if not linked:
        raise _nobody()
    return_url = f"{site_url()}{BILLING_PATH}?portal=closed"
    configuration_id = selling.ensure_portal(load_catalog(ref.project_id))
    try:
        return stripe_selling.create_portal_session(
            linked, configuration_id, return_url=return_url, visit=visit
        )
    except Conflict as failure:
        raise Unavailable from failure
    except NotFound as failure:
        if _is_there(linked):  # so it is the configuration that somebody has taken away
            raise Unavailable from failure
        alert("stripe_customer_gone", "a customer is gone at Stripe", customer=ref.customer_id)
        raise _nobody() from failure


def _nobody() -> NotFound:
    return NotFound(
        "No Stripe customer record found for this user", reason="NO_STRIPE_CUSTOMER"
    )


def _is_there(stripe_customer_id: str) -> bool:
    try:
        return not stripe_gateway.load_customer(stripe_customer_id).is_deleted
    except NotFound:
        return False
