"""What back ends and owners do with a project's customers; the door says whose project.

Source: relay-api.md 4, 5 and 9.
"""

import uuid
from datetime import datetime

from creditbase.accounts.domain import Customer, CustomerRef
from creditbase.admin.domain.audit import BACK_END, Deed
from creditbase.catalog.tier_store import load_tiers
from creditbase.catalog.tier_use_cases import find_tier_now
from creditbase.kernel.errors import InvalidRequest, NotFound, Unavailable
from creditbase.kernel.ids import identity_digest
from creditbase.metering.models import parse
from creditbase.relay.answers import (
    Json,
    as_uuid,
    customer_with_subscription,
    listed_customer,
)
from creditbase.relay.requests import (
    EXTERNAL_ID_CHARACTERS_MAX,
    ClaimRequest,
    CustomerRequest,
)
from creditbase.runtime.http import Reply
from creditbase.subscriptions import relay_customers
from creditbase.subscriptions.relay_customers import CustomerOrder


def list_customers(project_id: str) -> Reply:
    """Answer with all customers of a project, each with two flat names beside it."""
    found = relay_customers.list_customers(project_id)
    codes: dict[str, str] = {}
    if any(customer.subscription is not None for customer in found):
        codes = {tier_id: tier.code for tier_id, tier in load_tiers(project_id).every.items()}
    return Reply(body={"customers": [listed_customer(customer, codes) for customer in found]})


def create_customer(project_id: str, body: Json, *, now: datetime) -> Reply:
    """Make a customer; 409 where the external id is taken, whatever the rest says."""
    order = _order(project_id, body)
    return _shown(relay_customers.create_customer(order, now=now), status=201)


def upsert_customer(project_id: str, body: Json, *, now: datetime) -> Reply:
    """Make a customer, or change the one of the external id."""
    order = _order(project_id, body)
    customer, is_new = relay_customers.upsert_customer(order, now=now)
    return _shown(customer, status=201 if is_new else 200)


def show_customer(project_id: str, customer_id: str) -> Reply:
    """Show a customer by its id."""
    return _shown(relay_customers.load_customer(project_id, _known_id(customer_id)))


def show_customer_by_name(project_id: str, external_id: str) -> Reply:
    """Show a customer by the project's own name for it."""
    if len(external_id) > EXTERNAL_ID_CHARACTERS_MAX:
        raise InvalidRequest("The external_id is too long", field="external_id")
    return _shown(relay_customers.load_customer_by_name(project_id, external_id))


def delete_customer(project_id: str, customer_id: str, *, now: datetime) -> Reply:
    """Erase a customer: nothing is billed to it any more, and nothing names it.

    Where Stripe or the store stops answering, a repeat goes on with it, and so does a job. The
    project answers for what its customer is owed, or owes. Its own account is no customer.
    """
    # Erasing asks half the house, Stripe too: who begins with anything else waits less.
    from creditbase.admin.erasing import Consent, erase, is_erased  # noqa: PLC0415 - see above

    ref = CustomerRef(project_id, _known_id(customer_id))
    if is_erased(ref):
        raise NotFound("Customer not found")
    deed = Deed(
        action="erase",
        actor=BACK_END,
        key="erase",
        reason="asked for by the project",
        project_id=ref.project_id,
        customer_id=ref.customer_id,
    )
    if not erase(deed, Consent(is_forced=True), now=now).is_erased:
        raise Unavailable
    return Reply(body=None, status=204)


def export_customer(project_id: str, customer_id: str, *, now: datetime) -> Reply:
    """Write everything that is known of a customer."""
    from creditbase.admin.exporting import ExportStream, load_person  # noqa: PLC0415 - as above

    person = load_person(CustomerRef(project_id, _known_id(customer_id)))
    return Reply(body=None, stream=ExportStream(person, now=now))


def claim_customer(project_id: str, body: Json, *, now: datetime) -> Reply:
    """Link who signed in with a provider to the customer of an address."""
    asked = parse(ClaimRequest, body)
    customer, is_new = relay_customers.claim_customer(
        project_id,
        email=asked.email,
        identity=identity_digest(project_id, asked.provider, asked.subject),
        now=now,
    )
    return _shown(customer) if is_new else Reply(body=None, status=204)


def _order(project_id: str, body: Json) -> CustomerOrder:
    asked = parse(CustomerRequest, body)
    return CustomerOrder(
        project_id=project_id,
        external_id=asked.external_id,
        email=asked.email,
        metadata=asked.metadata,
        request_id=uuid.uuid4().hex,
    )


def _known_id(text: str) -> str:
    """Return an id in its one spelling; what is no UUID names nobody."""
    found = as_uuid(text)
    if found is None:
        raise NotFound("Customer not found")
    return found


def _shown(customer: Customer, *, status: int = 200) -> Reply:
    held = customer.subscription
    tier = None if held is None else find_tier_now(customer.project_id, held.tier_id)
    codes = {} if tier is None else {tier.tier_id: tier.code}
    return Reply(body={"customer": customer_with_subscription(customer, codes)}, status=status)
