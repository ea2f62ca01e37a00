"""Automatic top-ups whose process, customer or payment ends early: one charge, one grant."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from creditbase.kernel.errors import Unavailable
from creditbase.payments import auto_topups, stripe_lists, stripe_wallets
from creditbase.payments.auto_topups import refill
from creditbase.payments.refilling import Refill
from creditbase.payments.use_cases import receive_event
from creditbase.runtime.clock import real_now
from creditbase.subscriptions.relay_customers import delete_customer
from tests.payments.dying import dying_on_demand
from tests.payments.shop import SECRET, Shop, signed_event
from tests.payments.wallets import Prepaid, alone
from tests.wire import Wire

pytestmark = pytest.mark.firestore


@pytest.fixture
def ada(
    wire: Wire, shop: Shop, project: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Prepaid]:
    """Return a customer with ten dollars and a saved card, in a database with nothing else."""
    yield from alone(wire, shop, project, monkeypatch)


def asked_and_lost(ada: Prepaid) -> None:
    """Let a top-up be paid at Stripe whose answer nobody gets."""
    ada.refill_below(500, 2000)
    ada.spend(600)
    ada.shop.break_posts("/v1/payment_intents", "reset after", count=3)
    with pytest.raises(Unavailable):
        refill(ada.ref, now=ada.now)
    ada.shop.order_end_of_faults()


def test_sigkill_before_any_rpc_and_another_run_are_one_charge_and_one_grant(
    ada: Prepaid,
) -> None:
    """Between the number and Stripe, between Stripe and the ledger: wherever it dies."""
    ada.refill_below(500, 700)
    deaths, has_died = 0, True
    with dying_on_demand() as dying:
        while has_died:
            ada.spend(ada.balance_cents - 400)
            has_died = dying.refill(ada.ref, now=ada.now, before_rpc=deaths)
            deaths += has_died
            if deaths % 2:  # a webhook may be faster than the next run
                ada.hear("payment_intent.succeeded")

            refill(ada.ref, now=ada.now)

            assert ada.balance_cents == 1100
            assert ada.auto_topup.in_flight is None
    assert ada.charged() == [700] * (deaths + 1)
    assert deaths > 10


class TestCustomersGone:
    """The customer of Stripe changes while a top-up is under way."""

    def test_what_was_paid_by_the_old_one_is_not_paid_again_by_the_new(
        self, ada: Prepaid
    ) -> None:
        """Another customer in the same request would be another request."""
        asked_and_lost(ada)
        ada.shop.delete(f"/customers/{ada.stripe_id}")
        ada.hear("customer.deleted")
        assert not ada.stripe_id
        ada.later(minutes=2).pay_in(300)

        ada.later(minutes=3).answer()
        refill(ada.ref, now=ada.later(minutes=4).now)

        assert ada.charged() == [2000]
        assert ada.balance_cents == 400 + 300 + 2000
        assert ada.auto_topup.in_flight is None

    def test_a_day_later_the_list_of_the_old_one_is_asked(self, ada: Prepaid) -> None:
        """Stripe has forgotten the key by then, and the payment is nobody else's."""
        asked_and_lost(ada)
        ada.shop.delete(f"/customers/{ada.stripe_id}")
        ada.hear("customer.deleted")
        ada.later(minutes=2).pay_in(300)
        ada.shop.let_pass(days=2)

        refill(ada.ref, now=ada.later(days=2).now)

        assert (ada.charged(), ada.balance_cents) == ([2000], 400 + 300 + 2000)

    def test_what_arrives_when_the_customer_has_left_goes_back(self, ada: Prepaid) -> None:
        """Credits that nobody can spend are not what anybody paid for."""
        asked_and_lost(ada)
        delete_customer(ada.ref.project_id, ada.ref.customer_id, now=ada.later(minutes=1).now)

        for _ in range(2):
            ada.later(minutes=2).hear("payment_intent.succeeded")
        ada.hear("charge.refunded")

        (refund,) = ada.shop.get("/refunds")["data"]
        assert (refund["amount"], refund["payment_intent"]) == (2000, ada.automatic()[0]["id"])
        assert ada.balance_cents == 400

    def test_two_wallets_of_one_customer_at_stripe_are_told_apart(
        self, ada: Prepaid, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The same number of another wallet is another top-up; the list may be long."""
        monkeypatch.setattr(stripe_wallets, "PAGE_MAX", 2)
        assert stripe_lists.PAGE_MAX > 2
        asked_and_lost(ada)
        (mine,) = ada.automatic()
        others = {**mine["metadata"], "customer": "11111111-1111-4111-8111-111111111111"}
        form = {f"metadata[{name}]": value for name, value in others.items()}
        for _ in range(5):
            ada.shop.post(
                "/payment_intents", amount=50, currency="usd", customer=ada.stripe_id, **form
            )
        ada.shop.let_pass(days=2)

        refill(ada.ref, now=ada.later(days=2).now)

        assert ada.balance_cents == 2400
        assert ada.charged() == [2000]


class TestPaymentsGone:
    """What Stripe tells of a payment that nobody will make by itself."""

    @pytest.mark.parametrize(
        ("told", "status", "failure"),
        [
            ("payment_intent.canceled", "canceled", "declined"),
            ("payment_intent.requires_action", "requires_action", "authentication_required"),
        ],
    )
    def test_it_is_off_and_nothing_is_in_flight(
        self, ada: Prepaid, told: str, status: str, failure: str
    ) -> None:
        """Cancelled in the Dashboard, or the bank wants the payer, after our process died."""
        ada.refill_below(500, 2000)
        ada.spend(600)
        begun = auto_topups._begin(ada.ref, now=ada.now)
        assert isinstance(begun, Refill)
        intent = self._asked(ada, begun)
        ada.shop.change("payment_intent", intent["id"], status=status)
        event = {**ada.shop.events("payment_intent.created")[-1], "type": told}
        sent = signed_event(event, id="evt_of_the_end")

        receive_event(
            sent.raw, sent.signature, secrets=[SECRET], real_now=real_now(), now=ada.now
        )

        kept = ada.auto_topup
        assert (kept.settings.is_enabled, kept.failure) == (False, failure)
        assert (kept.in_flight, kept.month_cents) == (None, 0)
        assert "refill_failed" in ada.mails()
        assert [one["status"] for one in ada.automatic()] == ["canceled"]

    def test_a_repeat_that_is_answered_as_before_asks_what_is_now(self, ada: Prepaid) -> None:
        """Stripe repeats its first answer for a day: under way, though it is paid by now."""
        ada.refill_below(500, 2000)
        ada.spend(600)
        begun = auto_topups._begin(ada.ref, now=ada.now)
        assert isinstance(begun, Refill)
        asked = stripe_wallets.charge_saved_card

        def answered_early(*given: Any, **named: Any) -> stripe_wallets.WalletPayment:
            return replace(asked(*given, **named), status="processing")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stripe_wallets, "charge_saved_card", answered_early)
            refill(ada.ref, now=ada.now)

        assert ada.balance_cents == 2400

    def _asked(self, ada: Prepaid, begun: Refill) -> dict[str, Any]:
        form = {
            "metadata[kind]": "topup",
            "metadata[tier]": "auto",
            "metadata[project]": ada.ref.project_id,
            "metadata[customer]": ada.ref.customer_id,
            "metadata[number]": begun.number,
        }
        return ada.shop.post(
            "/payment_intents",
            amount=begun.amount_cents,
            currency="usd",
            customer=ada.stripe_id,
            **form,
        )
