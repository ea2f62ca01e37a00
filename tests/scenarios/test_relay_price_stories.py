"""A tier that is made dearer while somebody is on it, and put away when nobody is."""

from collections.abc import Iterator

import pytest

from creditbase.kernel.errors import Conflict
from creditbase.kernel.ids import operation_entry_id
from creditbase.ledger.domain.commands import Charge, FixedAmount
from creditbase.metering.rates import run_following
from creditbase.payments.tier_selling import archive_tier, update_tier
from creditbase.runtime import clock
from tests.payments.tenant import CENT_NANOS, Tenant, wallet_of
from tests.scenarios.life import Town
from tests.scenarios.tenancy import Shown, Tenanted

pytestmark = pytest.mark.firestore


@pytest.fixture
def bea(town: Town) -> Iterator[Tenanted]:
    """Return a new customer of a new project; her ledger is verified at the story's end."""
    customer = Tenanted(Tenant.opened(clock.now()), town)
    yield customer
    customer.verify()


def newest_bill(customer: Tenanted) -> int:
    """Return what the customer was last billed, in cents."""
    bills = customer.shop.get("/invoices", customer=customer.stripe_id)["data"]
    return int(bills[0]["amount_paid"])


def call(customer: Tenanted) -> None:
    """Let a call cost a cent, by the way that every call takes."""
    one = Charge(operation_entry_id(f"call {customer.ref}"), "call", FixedAmount(CENT_NANOS))
    run_following(wallet_of(customer.ref, customer.now).ref, one, now=clock.now())


def test_who_pays_the_old_price_goes_on_paying_it(town: Town, bea: Tenanted) -> None:
    """The new price is for newcomers, the new limit for all; her tier cannot be put away."""
    bea.buys("starter")
    tenant, old = bea.tenant, bea.tenant.tier("starter")
    dearer = {"price_amount_cents": 4_000, "spend_limit_cents": 3_900, "code": "beginner"}

    tenant.made["starter"] = update_tier(
        tenant.project_id, old.tier_id, dearer, now=clock.now()
    )
    bea.live_past_period()
    cid = Tenanted(tenant, town)
    cid.buys("starter")

    assert (newest_bill(bea), newest_bill(cid)) == (3_000, 4_000)
    for one in (bea, cid):
        # The webhook's process may have gone by the tier of a minute ago: the call does not.
        call(one)
        assert one.sees() == Shown("beginner", "active", 3_899)
    with pytest.raises(Conflict, match="Customers are on this tier"):
        archive_tier(tenant.project_id, old.tier_id, now=clock.now())
    cid.verify()
