"""Whatever order a relay customer's events arrive in, the end is the same (promise P14).

As `test_orders`, for lives of tiers: what is compared is also the tier that the relay shows.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import permutations

import pytest

from creditbase.accounts.domain import CustomerRef
from creditbase.catalog.use_cases import shared_cache
from creditbase.kernel.ids import tier_uuid
from creditbase.payments.store import find_owner
from creditbase.payments.stripe_gateway import read_event
from creditbase.payments.tier_checkout import start_open_checkout, start_tier_checkout
from creditbase.payments.use_cases import take_event
from creditbase.subscriptions.relay_tiers import put_on_tier
from tests.payments.lives import (
    COMPLETED,
    CREATED,
    DECLINED,
    DELETED,
    UPDATED,
    Life,
    both,
    happen,
)
from tests.payments.orders import AGAIN, TWIN, Graph, graph_of
from tests.payments.shop import Shop
from tests.payments.tenant import PAGES, Tenant, held, profile, wallet_of
from tests.payments.till import DAY_S, Till
from tests.wire import Wire

pytestmark = pytest.mark.firestore

BEGINS_AT = datetime(2026, 1, 15, 12, tzinfo=UTC)
NAME = "ada-of-many-orders"


@dataclass(frozen=True)
class TierLife(Life):
    """A life of a relay customer, who begins on a free tier."""

    def begin(self, ref: CustomerRef, *, now: datetime) -> None:
        """Let our product start what is bought, and put every tier on sale."""
        tenant = Tenant(ref.project_id, now)
        put_on_tier(ref, tenant.tier("free"), now=now)
        tenant.tier("hobby")
        for code in ("starter", "pro", "endless"):
            tenant.tier(code)
        for code in self.buys:
            start_tier_checkout(ref, tenant.tier(code), **PAGES, now=now)


def leave_for_hobby(till: Till) -> None:
    """Leave with the period, for the small free tier, as `change-tier` asks Stripe to."""
    project_id = till.newest("price")["metadata"]["project"]
    form = {"metadata[next_tier]": tier_uuid(project_id, "hobby", 1)}
    till.change(cancel_at_period_end="true", **form)


LIVES = (
    TierLife(
        "bought, upgraded, and left for a free tier",
        ("starter",),
        happen(
            lambda till: till.pay(),
            both(lambda till: till.live(10 * DAY_S), lambda till: till.upgrade(30_000)),
            both(leave_for_hobby, lambda till: till.renew()),
        ),
        (CREATED, "invoice.paid", f"{UPDATED} 1", DELETED),
    ),
    TierLife(
        "an unlimited tier that stops paying",
        ("endless",),
        happen(
            both(lambda till: till.pay(), lambda till: till.take_card(DECLINED)),
            lambda till: till.renew(),
            lambda till: till.live(20 * DAY_S),
        ),
        (CREATED, "invoice.paid", f"{UPDATED} 3", "invoice.payment_failed 1", DELETED),
    ),
    TierLife(
        "two live subscriptions, of which the dearer stays",
        ("starter",),
        happen(lambda till: till.pay(), lambda till: till.subscribe(30_000)),
        (CREATED, "invoice.paid", DELETED, "charge.refunded"),
    ),
)
ENDS = (("active", False), ("canceled", True), ("active", True))
"""The status that is shown in the end, and whether Stripe bills it."""


def graph(life: Life, wire: Wire, *, all_late: bool) -> Graph:
    """Return every order of a life."""
    shared_cache().forget()
    ref = Tenant.opened(BEGINS_AT).customer(external_id=NAME)
    return graph_of(life, ref, wire, begins_at=BEGINS_AT, all_late=all_late, twins=all_late)


@pytest.mark.parametrize(
    ("life", "end"), list(zip(LIVES, ENDS, strict=True)), ids=[life.name for life in LIVES]
)
def test_told_after_all_has_happened(life: Life, end: tuple[str, bool], wire: Wire) -> None:
    """After an outage: every order, and each with any one event twice at any place."""
    found = graph(life, wire, all_late=True)

    last = found.in_order()
    assert found.count(1, AGAIN) == found.count(1, TWIN) > found.count(0) >= 24
    assert {found.text_of(node) for node in found.ends()} == {found.text_of(last)}
    (customer,) = [kept for path, kept in last.documents.items() if "/customers/" in path]
    shown = customer.fields["tier_subscription"]
    assert (shown["status"], bool(shown["billing_subscription_id"])) == end


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
def test_told_while_it_happens(life: Life, wire: Wire) -> None:
    """Between any two steps any events so far arrive, in any order; the others later."""
    found = graph(life, wire, all_late=False)

    last = found.in_order()
    assert found.count(1, AGAIN) > found.count(0)
    assert {found.present_of(node) for node in found.ends()} == {found.present_of(last)}


def test_a_stranger_is_one_customer_in_every_order(wire: Wire, shop: Shop) -> None:
    """The session's own event makes the customer, the others find it or wait for it."""
    assert wire
    now = datetime.now(UTC).replace(microsecond=0)
    tenant = Tenant.opened(now)
    tier = tenant.tier("starter")
    for number, order in enumerate(permutations((COMPLETED, CREATED, "invoice.paid"))):
        session = start_open_checkout(tier, **PAGES, visit=str(number), now=now)
        shop.pay(session.session_id)
        for kind in order:
            take_event(read_event(json.dumps(shop.events(kind)[-1]).encode()), now=now)

        payer = shop.get(f"/checkout/sessions/{session.session_id}")["customer"]
        ref = find_owner(payer)
        assert ref is not None, order
        assert profile(ref).external_id == f"stripe:{payer}"
        assert (held(ref).tier_id, held(ref).status) == (tier.tier_id, "active")
        wallet_of(ref, now).charge("k", 2_900 * 10_000_000)
