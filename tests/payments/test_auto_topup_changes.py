"""Wallets that top themselves up while the world moves on: settings, minimums, customers."""

from collections.abc import Iterator
from typing import Any

import pytest

from creditbase.accounts.domain import ProjectTerms
from creditbase.accounts.owners import change_project
from creditbase.ledger.domain.commands import ChangeTerms
from creditbase.ledger.domain.wallet import Terms
from creditbase.ledger.use_cases import run
from creditbase.payments import auto_topups, refill_charging, refill_settings
from creditbase.payments.domain import Outcome
from creditbase.payments.refilling import Refill, RefillSettings
from creditbase.payments.use_cases import receive_event
from creditbase.runtime.clock import real_now
from creditbase.subscriptions.relay_customers import delete_customer
from creditbase.subscriptions.relay_projects import archive_project
from tests.payments.shop import SECRET, Shop, signed_event
from tests.payments.wallets import Prepaid, alone
from tests.wire import Wire

pytestmark = pytest.mark.firestore
DECLINED, NEEDS_CUSTOMER = "pm_card_chargeCustomerFail", "pm_card_authenticationRequired"


@pytest.fixture
def ada(
    wire: Wire, shop: Shop, project: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Prepaid]:
    """Return a customer with ten dollars and a saved card, in a database with nothing else."""
    yield from alone(wire, shop, project, monkeypatch, owners=("boss",))


def test_a_raised_cap_counts_at_once(ada: Prepaid) -> None:
    """The balance is below the threshold already, and would not fall below it once more."""
    ada.refill_below(500, 1000, cap_cents=1500)
    ada.spend(600)
    ada.answer()
    ada.spend(1000)
    ada.answer()
    assert ada.charged() == [1000]

    ada.refill_below(500, 1000, cap_cents=5000)
    ada.answer()

    assert ada.charged() == [1000, 1000]


def test_what_is_set_last_is_what_the_wallet_watches_for(
    ada: Prepaid, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Switched off in one tab and on in another: the slower word must not outlive the newer."""
    told_through = "creditbase.payments.refill_settings.run"

    def tell_late(*args: Any, **named: Any) -> Any:
        monkeypatch.setattr(told_through, run)
        ada.refill_below(500, 2000)
        return run(*args, **named)

    monkeypatch.setattr(told_through, tell_late)
    refill_settings.set_auto_topup(ada.ref, RefillSettings(is_enabled=False), now=ada.now)
    ada.spend(600)
    ada.answer()

    assert ada.auto_topup.settings.is_enabled
    assert ada.charged() == [2000]


def test_a_minimum_that_was_raised_does_not_keep_it_from_ending(ada: Prepaid) -> None:
    """There is no page to pay the amount on any more; it is off, and the job goes on."""
    ada.refill_below(500, 2000)
    ada.pay_by(NEEDS_CUSTOMER)
    terms = ProjectTerms(topup_min_cents=5000)
    change_project(ada.ref.project_id, "boss", terms, now=ada.now)
    ada.spend(600)

    ada.answer()

    assert ada.auto_topup.failure == "authentication_required"
    assert "refill_failed" in ada.mails()


def test_who_is_gone_at_stripe_has_no_card(ada: Prepaid, shop: Shop) -> None:
    """Stripe still shows a stub of a deleted customer: there is nothing to pay by."""
    ada.refill_below(500, 2000)
    shop.delete(f"/customers/{ada.stripe_id}")
    ada.spend(600)

    assert ada.answer().failed == 0

    assert ada.auto_topup.failure == "no_payment_method"
    assert "refill_failed" in ada.mails()


def test_a_refusal_that_comes_after_the_customer_was_deleted_is_taken(ada: Prepaid) -> None:
    """Stripe would send its event for days, and nobody could do anything about it."""
    ada.refill_below(500, 2000)
    ada.pay_by(DECLINED)
    ada.spend(600)
    begun = auto_topups._begin(ada.ref, now=ada.now)
    assert isinstance(begun, Refill)
    assert refill_charging.charge(ada.ref, begun, now=ada.now) is not None
    delete_customer(ada.ref.project_id, ada.ref.customer_id, now=ada.now)

    ada.hear("payment_intent.payment_failed")

    assert ada.charged() == []


def test_a_lowered_cap_holds_for_what_is_in_flight(ada: Prepaid) -> None:
    """Its process died before it asked Stripe; the customer has thought better of it since."""
    ada.refill_below(500, 2000)
    ada.spend(600)
    assert isinstance(auto_topups._begin(ada.ref, now=ada.now), Refill)
    ada.refill_below(500, 100, cap_cents=150)

    ada.later(minutes=11).answer()

    assert ada.charged() == [100]
    assert ada.auto_topup.month_cents == 100


def test_a_wallet_that_cannot_be_spent_from_is_not_charged(ada: Prepaid) -> None:
    """The cap let it wait for the next month, and the customer is on another tier by then."""
    ada.refill_below(500, 2000)
    ada.spend(600)
    ada.wallet.run(ChangeTerms(Terms("tier", draws_wallet=False, revision=99)))
    ada.answer()
    assert ada.charged() == []

    ada.wallet.run(ChangeTerms(Terms("paygo", revision=100)))
    ada.answer()

    assert ada.charged() == [2000]


def test_a_project_that_was_put_away_charges_nobody(ada: Prepaid) -> None:
    """Nobody can spend there any more; a crossing may still wait for the next month."""
    ada.refill_below(500, 2000)
    ada.spend(1000)
    archive_project(ada.ref.project_id, "boss", now=ada.now)

    ada.answer()

    assert ada.charged() == []


def test_money_of_another_currency_waits_for_a_person(ada: Prepaid, shop: Shop) -> None:
    """Two thousand yen are not twenty dollars, whatever the metadata says."""
    ada.refill_below(500, 2000)
    ada.spend(600)
    ada.answer()
    (paid,) = ada.automatic()
    forged = {f"metadata[{name}]": value for name, value in paid["metadata"].items()}
    forged["metadata[number]"] = "7"
    other = shop.post(
        "/payment_intents", amount=2000, currency="jpy", customer=ada.stripe_id, **forged
    )
    shop.change("payment_intent", other["id"], status="succeeded", amount_received=2000)
    event = {**shop.events("payment_intent.created")[-1], "type": "payment_intent.succeeded"}
    sent = signed_event(event, id="evt_of_yen")

    told = receive_event(
        sent.raw, sent.signature, secrets=[SECRET], real_now=real_now(), now=ada.now
    )

    assert told == Outcome("quarantined", "mismatch:currency")
    assert ada.balance_cents == 2400
