"""Money that went back takes credits, and no more than Stripe says is gone."""

from datetime import datetime
from itertools import permutations
from typing import Any

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.payments import stripe_billing
from creditbase.payments.subscribing import start_checkout
from creditbase.payments.use_cases import start_topup
from creditbase.runtime.firestore import get_all
from tests.ledger.wallets import LiveWallet
from tests.payments.deliveries import FREE_NANOS, SMALL_NANOS, deliver, inbox
from tests.payments.shop import Resource, Shop, signed_event

pytestmark = pytest.mark.firestore

GURU_NANOS = 10_000_000_000


@pytest.fixture
def topped_up(client: FlaskClient, completed: Resource) -> str:
    """Return the payment of a small pack that was granted."""
    assert deliver(client, signed_event(completed)) == 200
    payment: str = completed["data"]["object"]["payment_intent"]
    return payment


def refund(shop: Shop, payment: str, **form: object) -> Resource:
    """Give money back, as somebody would in the Dashboard."""
    return shop.post("/refunds", payment_intent=payment, **form)


def tell(client: FlaskClient, shop: Shop, kind: str) -> None:
    """Deliver every event of a type, newest first."""
    for event in reversed(shop.events(kind)):
        assert deliver(client, signed_event(event)) == 200


def receivable(wallet: LiveWallet) -> int:
    """Return what the customer owes."""
    owed: int = wallet.state()["receivable_nanos"]
    return owed


class TestTopup:
    """A pack whose money goes back."""

    def test_partial_refunds_in_every_order_take_their_part_once(
        self, client: FlaskClient, topped_up: str, shop: Shop, wallet: LiveWallet
    ) -> None:
        """Two of five dollars, then one: three fifths of the credits are gone, told often."""
        refund(shop, topped_up, amount=200)
        refund(shop, topped_up, amount=100)
        for number, order in enumerate(permutations(shop.events("charge.refunded"))):
            for place, event in enumerate((*order, *order)):
                twin = {"id": f"evt_{event['id'][4:]}n{number}n{place}"}
                assert deliver(client, signed_event(event, **twin)) == 200

        assert wallet.available() == FREE_NANOS + SMALL_NANOS * 2 // 5
        assert receivable(wallet) == 0

    def test_what_comes_back_waits_until_there_is_room_for_it(
        self, client: FlaskClient, topped_up: str, shop: Shop, wallet: LiveWallet
    ) -> None:
        """A refund fails, and meanwhile the wallet was filled: its event is not lost."""
        gone = refund(shop, topped_up)
        tell(client, shop, "charge.refunded")
        wallet.topup("pi_rich", 2**53 - FREE_NANOS)
        shop.order(f"/refunds/{gone['id']}/fail")
        event = signed_event(shop.event("refund.failed"))

        assert deliver(client, event) == 500
        wallet.charge("spent", SMALL_NANOS)
        assert deliver(client, event) == 200

        assert wallet.available() == 2**53

    def test_refunds_are_counted_beyond_the_first_page(
        self,
        client: FlaskClient,
        topped_up: str,
        shop: Shop,
        wallet: LiveWallet,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Stripe lists a hundred at most; what is not read would not be taken."""
        monkeypatch.setattr(stripe_billing, "LIST_MAX", 2)
        for _ in range(3):
            refund(shop, topped_up, amount=100)
        tell(client, shop, "charge.refunded")

        assert wallet.available() == FREE_NANOS + SMALL_NANOS * 2 // 5

    def test_what_was_spent_is_owed_and_the_next_pack_pays_it(
        self,
        client: FlaskClient,
        topped_up: str,
        shop: Shop,
        wallet: LiveWallet,
        ref: CustomerRef,
    ) -> None:
        """Spend, be refunded and keep both is not on sale."""
        wallet.charge("all", FREE_NANOS + SMALL_NANOS)
        refund(shop, topped_up)
        tell(client, shop, "charge.refunded")
        assert receivable(wallet) == SMALL_NANOS

        shop.pay(start_topup(ref, "medium", now=wallet.now).session.session_id)
        tell(client, shop, "checkout.session.completed")

        assert receivable(wallet) == 0
        assert wallet.available() == 27_500_000_000 - SMALL_NANOS

    def test_a_refund_that_is_told_before_its_payment_waits_for_it(
        self, client: FlaskClient, completed: Resource, shop: Shop, wallet: LiveWallet
    ) -> None:
        """Stripe sends it again; nothing is lost, and nothing is granted for nothing."""
        refund(shop, completed["data"]["object"]["payment_intent"])
        event = shop.event("charge.refunded")
        assert deliver(client, signed_event(event)) == 500
        assert deliver(client, signed_event(completed)) == 200

        assert deliver(client, signed_event(event)) == 200

        assert wallet.available() == FREE_NANOS

    def test_a_refund_that_fails_later_gives_the_credits_back(
        self, client: FlaskClient, topped_up: str, shop: Shop, wallet: LiveWallet
    ) -> None:
        """The bank sent it back: the customer has paid after all."""
        gone = refund(shop, topped_up, amount=300)
        tell(client, shop, "charge.refunded")
        assert wallet.available() == FREE_NANOS + SMALL_NANOS * 2 // 5
        shop.order(f"/refunds/{gone['id']}/fail")

        tell(client, shop, "refund.failed")
        tell(client, shop, "charge.refunded")

        assert wallet.available() == FREE_NANOS + SMALL_NANOS

    @pytest.mark.parametrize("outcome", ["won", "lost"])
    def test_a_dispute_takes_the_credits_until_it_is_won(
        self, client: FlaskClient, topped_up: str, shop: Shop, wallet: LiveWallet, outcome: str
    ) -> None:
        """What was spent is owed meanwhile; a won dispute puts everything back."""
        wallet.charge("some", FREE_NANOS + 1_000_000_000)
        (charge,) = shop.get("/charges", payment_intent=topped_up)["data"]
        dispute = shop.order("/disputes", charge=charge["id"])
        tell(client, shop, "charge.dispute.created")
        assert (wallet.available(), receivable(wallet)) == (0, 1_000_000_000)
        shop.order(f"/disputes/{dispute['id']}/close", outcome=outcome)

        tell(client, shop, "charge.dispute.closed")

        kept = (4_000_000_000, 0) if outcome == "won" else (0, 1_000_000_000)
        assert (wallet.available(), receivable(wallet)) == kept

    def test_another_applications_refund_is_taken_and_let_be(
        self, client: FlaskClient, shop: Shop, wallet: LiveWallet
    ) -> None:
        """One Stripe account may serve several."""
        shop.buy_elsewhere(kind="shoes")
        refund(shop, shop.event("payment_intent.succeeded")["data"]["object"]["id"])

        tell(client, shop, "charge.refunded")

        assert inbox(shop.event("charge.refunded")["id"])["reason"] == "not_ours"
        assert wallet.available() == FREE_NANOS


class TestSubscription:
    """A plan's payment that goes back."""

    @pytest.fixture
    def paid(self, client: FlaskClient, ref: CustomerRef, shop: Shop, now: datetime) -> str:
        """Return the payment of a guru plan that was granted."""
        shop.pay(start_checkout(ref, "guru", now=now).session_id)
        tell(client, shop, "invoice.paid")
        found: list[dict[str, Any]] = shop.get("/invoice_payments")["data"]
        payment: str = found[0]["payment"]["payment_intent"]
        return payment

    def test_it_takes_what_is_left_and_no_more(
        self, client: FlaskClient, paid: str, shop: Shop, wallet: LiveWallet
    ) -> None:
        """Nothing is owed for what was spent; the plan itself is ended elsewhere."""
        wallet.charge("some", 6_000_000_000)
        refund(shop, paid)

        tell(client, shop, "charge.refunded")

        assert (wallet.available(), receivable(wallet)) == (0, 0)
        kept = get_all([f"payments/{paid}"])[0].fields
        assert kept is not None
        assert (kept["kind"], kept["paid_cents"]) == ("subscription", 1000)
        assert kept["granted_nanos"] == GURU_NANOS

    def test_told_before_its_own_payment_it_still_takes_it(
        self, client: FlaskClient, ref: CustomerRef, shop: Shop, wallet: LiveWallet
    ) -> None:
        """The grant is made first, because Stripe says that it was paid."""
        shop.pay(start_checkout(ref, "guru", now=wallet.now).session_id)
        payment = shop.get("/invoice_payments")["data"][0]["payment"]["payment_intent"]
        refund(shop, payment, amount=500)

        tell(client, shop, "charge.refunded")
        tell(client, shop, "invoice.paid")

        assert wallet.available() == GURU_NANOS // 2
