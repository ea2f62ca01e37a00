"""Two tiers of one customer, paid one after the other: what was used is not paid back.

Exactly once, in whatever order their events come, and wherever the handling ends.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from creditbase.catalog.tier_use_cases import load_tiers
from creditbase.kernel.errors import Unavailable
from creditbase.kernel.windows import Window
from creditbase.payments import stripe_billing
from creditbase.payments.stripe_gateway import read_event
from creditbase.payments.surplus import bills_to_pay_back, end_surplus
from creditbase.payments.tier_checkout import start_tier_checkout
from creditbase.payments.use_cases import take_event
from creditbase.subscriptions.domain.mirror import Invoice, InvoiceLine
from tests.ledger.wallets import LiveWallet
from tests.payments.lives import CREATED, DELETED
from tests.payments.tenant import CENT_NANOS, PAGES, Subscriber, Tenant, wallet_of
from tests.payments.test_change_tier import ada
from tests.subscriptions.test_tier_standing import a_subscription

__all__ = ["ada"]

pytestmark = pytest.mark.firestore

BEGINS = datetime(2027, 1, 31, 9, tzinfo=UTC)


def buys_both(
    ada: Subscriber, use: Callable[[LiveWallet], object], *, second: str = "pro"
) -> None:
    """Let her open two pages, pay the cheaper, use what that gave her, and pay the other."""
    cheap, dear = (
        start_tier_checkout(ada.ref, ada.tenant.tier(code), **PAGES, now=ada.now).session_id
        for code in ("starter", second)
    )
    ada.shop.change("checkout.session", cheap, status="open")
    ada.shop.pay(cheap)
    ada.look()
    # In another second, so that its window is another.
    ada.now += timedelta(hours=1)
    ada.shop.order("/clock", to=int(ada.now.timestamp()))
    use(wallet_of(ada.ref, ada.now))
    ada.shop.pay(dear)


def back_cents(ada: Subscriber) -> list[int]:
    """Return what was paid back."""
    charges = {one["id"] for one in ada.shop.get("/charges", customer=ada.stripe_id)["data"]}
    refunds = ada.shop.get("/refunds", limit=100)["data"]
    return [refund["amount"] for refund in refunds if refund["charge"] in charges]


def statuses(ada: Subscriber) -> list[str]:
    """Return how her subscriptions stand, newest first."""
    return [one["status"] for one in ada.subscriptions()]


def told(ada: Subscriber, kinds: Sequence[tuple[str, int]]) -> None:
    """Deliver events of these types, the newest or the one before."""
    for kind, place in kinds:
        event = ada.shop.events(kind)[place]
        take_event(read_event(json.dumps(event).encode()), now=ada.now)


def half(wallet: LiveWallet) -> None:
    """Use half of the cheaper tier's limit."""
    wallet.charge("half", 1_450 * CENT_NANOS)


def test_every_order_of_what_is_told_pays_back_the_same_once(ada: Subscriber) -> None:
    """Of both subscriptions' events, and once more of what came of it."""
    for order in permutations([(CREATED, -1), ("invoice.paid", -1), (CREATED, -2)]):
        tenant = Tenant(ada.tenant.project_id, ada.now, ada.tenant.made)
        one = Subscriber(tenant, ada.shop, ada.now)
        buys_both(one, half)

        told(one, order)
        told(one, [(DELETED, -1), ("charge.refunded", -1)])
        one.look()

        assert back_cents(one) == [1_500], order
        assert statuses(one) == ["active", "canceled"]
        assert (one.on(), one.left_cents()) == ("pro", 29_900)
        wallet_of(one.ref, one.now).audit()
        ada.now = one.now + timedelta(hours=1)


def test_one_that_is_cut_off_pays_back_no_second_time(
    ada: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between refund and end; until it is repeated work has given back what it held.

    What it held was used: the work goes on with the cheaper limit, and counts there alone. The
    figures are no half of anything, so that nothing else comes to them.
    """
    buys_both(ada, lambda wallet: wallet.hold("work", 1_000 * CENT_NANOS))
    with monkeypatch.context() as patched:
        patched.setattr(stripe_billing, "cancel_subscription", dies)
        with pytest.raises(Unavailable):
            ada.look()
    assert (back_cents(ada), statuses(ada)) == ([1_965], ["active", "active"])
    wallet_of(ada.ref, ada.now).capture("work", 100 * CENT_NANOS)

    ada.look().look()

    assert (back_cents(ada), statuses(ada)) == ([1_965], ["active", "canceled"])
    assert ada.left_cents() == 29_900


def test_one_that_was_upgraded_is_paid_back_by_each_of_its_bills(ada: Subscriber) -> None:
    """What is unused of the smaller limit, and all of what was added to it."""
    ada.tenant.tier("pro")

    def upgrades(wallet: LiveWallet) -> None:
        ada.change("pro")
        half(wallet)

    buys_both(ada, upgrades, second="endless")
    ada.look().look()

    bills = ada.shop.get("/invoices", customer=ada.stripe_id, limit=100)["data"]
    (added,) = (it["amount_paid"] for it in bills if 3_000 < it["amount_paid"] < 90_000)
    assert sorted(back_cents(ada)) == [1_500, added]
    assert (ada.on(), statuses(ada)) == ("endless", ["active", "canceled"])


def a_bill(number: int, *cents: int, status: str = "paid", until: int = 30) -> Invoice:
    """Return a bill of the first subscription, with lines until so many days from the start."""
    lines = tuple(
        InvoiceLine(
            plan_code="t",
            amount_cents=it,
            is_proration=number > 1,
            start_at=BEGINS,
            end_at=BEGINS + timedelta(days=until),
        )
        for it in cents
    )
    return Invoice(
        invoice_id=f"in_{number}",
        subscription_id="sub_1",
        status=status,
        created_at=BEGINS + timedelta(hours=number),
        lines=lines,
    )


@pytest.mark.parametrize(
    ("bills", "paid_back"),
    [
        ([a_bill(1, 3_000)], [1]),
        ([a_bill(1, 3_000), a_bill(2, -3_000, 9_000), a_bill(3, -9_000, 20_000)], [3, 2, 1]),
        ([a_bill(1, 9_000), a_bill(2, -9_000, 3_000)], [2]),
        ([a_bill(1, 9_000), a_bill(2, -9_000, 3_000), a_bill(3, -3_000, 9_000)], [3, 2]),
        ([a_bill(1, 3_000, until=0), a_bill(2, 3_000)], [2]),
        ([a_bill(1, 3_000), a_bill(2, -3_000, 9_000, status="open")], []),
        ([], []),
    ],
    ids=["one", "upgrades", "downgrade", "up again", "renewal", "unpaid", "none"],
)
def test_a_bill_that_gave_money_back_ends_what_is_paid_back(
    bills: list[Invoice], paid_back: list[int]
) -> None:
    """Its credit was a part of the bill before it: that would go back twice."""
    one = a_subscription(period=Window(BEGINS, BEGINS + timedelta(days=30)))
    others = replace(a_bill(9, 1), subscription_id="sub_2")

    found = bills_to_pay_back(one, [*bills, others])

    assert [bill.invoice_id for bill in found] == [f"in_{it}" for it in paid_back]


def dies(subscription_id: str) -> None:
    """End before this subscription does."""
    assert subscription_id
    raise Unavailable


def test_a_picture_that_is_outdated_pays_nothing_back(ada: Subscriber) -> None:
    """The dearer one was ended meanwhile, so the wallet is on the cheaper one again."""
    ada.buy("starter")
    bill = Invoice(
        invoice_id="in_1",
        subscription_id=ada.billed()["id"],
        status="paid",
        created_at=ada.now,
        lines=(
            InvoiceLine(
                plan_code=ada.tenant.tier("starter").tier_id,
                amount_cents=3_000,
                is_proration=False,
                start_at=ada.now,
                end_at=ada.now + timedelta(days=30),
            ),
        ),
    )
    one = a_subscription(
        subscription_id=ada.billed()["id"], period=Window(ada.now, ada.now + timedelta(days=30))
    )

    with pytest.raises(Unavailable):
        end_surplus(
            wallet_of(ada.ref, ada.now).ref,
            one,
            [bill],
            by=a_subscription(subscription_id="sub_gone", created_at=ada.now),
            tiers=load_tiers(ada.ref.project_id),
        )

    assert (back_cents(ada), statuses(ada)) == ([], ["active"])
