"""Money that an operator gives back: once for each key, never more than is left, recorded."""

from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.use_cases import ensure_customer, ensure_project
from creditbase.admin import refunding
from creditbase.admin.acting import freeze
from creditbase.admin.audit_store import find_audit, load_audit_page
from creditbase.admin.domain.audit import Audit, Deed
from creditbase.admin.refunding import refund
from creditbase.kernel.errors import BillingError, Conflict, Retryable, Unavailable
from creditbase.ledger.paths import WalletRef
from creditbase.payments import stripe_gateway
from creditbase.payments.domain import Outcome
from creditbase.payments.subscribing import start_checkout
from creditbase.runtime.clock import real_now
from tests.ledger.wallets import LiveWallet, in_parallel
from tests.payments.deliveries import FREE_NANOS, SMALL_NANOS, deliver
from tests.payments.shop import Resource, Shop, signed_event
from tests.wire import Send, Wire

pytestmark = pytest.mark.firestore

SMALL_CENTS = 500
RPCS = 9
"""Of the store, for one refund."""


@pytest.fixture
def paid(client: FlaskClient, completed: Resource, wallet: LiveWallet) -> str:
    """Return the payment of a small pack that was granted; the wallet is audited in the end."""
    assert wallet
    assert deliver(client, signed_event(completed)) == 200
    payment: str = completed["data"]["object"]["payment_intent"]
    return payment


@pytest.fixture
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the store not answer any more once the money has gone back."""

    def unavailable(payment_id: str, *, now: datetime) -> Outcome:
        del payment_id, now
        raise Unavailable

    monkeypatch.setattr(refunding, "follow_payment", unavailable)


def a_deed(ref: CustomerRef, key: str = "", **asked: object) -> Deed:
    """Return the deed of a refund, under a key of its own where none is given."""
    return Deed(
        action="refund",
        actor="ada",
        key=key or uuid4().hex,
        reason="they asked",
        project_id=ref.project_id,
        customer_id=ref.customer_id,
        asked=asked,
    )


def give(
    ref: CustomerRef, payment: str, cents: int | None, now: datetime, key: str = ""
) -> Audit:
    """Give money back, as the endpoint does."""
    deed = a_deed(ref, key, payment=payment, amount_cents=cents)
    return refund(deed, payment=payment, amount_cents=cents, now=now)


def code_of(ref: CustomerRef, payment: str, cents: int | None, now: datetime, key: str) -> str:
    """Return the reason that a refund is refused for."""
    with pytest.raises(BillingError) as refused:
        give(ref, payment, cents, now, key)
    return getattr(refused.value, "reason", "") or refused.value.code


def refunds(shop: Shop) -> list[Resource]:
    """Return every refund that Stripe has, the oldest first."""
    found: list[Resource] = shop.get("/refunds", limit=100)["data"]
    return found[::-1]


def tell(client: FlaskClient, shop: Shop) -> None:
    """Deliver what Stripe tells of refunds, twice."""
    for event in shop.events("charge.refunded") * 2:
        assert deliver(client, signed_event(event)) == 200


class TestRefunds:
    """What comes of one."""

    def test_a_part_and_then_the_rest_go_back_with_their_credits(
        self, client: FlaskClient, ref: CustomerRef, paid: str, shop: Shop, wallet: LiveWallet
    ) -> None:
        """Credits go at once, and once: the event that follows finds nothing left to do."""
        first = give(ref, paid, 200, wallet.now)
        assert wallet.available() == FREE_NANOS + SMALL_NANOS * 3 // 5
        tell(client, shop)
        assert wallet.available() == FREE_NANOS + SMALL_NANOS * 3 // 5

        rest = give(ref, paid, None, wallet.now)
        tell(client, shop)

        assert wallet.available() == FREE_NANOS
        assert [one["amount"] for one in refunds(shop)] == [200, 300]
        assert [one["metadata"]["audit"] for one in refunds(shop)] == [
            first.follows,
            rest.follows,
        ]
        assert rest.stripe == {
            "payment_id": paid,
            "amount_cents": 300,
            "currency": "usd",
            "refund_id": refunds(shop)[1]["id"],
            "status": "succeeded",
        }

    def test_it_is_recorded_before_and_after(
        self, ref: CustomerRef, paid: str, now: datetime
    ) -> None:
        """Who wanted it stands there whatever becomes of the process that asks for it."""
        outcome = give(ref, paid, 100, now)

        records = load_audit_page(customer_id=ref.customer_id).records
        assert {one.action for one in records} == {"refund", "refund_outcome"}
        assert outcome in records
        begun = find_audit(outcome.follows)
        assert begun is not None
        assert begun.stripe["amount_cents"] == 100
        assert (begun.reason, outcome.reason) == ("they asked", "they asked")

    def test_a_plan_is_paid_back_by_its_invoice(
        self, client: FlaskClient, ref: CustomerRef, shop: Shop, wallet: LiveWallet
    ) -> None:
        """An operator has the invoice's number at hand; what is left of its credits goes."""
        shop.pay(start_checkout(ref, "guru", now=wallet.now).session_id)
        for event in shop.events("invoice.paid"):
            assert deliver(client, signed_event(event)) == 200
        (bill,) = shop.get("/invoices")["data"]
        wallet.charge("some", 6_000_000_000)

        give(ref, bill["id"], None, wallet.now)

        assert wallet.available() == 0
        assert [one["amount"] for one in refunds(shop)] == [1000]

    def test_a_frozen_customer_can_be_paid_back(
        self, ref: CustomerRef, paid: str, wallet: LiveWallet
    ) -> None:
        """Stopping somebody from spending is often the reason."""
        frozen = Deed(
            action="freeze",
            actor="ada",
            key="f",
            reason="abuse",
            project_id=ref.project_id,
            customer_id=ref.customer_id,
        )
        freeze(frozen, now=wallet.now)

        give(ref, paid, None, wallet.now)

        assert wallet.available() == FREE_NANOS
        assert wallet.state()["frozen"] == "operator"

    def test_a_customer_who_is_gone_at_stripe_can_be_paid_back(
        self, ref: CustomerRef, paid: str, shop: Shop, now: datetime
    ) -> None:
        """What was paid was paid, whoever deleted the customer since."""
        payer = shop.get(f"/payment_intents/{paid}")["customer"]
        shop.delete(f"/customers/{payer}")

        assert give(ref, paid, 100, now).stripe["status"] == "succeeded"


class TestKeys:
    """One refund for each key."""

    def test_a_repeat_is_answered_from_its_record_however_late(
        self, ref: CustomerRef, paid: str, shop: Shop, now: datetime
    ) -> None:
        """Also all that is left: it is not asked again how much that is."""
        first = give(ref, paid, None, now, "k")
        shop.order(f"/refunds/{first.stripe['refund_id']}/fail")

        assert give(ref, paid, None, now, "k") == first
        assert len(refunds(shop)) == 1

    def test_another_body_under_a_key_is_refused(
        self, ref: CustomerRef, paid: str, shop: Shop, now: datetime
    ) -> None:
        """A typing mistake is no second refund."""
        give(ref, paid, 100, now, "k")

        assert code_of(ref, paid, 101, now, "k") == "IDEMPOTENCY_CONFLICT"
        assert len(refunds(shop)) == 1

    def test_the_same_key_at_once_is_one_refund(
        self, ref: CustomerRef, paid: str, shop: Shop, now: datetime
    ) -> None:
        """Two clicks, two tabs."""
        found = in_parallel(3, lambda _: give(ref, paid, 100, now, "k"))

        assert found == [found[0]] * 3
        assert [one["amount"] for one in refunds(shop)] == [100]

    def test_two_admins_at_once_give_back_no_more_than_was_paid(
        self, ref: CustomerRef, paid: str, shop: Shop, now: datetime
    ) -> None:
        """Each wants all of it: one is told that nothing is left, now or when asking again."""

        def all_of_it(number: int) -> str:
            for _ in range(5):
                try:
                    return str(give(ref, paid, None, now, f"k{number}").stripe["status"])
                except Retryable:
                    continue
                except Conflict as refused:
                    return refused.reason
            raise AssertionError

        assert sorted(in_parallel(2, all_of_it), key=str) == ["NOTHING_TO_REFUND", "succeeded"]
        assert [one["amount"] for one in refunds(shop)] == [SMALL_CENTS]


class TestRefusals:
    """What is not paid back."""

    def test_more_than_was_paid_or_less_than_a_cent(
        self, ref: CustomerRef, paid: str, shop: Shop, now: datetime
    ) -> None:
        """Nothing is asked of Stripe, and nothing recorded: the key may be used again."""
        for cents in (0, -1, 100_000_000):
            assert code_of(ref, paid, cents, now, "k") == "VALIDATION_ERROR"
        assert code_of(ref, paid, SMALL_CENTS + 1, now, "k") == "NOTHING_TO_REFUND"
        assert refunds(shop) == []

        assert give(ref, paid, 1, now, "k").stripe["amount_cents"] == 1

    def test_what_the_dashboard_gave_back_is_not_given_again(
        self, ref: CustomerRef, paid: str, shop: Shop, now: datetime
    ) -> None:
        """Stripe's own sums count, not ours."""
        shop.post("/refunds", payment_intent=paid, amount=400)

        assert code_of(ref, paid, 101, now, "") == "NOTHING_TO_REFUND"
        assert give(ref, paid, None, now).stripe["amount_cents"] == 100
        assert code_of(ref, paid, None, now, "") == "NOTHING_TO_REFUND"

    def test_a_disputed_payment_is_the_banks(
        self, ref: CustomerRef, paid: str, shop: Shop, now: datetime
    ) -> None:
        """Given back by us as well, the customer would have it twice; won, it is ours again."""
        (charge,) = shop.get("/charges", payment_intent=paid)["data"]
        dispute = shop.order("/disputes", charge=charge["id"])
        assert code_of(ref, paid, 1, now, "") == "PAYMENT_DISPUTED"
        shop.order(f"/disputes/{dispute['id']}/close", outcome="lost")

        assert code_of(ref, paid, 1, now, "") == "PAYMENT_DISPUTED"

    def test_what_is_no_name_of_a_payment_or_of_none_that_there_is(
        self, ref: CustomerRef, now: datetime
    ) -> None:
        """It would become part of an address at Stripe."""
        for payment in ("", "pi_1 ", "ch_1", "pi_", "pi_a/b", "cs_1", "pi_ü"):
            assert code_of(ref, payment, 1, now, "") == "VALIDATION_ERROR", payment
        for payment in ("pi_nobody", "in_nobody"):
            assert code_of(ref, payment, 1, now, "") == "NOT_FOUND"

    def test_what_somebody_else_paid(
        self, ref: CustomerRef, paid: str, shop: Shop, now: datetime
    ) -> None:
        """Another customer's, another project's, another application's: all look alike."""
        elsewhere = ensure_project(f"p{uuid4().hex}", now=now).project_id
        other = ensure_customer(elsewhere, "ada", now=now)
        shop.buy_elsewhere(kind="shoes")
        shoes = shop.events("payment_intent.succeeded")[-1]["data"]["object"]["id"]

        assert code_of(other.ref, paid, 1, now, "") == "NOT_FOUND"
        assert code_of(ref, shoes, 1, now, "") == "NOT_FOUND"
        assert code_of(CustomerRef(ref.project_id, "nobody"), paid, 1, now, "") == "NOT_FOUND"
        assert refunds(shop) == []


class Died(BaseException):
    """The process is no more: nothing of ours may catch this."""


def died(send: Send) -> Any:
    """End the process when the store has done what it was asked, and nobody has heard of it."""
    send()
    raise Died


def is_cut_off(ref: CustomerRef, paid: str, now: datetime, wire: Wire, step: int) -> bool:
    """Give a cent back, and once more where the first process died after that step."""
    wire.reset()
    wire.faults[step] = died
    try:
        give(ref, paid, 1, now, f"k{step}")
    except Died:
        wire.reset()
        assert give(ref, paid, 1, now, f"k{step}").stripe["status"] == "succeeded"
        return True
    wire.reset()
    return False


class TestTrouble:
    """Whatever breaks, the same key brings it to its end, once."""

    @pytest.mark.usefixtures("untold")
    def test_cut_off_after_any_step_a_repeat_goes_on(
        self,
        client: FlaskClient,
        ref: CustomerRef,
        paid: str,
        shop: Shop,
        wire: Wire,
    ) -> None:
        """A cent under each key, each cut off a step later, until one is not.

        What the wallet is told is left to the event here: its own deaths are tested there.
        """
        live = LiveWallet(WalletRef(ref.project_id, ref.customer_id), real_now())
        step = 0
        while is_cut_off(ref, paid, live.now, wire, step):
            step += 1
        assert step == RPCS

        tell(client, shop)

        assert [one["amount"] for one in refunds(shop)] == [1] * (step + 1)
        assert live.available() == FREE_NANOS + SMALL_NANOS - SMALL_NANOS // 500 * (step + 1)

    @pytest.mark.parametrize("fault", ["reset before", "reset after", "error after"])
    def test_while_stripe_does_not_answer_it_may_be_asked_again(
        self, ref: CustomerRef, paid: str, shop: Shop, now: datetime, fault: str
    ) -> None:
        """Nothing is lost, and what was made all the same is found by its mark."""
        shop.break_posts("/v1/refunds", fault, count=3)
        with pytest.raises(Retryable):
            give(ref, paid, 100, now, "k")
        shop.order_end_of_faults()

        assert give(ref, paid, 100, now, "k").stripe["status"] == "succeeded"
        assert [one["amount"] for one in refunds(shop)] == [100]

    def test_long_after_stripe_has_forgotten_its_key_it_is_found_by_its_mark(
        self, ref: CustomerRef, paid: str, shop: Shop, now: datetime
    ) -> None:
        """Made, and nobody heard of it; days later the same key of ours finds it."""
        shop.break_posts("/v1/refunds", "reset after", count=3)
        with pytest.raises(Retryable):
            give(ref, paid, 100, now, "k")
        shop.order_end_of_faults()
        shop.world.keys.forget_all()

        assert give(ref, paid, 100, now, "k").stripe["status"] == "succeeded"
        assert [one["amount"] for one in refunds(shop)] == [100]

    def test_a_key_that_stripe_knows_otherwise_is_used_up(
        self, ref: CustomerRef, paid: str, shop: Shop, now: datetime
    ) -> None:
        """It stays so, with a record; under another key it is done."""
        mark = a_deed(ref, "k").audit_id
        params: Any = {"payment_intent": paid, "amount": 1}
        options: Any = {"idempotency_key": f"admin-refund:{mark}"}
        stripe_gateway.client().v1.refunds.create(params=params, options=options)

        for _ in range(2):
            assert code_of(ref, paid, 100, now, "k") == "STRIPE_REFUSED"
        assert give(ref, paid, 100, now, "other").stripe["status"] == "succeeded"
        assert [one["amount"] for one in refunds(shop)] == [1, 100]
        records = load_audit_page(customer_id=ref.customer_id).records
        assert [one.stripe.get("status") for one in records].count("refused") == 1

    @pytest.mark.usefixtures("untold")
    def test_what_cannot_be_told_to_the_wallet_at_once_is_told_by_its_event(
        self,
        client: FlaskClient,
        ref: CustomerRef,
        paid: str,
        shop: Shop,
        wallet: LiveWallet,
    ) -> None:
        """The money has gone back: to say otherwise would have it asked for again."""
        assert give(ref, paid, None, wallet.now).stripe["status"] == "succeeded"
        assert wallet.available() == FREE_NANOS + SMALL_NANOS

        tell(client, shop)

        assert wallet.available() == FREE_NANOS
