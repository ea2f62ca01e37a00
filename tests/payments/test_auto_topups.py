"""Wallets that top themselves up: neither twice nor lost, whoever dies; off when refused."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from creditbase.jobs.reconcile import reconcile_stripe
from creditbase.kernel.errors import Conflict, InvalidRequest, PaymentRefused, Unavailable
from creditbase.ledger.domain.commands import Freeze
from creditbase.payments import store, stripe_wallets
from creditbase.payments.auto_topups import refill
from creditbase.payments.refill_settings import set_auto_topup
from creditbase.payments.refilling import RefillSettings
from creditbase.runtime import firestore
from tests.ledger.wallets import in_parallel
from tests.payments.shop import Shop
from tests.payments.wallets import Prepaid, alone
from tests.wire import FAULTS, Wire

pytestmark = pytest.mark.firestore
DECLINED, NEEDS_CUSTOMER = "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"


@pytest.fixture
def ada(
    wire: Wire, shop: Shop, project: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Prepaid]:
    """Return a customer with ten dollars and a saved card, in a database with nothing else."""
    yield from alone(wire, shop, project, monkeypatch)


def test_falling_below_the_threshold_tops_up_once(ada: Prepaid, shop: Shop) -> None:
    """The charge only notes it; the job pays by the saved card, and the events add nothing."""
    ada.refill_below(500, 2000)
    ada.spend(501)
    assert ada.charged() == []

    ada.answer()
    ada.hear()
    ada.answer()

    assert ada.charged() == [2000]
    assert ada.balance_cents == 2499
    assert ada.auto_topup.in_flight is None
    (intent,) = [
        one
        for one in shop.get("/payment_intents", customer=ada.stripe_id)["data"]
        if one["metadata"].get("tier") == "auto"
    ]
    assert intent["metadata"]["number"] == "1"
    payment = store.find_payment(intent["id"])
    assert payment is not None
    assert (payment.kind, payment.tier, payment.paid_cents) == ("topup", "auto", 2000)


def test_it_is_armed_again(ada: Prepaid) -> None:
    """Each time that the balance falls it is topped up, under a number of its own."""
    ada.refill_below(500, 600)
    for _ in range(3):
        ada.spend(600)
        ada.answer()

    assert ada.charged() == [600, 600, 600]
    assert ada.auto_topup.number == 3


def test_switching_it_on_with_too_little_tops_up_at_once(ada: Prepaid) -> None:
    """And as often as it takes to reach the threshold."""
    ada.refill_below(2000, 600)

    ada.answer()

    assert ada.charged() == [600, 600]
    assert ada.balance_cents == 2200


def test_who_topped_up_meanwhile_is_not_charged(ada: Prepaid) -> None:
    """The balance of now counts, not that of when it fell."""
    ada.refill_below(500, 2000)
    ada.spend(600)
    ada.later(minutes=2).top_up(900)

    ada.answer()

    assert ada.charged() == []


def test_nobody_without_a_saved_card_can_switch_it_on(
    wire: Wire, shop: Shop, now: datetime
) -> None:
    """A promise that could not be kept is not given."""
    assert wire
    new = Prepaid.arrives(shop, now)

    with pytest.raises(PaymentRefused):
        new.refill_below(500, 2000)
    with pytest.raises(InvalidRequest):
        new.refill_below(0, 2000)


class TestTheCap:
    """What a month may cost at most."""

    def test_beyond_it_nothing_is_charged_until_the_next_month(
        self, ada: Prepaid, shop: Shop
    ) -> None:
        """A loop gone wild costs no more than the customer has allowed."""
        ada.refill_below(500, 1000, cap_cents=1500)
        ada.spend(600)
        ada.answer()
        ada.spend(1000)
        ada.answer()
        assert ada.charged() == [1000]

        last_minute = ada.later(days=21, hours=11, minutes=59)
        last_minute.answer()
        assert ada.charged() == [1000]
        april = ada.later(days=21, hours=12)
        shop.set_clock(int(april.now.timestamp()))
        april.answer()

        assert ada.charged() == [1000, 1000]
        assert april.auto_topup.month == "2027-04"


class TestRefused:
    """A card that does not pay switches it off, and the customer is told."""

    def test_a_declined_card(self, ada: Prepaid) -> None:
        """Trying again by itself would only make the bank suspicious."""
        ada.refill_below(500, 2000)
        ada.pay_by(DECLINED)
        ada.spend(600)

        ada.answer()
        ada.hear()
        ada.answer()

        kept = ada.auto_topup
        assert (kept.settings.is_enabled, kept.failure) == (False, "declined")
        assert (kept.in_flight, kept.month_cents) == (None, 0)
        assert ada.wallet.state()["levels"]["refill"]["below_nanos"] == 0
        assert ada.charged() == []
        mail = ada.mails()["refill_failed"]
        assert "20.00 USD" in mail["message"]["subject"]
        assert "https://shop.example/billing" in mail["message"]["text"]
        ada.spend(300)
        ada.answer()
        assert ada.charged() == []

    def test_a_bank_that_wants_the_customer_is_told_with_a_page_to_pay(
        self, ada: Prepaid, shop: Shop
    ) -> None:
        """The payment itself is given up, so that it is not made twice."""
        ada.refill_below(500, 2000)
        ada.pay_by(NEEDS_CUSTOMER)
        ada.spend(600)

        ada.answer()

        assert ada.auto_topup.failure == "authentication_required"
        session = shop.get("/checkout/sessions", limit=1)["data"][0]
        assert (session["amount_total"], session["status"]) == (2000, "open")
        assert session["url"] in ada.mails()["refill_failed"]["message"]["text"]
        tried = shop.get("/payment_intents", customer=ada.stripe_id)["data"]
        assert "canceled" in [one["status"] for one in tried]
        shop.pay(session["id"])
        ada.hear()
        assert ada.balance_cents == 2400

    def test_a_card_that_was_taken_away(self, ada: Prepaid, shop: Shop) -> None:
        """There is nothing to pay by, and nothing is asked of Stripe."""
        ada.refill_below(500, 2000)
        for card in shop.get(f"/customers/{ada.stripe_id}/payment_methods")["data"]:
            shop.post(f"/payment_methods/{card['id']}/detach")
        ada.spend(600)

        ada.answer()

        assert ada.auto_topup.failure == "no_payment_method"
        assert "no saved payment" in ada.mails()["refill_failed"]["message"]["text"]

    def test_switched_on_again_it_goes_on(self, ada: Prepaid) -> None:
        """A new card, and the next number."""
        ada.refill_below(500, 2000)
        ada.pay_by(DECLINED)
        ada.spend(600)
        ada.answer()
        ada.pay_by("pm_card_visa")

        ada.refill_below(500, 2000)
        ada.answer()

        assert ada.charged() == [2000]


class TestBroken:
    """Whatever dies in between."""

    @pytest.mark.parametrize(
        "fault", ["error before", "reset before", "error after", "reset after"]
    )
    def test_stripe_that_does_not_answer_is_asked_the_same_again(
        self, ada: Prepaid, shop: Shop, fault: str
    ) -> None:
        """Paid or not: the key is that of the number in flight."""
        ada.refill_below(500, 2000)
        ada.spend(600)
        shop.break_posts("/v1/payment_intents", fault, count=3)
        ada.answer()
        assert ada.balance_cents == 400
        assert ada.auto_topup.in_flight is not None
        shop.order_end_of_faults()

        ada.later(minutes=10).answer()
        ada.later(minutes=20).answer()

        assert ada.charged() == [2000]
        assert ada.balance_cents == 2400
        assert ada.auto_topup.number == 1

    def test_a_number_whose_failure_stripe_remembers_is_left_for_the_next(
        self, ada: Prepaid, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same key would fail for a day; where its list shows nothing, nobody has paid."""
        ada.refill_below(500, 2000)
        ada.spend(600)

        charge = stripe_wallets.charge_saved_card

        def refuse_the_first(*given: Any, number: int) -> stripe_wallets.WalletPayment:
            if number == 1:
                raise Conflict("Stripe remembers a failure for this action")
            return charge(*given, number=number)

        monkeypatch.setattr(stripe_wallets, "charge_saved_card", refuse_the_first)
        for minutes in (0, 9):
            with pytest.raises(Unavailable):
                refill(ada.ref, now=ada.now + timedelta(minutes=minutes))
        refill(ada.ref, now=ada.now + timedelta(minutes=10))

        assert ada.charged() == [2000]
        assert ada.auto_topup.number == 2

    def test_the_webhook_alone_is_enough(self, ada: Prepaid) -> None:
        """The process that asked Stripe died; what it began is ended by what Stripe tells."""
        ada.refill_below(500, 2000)
        ada.spend(600)
        ada.shop.break_posts("/v1/payment_intents", "reset after", count=3)
        with pytest.raises(Unavailable):
            refill(ada.ref, now=ada.now)

        ada.hear("payment_intent.succeeded")

        assert ada.balance_cents == 2400
        assert ada.auto_topup.in_flight is None
        ada.shop.order_end_of_faults()
        ada.answer()
        assert ada.charged() == [2000]

    def test_so_is_the_reconciler(self, ada: Prepaid) -> None:
        """No webhook, no job: Stripe's own list of charges tells."""
        ada.refill_below(500, 2000)
        ada.spend(600)
        ada.shop.break_posts("/v1/payment_intents", "reset after", count=3)
        with pytest.raises(Unavailable):
            refill(ada.ref, now=ada.now)
        ada.shop.order_end_of_faults()

        report = reconcile_stripe(ada.now + timedelta(minutes=30))

        assert report
        assert ada.balance_cents == 2400

    def test_after_stripe_has_forgotten_the_key_its_list_is_asked(self, ada: Prepaid) -> None:
        """A day later the same key would pay again."""
        ada.refill_below(500, 2000)
        ada.spend(600)
        ada.shop.break_posts("/v1/payment_intents", "reset after", count=3)
        with pytest.raises(Unavailable):
            refill(ada.ref, now=ada.now)
        ada.shop.order_end_of_faults()
        ada.shop.let_pass(days=2)

        ada.later(days=2).answer()

        assert ada.charged() == [2000]
        assert ada.balance_cents == 2400

    @pytest.mark.parametrize("fault", ["lost_request", "lost_reply", "abort_after"])
    def test_each_rpc_in_turn(self, ada: Prepaid, wire: Wire, fault: str) -> None:
        """Any read or write of it may break: the next run ends it."""
        ada.refill_below(500, 700)
        ada.spend(600)
        wire.reset()
        refill(ada.ref, now=ada.now)
        count = len(wire.rpcs)
        for index in range(count):
            ada.spend(700)
            wire.reset()
            wire.faults[index] = FAULTS[fault]
            try:
                refill(ada.ref, now=ada.now)
            except Unavailable:
                wire.reset()
            wire.reset()
            refill(ada.ref, now=ada.now)

        assert ada.charged() == [700] * (count + 1)
        assert ada.balance_cents == 1100

    def test_runs_at_the_same_time_pay_once(self, ada: Prepaid) -> None:
        """Two instances, and the webhook between them."""
        ada.refill_below(500, 2000)
        ada.spend(600)

        in_parallel(4, lambda _: refill(ada.ref, now=ada.now))

        assert ada.charged() == [2000]
        assert ada.balance_cents == 2400


def test_a_frozen_wallet_is_not_charged(ada: Prepaid) -> None:
    """Who is deleted or under suspicion pays nothing by itself."""
    ada.refill_below(500, 2000)
    ada.spend(600)
    ada.wallet.run(Freeze("fraud"))

    ada.answer()

    assert ada.charged() == []


def test_a_payment_in_somebody_elses_name_is_quarantined(ada: Prepaid, shop: Shop) -> None:
    """Metadata alone is no proof of whose money it was."""
    ada.refill_below(500, 2000)
    ada.spend(600)
    refill(ada.ref, now=ada.now)
    intent = shop.get("/payment_intents", customer=ada.stripe_id, limit=1)["data"][0]
    shop.change("payment_intent", intent["id"], customer=shop.post("/customers")["id"])

    before = ada.balance_cents
    ada.hear("payment_intent.succeeded")

    assert ada.balance_cents == before


def test_switching_off_needs_nothing(ada: Prepaid) -> None:
    """And the wallet tells no more."""
    ada.refill_below(500, 2000)

    kept = set_auto_topup(ada.ref, RefillSettings(is_enabled=False), now=ada.now)
    ada.spend(600)
    ada.answer()

    assert not kept.settings.is_enabled
    assert ada.charged() == []
    assert "low_balance" in ada.mails()


def test_a_low_balance_is_reminded_of_once(ada: Prepaid) -> None:
    """And once more after it was topped up and has fallen again."""
    ada.spend(501)
    ada.answer()
    ada.spend(100)
    ada.answer()

    (mail,) = ada.mails().values()
    assert mail["to"] == ["ada@example.com"]
    assert "4.99 USD" in mail["message"]["subject"]
    assert "https://shop.example/billing" in mail["message"]["text"]
    ada.later(minutes=2).top_up(500)
    ada.spend(500)
    ada.later(minutes=2).answer()
    assert firestore.count_documents("mail") == 2
