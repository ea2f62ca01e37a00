"""What a session's money is worth: nothing, unless everything matches our own record."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from creditbase.catalog.domain import Pack
from creditbase.payments.domain import (
    APPLIED,
    SUBSCRIPTION,
    Buyer,
    Intent,
    Order,
    Outcome,
    Payment,
    SessionRecord,
    StripeSession,
    decide_intent,
    decide_session,
    find_conflict,
    is_ours,
    metadata_of,
    order_of,
    record_of,
)

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
PACK = Pack("medium", "Medium top-up", 2500, 27_500)
ORDER = order_of(PACK, currency="usd", site_url="https://app.example")
BUYER = Buyer(project_id="p", customer_id="c", uid="ada", stripe_customer_id="cus_1")


def a_session(**changed: Any) -> StripeSession:
    """Return the session that Stripe shows when the medium pack was paid."""
    paid = StripeSession(
        session_id="cs_1",
        mode="payment",
        status="complete",
        payment_status="paid",
        is_live=False,
        currency="usd",
        amount_subtotal_cents=2500,
        amount_total_cents=2500,
        stripe_customer_id="cus_1",
        payment_id="pi_1",
        client_reference_id="ada",
        metadata=metadata_of(BUYER, ORDER),
        url="",
    )
    return replace(paid, **changed)


def a_record(**changed: Any) -> SessionRecord:
    """Return what we wrote down when we asked for it."""
    return replace(record_of(BUYER, ORDER, a_session(), now=NOW), **changed)


class TestDecideIntent:
    """Which number Stripe is asked with."""

    def test_the_first_is_number_one(self) -> None:
        """Each customer counts by itself."""
        assert decide_intent(None, ORDER) == Intent(1, ORDER)

    def test_a_number_without_a_session_is_used_again(self) -> None:
        """A retry after a crash, and a twin, ask Stripe the same and get the same session."""
        assert decide_intent(Intent(7, ORDER), ORDER) == Intent(7, ORDER)

    def test_a_number_with_a_session_is_used_up(self) -> None:
        """Whoever buys a second time pays a second time."""
        assert decide_intent(Intent(7, ORDER, "cs_1"), ORDER) == Intent(8, ORDER)

    @pytest.mark.parametrize(
        "changed",
        [
            {"tier": "small"},
            {"amount_cents": 2600},
            {"credits": 1},
            {"currency": "eur"},
            {"site_url": "https://other.example"},
        ],
    )
    def test_another_order_gets_another_number(self, changed: dict[str, Any]) -> None:
        """The same key with other parameters is an error at Stripe."""
        other = replace(ORDER, **changed)

        assert decide_intent(Intent(7, ORDER), other) == Intent(8, other)


class TestDecideSession:
    """What a session means, as Stripe shows it."""

    def test_paid_is_owed_the_packs_credits_once(self) -> None:
        """27,500 credits for 25 dollars, under an id made of the payment alone."""
        mirrored = decide_session(a_record(), a_session(), now=NOW)

        assert mirrored.outcome == APPLIED
        assert mirrored.payment == Payment(
            payment_id="pi_1",
            session_id="cs_1",
            project_id="p",
            customer_id="c",
            stripe_customer_id="cus_1",
            kind="topup",
            tier="medium",
            currency="usd",
            paid_cents=2500,
            granted_nanos=27_500_000_000,
            grant_id="topup:pi_1",
            created_at=NOW,
        )
        assert mirrored.record == a_record(
            status="complete", payment_status="paid", payment_id="pi_1"
        )

    def test_without_a_payment_intent_the_session_names_the_grant(self) -> None:
        """The id must never be empty, or all such payments would be one."""
        payment = decide_session(a_record(), a_session(payment_id=""), now=NOW).payment

        assert payment is not None
        assert (payment.payment_id, payment.grant_id) == ("cs_1", "topup:cs_1")

    def test_a_discount_changes_what_was_paid_and_not_what_is_granted(self) -> None:
        """Amounts are compared before discounts; a refund later counts what was paid."""
        payment = decide_session(
            a_record(), a_session(amount_total_cents=2000), now=NOW
        ).payment

        assert payment is not None
        assert (payment.paid_cents, payment.granted_nanos) == (2000, 27_500_000_000)

    def test_a_coupon_may_take_the_whole_price_off(self) -> None:
        """Only the shop's owner makes coupons: the pack is a gift, keyed by its session."""
        gift = {"payment_status": "no_payment_required", "payment_id": ""}

        payment = decide_session(
            a_record(), a_session(amount_total_cents=0, **gift), now=NOW
        ).payment

        assert payment is not None
        assert (payment.payment_id, payment.paid_cents) == ("cs_1", 0)
        assert payment.granted_nanos == 27_500_000_000

    @pytest.mark.parametrize("status", ["complete", "open", "expired"])
    def test_unpaid_waits(self, status: str) -> None:
        """A delayed payment method completes first and pays, or fails, days later."""
        session = a_session(status=status, payment_status="unpaid", payment_id="")

        mirrored = decide_session(a_record(), session, now=NOW)

        assert (mirrored.payment, mirrored.outcome) == (None, APPLIED)
        assert (mirrored.record.status, mirrored.record.payment_status) == (status, "unpaid")

    @pytest.mark.parametrize(
        ("changed", "reason"),
        [
            ({"payment_status": "no_payment_required"}, "payment_status:no_payment_required"),
            ({"payment_status": "later_maybe"}, "payment_status:later_maybe"),
            ({"status": "expired"}, "payment_status:paid"),
            ({"mode": "subscription"}, "mismatch:mode"),
            ({"is_live": True}, "mismatch:livemode"),
            ({"currency": "jpy"}, "mismatch:currency"),
            ({"amount_subtotal_cents": 2499}, "mismatch:amount"),
            ({"amount_subtotal_cents": -1}, "mismatch:amount"),
            ({"stripe_customer_id": "cus_2"}, "mismatch:customer"),
            ({"stripe_customer_id": ""}, "mismatch:customer"),
            ({"client_reference_id": "eve"}, "mismatch:reference"),
            ({"metadata": {}}, "mismatch:kind"),
            ({"metadata": {**metadata_of(BUYER, ORDER), "tier": "large"}}, "mismatch:tier"),
            ({"metadata": {**metadata_of(BUYER, ORDER), "credits": "9"}}, "mismatch:credits"),
            (
                {"metadata": {**metadata_of(BUYER, ORDER), "customer": "d"}},
                "mismatch:metadata_customer",
            ),
        ],
    )
    def test_what_does_not_match_is_quarantined_and_grants_nothing(
        self, changed: dict[str, Any], reason: str
    ) -> None:
        """No credits without money: each thing that we asked for is compared."""
        mirrored = decide_session(a_record(), a_session(**changed), now=NOW)

        assert mirrored.outcome == Outcome("quarantined", reason)
        assert mirrored.payment is None
        assert mirrored.record == a_record()

    def test_a_customer_without_a_firebase_user_is_named_by_its_id(self) -> None:
        """The relay's customers have no uid, and buy all the same."""
        buyer = replace(BUYER, uid="")
        session = a_session(client_reference_id="c", metadata=metadata_of(buyer, ORDER))

        assert decide_session(a_record(uid=""), session, now=NOW).payment is not None


class TestValues:
    """Small questions."""

    def test_only_our_own_metadata_makes_a_session_ours(self) -> None:
        """Other applications may sell through the same Stripe account."""
        assert is_ours(a_session())
        assert not is_ours(a_session(metadata={}))
        assert not is_ours(a_session(metadata={"kind": "topup"}))
        assert not is_ours(a_session(metadata={"kind": "shoes", "customer": "c"}))

    def test_an_order_asks_for_exactly_what_the_pack_costs(self) -> None:
        """The price comes from the catalog, never from a client."""
        assert (
            Order(
                tier="medium",
                name="Medium top-up",
                credits=27_500,
                amount_cents=2500,
                currency="usd",
                site_url="https://app.example",
            )
            == ORDER
        )

    def test_a_payment_that_is_written_down_differently_is_a_conflict(self) -> None:
        """One payment cannot have paid for two things; when it was noticed is no matter."""
        owed = decide_session(a_record(), a_session(), now=NOW).payment
        assert owed is not None

        assert (
            find_conflict(replace(owed, created_at=datetime(2020, 1, 1, tzinfo=UTC)), owed)
            == ""
        )
        assert find_conflict(replace(owed, customer_id="d"), owed) == "payment"
        assert find_conflict(replace(owed, granted_nanos=1), owed) == "payment"


def test_a_plans_session_brings_no_payment_of_its_own() -> None:
    """Its invoices do; a trial's session costs nothing, and is as good as any."""
    order = replace(ORDER, kind=SUBSCRIPTION, tier="guru")
    metadata = metadata_of(BUYER, order)
    session = a_session(mode="subscription", metadata=metadata, amount_subtotal_cents=0)
    record = record_of(BUYER, order, session, now=NOW)

    mirrored = decide_session(record, session, now=NOW)

    assert (mirrored.payment, mirrored.outcome) == (None, APPLIED)
    assert mirrored.record.status == "complete"
    assert decide_session(record, a_session(metadata=metadata), now=NOW).outcome == Outcome(
        "quarantined", "mismatch:mode"
    )
