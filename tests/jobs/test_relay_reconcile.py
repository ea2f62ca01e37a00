"""`reconcile_stripe` covers the projects of the relay too: their tiers, and strangers."""

from datetime import datetime, timedelta

import pytest

from creditbase.jobs.reconcile import reconcile_stripe
from creditbase.payments.store import find_owner
from creditbase.payments.tier_checkout import start_open_checkout, start_tier_checkout
from creditbase.subscriptions.relay_tiers import put_on_tier
from tests.jobs.losses import drift, everything, now
from tests.payments.conftest import _session_shop, shop
from tests.payments.shop import Shop
from tests.payments.tenant import PAGES, Tenant, held, profile
from tests.wire import Wire

__all__ = ["_session_shop", "now", "shop"]
pytestmark = pytest.mark.firestore


def test_what_no_webhook_told_of_tiers_is_found_and_put_right(
    shop: Shop, now: datetime, wire: Wire
) -> None:
    """A purchase, an end that lands on a free tier, and a stranger: one run, and no more."""
    assert wire
    tenant = Tenant.opened(now)
    buyer, leaver = tenant.customer(), tenant.customer()
    put_on_tier(buyer, tenant.tier("free"), now=now)
    shop.listen("http://127.0.0.1:9/billing/webhook", "whsec_x")
    shop.order("/deliveries/drop", count=10_000)
    for ref in (leaver, buyer):
        session = start_tier_checkout(ref, tenant.tier("starter"), **PAGES, now=now)
        shop.pay(session.session_id)
        if ref is leaver:
            payer = profile(ref).stripe_customer_id
            (left,) = shop.get("/subscriptions", customer=payer)["data"]
            next_tier = {"metadata[next_tier]": tenant.tier("free").tier_id}
            shop.post(f"/subscriptions/{left['id']}", **next_tier)
            shop.order_cancel(left["id"])
    stranger = start_open_checkout(tenant.tier("pro"), **PAGES, visit="one", now=now)
    shop.pay(stranger.session_id)
    before = everything()
    looked = reconcile_stripe(now, is_dry=True)
    assert everything() == before, "a dry run writes nothing"

    repaired = reconcile_stripe(now)

    assert drift(looked).items() >= {
        ("sessions_not_taken", 3),
        ("subscriptions_differing", 2),
    }
    assert (repaired.is_complete, repaired.failed, repaired.unknown) == (True, 0, ())
    found = find_owner(shop.get(f"/checkout/sessions/{stranger.session_id}")["customer"])
    assert found is not None
    for ref, code, status in (
        (buyer, "starter", "active"),
        (leaver, "free", "active"),
        (found, "pro", "active"),
    ):
        assert (held(ref).tier_id, held(ref).status) == (tenant.tier(code).tier_id, status)

    after = everything()
    again = reconcile_stripe(now + timedelta(hours=1))
    assert drift(again) == {}
    assert everything() == after
