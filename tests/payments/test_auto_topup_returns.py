"""Money that went back is never taken again by itself: a refund switches top-ups off."""

import contextlib
import itertools
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from creditbase.kernel.errors import Unavailable
from creditbase.ledger.use_cases import lanes
from creditbase.payments import auto_topups, refill_charging, stripe_wallets
from creditbase.payments.auto_topups import refill
from creditbase.payments.domain import AUTOMATIC, Buyer
from creditbase.payments.refilling import Refill
from creditbase.payments.use_cases import receive_event
from creditbase.payments.wallet_topups import wallet_order
from creditbase.runtime.clock import real_now
from tests.payments.shop import SECRET, Shop, signed
from tests.payments.wallets import Prepaid, alone
from tests.wire import Wire

pytestmark = pytest.mark.firestore


@pytest.fixture
def ada(
    wire: Wire, shop: Shop, project: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Prepaid]:
    """Return a customer with ten dollars and a saved card, in a database with nothing else."""
    yield from alone(wire, shop, project, monkeypatch)


def topped_up(ada: Prepaid) -> str:
    """Let the wallet top itself up by twenty dollars, and return the payment."""
    ada.refill_below(700, 2000)
    ada.spend(400)
    ada.answer()
    (payment,) = ada.automatic()
    ada.hear("payment_intent.succeeded")
    assert ada.balance_cents == 2600
    return str(payment["id"])


def gives_back(ada: Prepaid, how: str, payment_id: str) -> str:
    """Let a payment go back, and return what it is called at Stripe."""
    return ada.refund(payment_id) if how == "refunded" else ada.dispute(payment_id)


class TestStopped:
    """What the customer and its card see of it."""

    @pytest.mark.parametrize("how", ["refunded", "disputed"])
    def test_what_went_back_is_not_taken_again(self, ada: Prepaid, how: str) -> None:
        """The refund takes the balance below the threshold, which would charge the card."""
        payment_id = topped_up(ada)
        gives_back(ada, how, payment_id)

        ada.hear()
        ada.answer()
        ada.later(days=40).answer()

        kept = ada.auto_topup
        assert ada.balance_cents == 600
        assert ada.charged() == [2000]
        assert (kept.settings.is_enabled, kept.failure, kept.failed_at) == (False, how, ada.now)
        assert ada.wallet.state()["levels"]["refill"]["below_nanos"] == 0
        kind = {"refunded": "money_refunded", "disputed": "dispute_opened"}[how]
        assert (
            "top-ups of your balance are switched off" in ada.mails()[kind]["message"]["text"]
        )

    def test_so_it_is_after_a_part_of_a_page_went_back(self, ada: Prepaid) -> None:
        """Whoever gives money back to a customer does not want it to be taken by itself."""
        paid_by_page = ada.later(minutes=2).top_up(1000)
        ada.refill_below(1900, 2000)
        ada.refund(paid_by_page, amount=500)

        ada.hear()
        ada.answer()

        assert (ada.charged(), ada.auto_topup.failure) == ([], "refunded")

    @pytest.mark.parametrize("how", ["refunded", "disputed"])
    def test_what_comes_back_switches_nothing_on(self, ada: Prepaid, how: str) -> None:
        """A refund may fail, a dispute may be won: whose card it is decides."""
        named = gives_back(ada, how, topped_up(ada))
        ada.hear()
        if how == "refunded":
            ada.shop.order(f"/refunds/{named}/fail")
        else:
            ada.shop.order(f"/disputes/{named}/close", outcome="won")

        ada.hear()
        ada.spend(2000)
        ada.answer()

        assert ada.auto_topup.failure == how
        assert ada.charged() == [2000]

    def test_the_customer_switches_it_on_again(self, ada: Prepaid) -> None:
        """And what is told once more of the old refund does not switch it off again."""
        ada.refund(topped_up(ada))
        ada.hear()

        ada.refill_below(700, 700)
        _hear_until_taken(ada, ada.shop.events("charge.refunded"))
        ada.answer()

        assert ada.auto_topup.settings.is_enabled
        assert ada.charged() == [2000, 700]

    def test_who_had_it_off_is_told_nothing_of_it(self, ada: Prepaid) -> None:
        """The mail about the money is enough, and no reason is made up."""
        ada.refund(ada.later(minutes=2).top_up(1000))

        ada.hear()

        assert ada.auto_topup.failure == ""
        assert "switched off" not in ada.mails()["money_refunded"]["message"]["text"]


class TestRaces:
    """Whatever is under way while the money goes back."""

    def test_a_crossing_that_was_written_before(self, ada: Prepaid) -> None:
        """The job comes after the refund, and finds it off."""
        payment_id = topped_up(ada)
        ada.spend(2000)
        ada.refund(payment_id)
        ada.hear()

        ada.answer()

        assert ada.charged() == [2000]

    def test_a_number_that_was_counted_and_never_asked_is_given_up(self, ada: Prepaid) -> None:
        """Its process died before it asked Stripe: nobody asks for it any more.

        It stood still only: what is paid after all is credited, and counts against the cap.
        """
        payment_id = topped_up(ada)
        ada.spend(2000)
        begun = auto_topups._begin(ada.ref, now=ada.now)
        assert isinstance(begun, Refill)
        ada.refund(payment_id)
        ada.hear()

        with pytest.raises(Unavailable):
            refill(ada.ref, now=ada.now + timedelta(minutes=9))
        refill(ada.ref, now=ada.now + timedelta(minutes=10))

        kept = ada.auto_topup
        assert ada.charged() == [2000]
        assert (kept.in_flight, kept.month_cents, kept.failure) == (None, 2000, "refunded")

        buyer = Buyer(
            project_id=ada.ref.project_id,
            customer_id=ada.ref.customer_id,
            uid="",
            stripe_customer_id=begun.stripe_customer_id,
        )
        order = wallet_order(begun.amount_cents, tier=AUTOMATIC)
        stripe_wallets.charge_saved_card(buyer, order, begun.method_id, number=begun.number)
        ada.hear("payment_intent.succeeded")
        ada.hear("payment_intent.succeeded", "charge.refunded")

        assert (ada.charged(), ada.auto_topup.month_cents) == ([2000, 2000], 4000)
        assert ada.balance_cents == 600

    def test_a_number_that_was_paid_before_is_found_and_credited(self, ada: Prepaid) -> None:
        """Its process died after it asked Stripe: the money is there, and belongs to Ada."""
        payment_id = topped_up(ada)
        ada.spend(2000)
        ada.shop.break_posts("/v1/payment_intents", "reset after", count=3)
        with pytest.raises(Unavailable):
            refill(ada.ref, now=ada.now)
        ada.shop.order_end_of_faults()
        ada.refund(payment_id)
        ada.hear("charge.refunded")

        refill(ada.ref, now=ada.now)

        assert ada.charged() == [2000, 2000]
        assert (ada.auto_topup.in_flight, ada.auto_topup.failure) == (None, "refunded")
        assert ada.balance_cents == 600

    def test_a_decline_that_is_heard_of_later_leaves_the_reason(self, ada: Prepaid) -> None:
        """And writes no second mail: nobody waits for that top-up any more."""
        payment_id = topped_up(ada)
        ada.spend(2000)
        ada.pay_by("pm_card_chargeCustomerFail")
        begun = auto_topups._begin(ada.ref, now=ada.now)
        assert isinstance(begun, Refill)
        refill_charging.charge(ada.ref, begun, now=ada.now)
        ada.refund(payment_id)
        ada.hear("charge.refunded")

        ada.hear("payment_intent.payment_failed")

        kept = ada.auto_topup
        assert (kept.in_flight, kept.failure) == (None, "refunded")
        assert "refill_failed" not in ada.mails()

    def test_in_every_order_of_what_is_told(self, ada: Prepaid) -> None:
        """Paid and given back before anybody heard of either: nothing is taken once more."""
        ada.refill_below(500, 700)
        for number, order in enumerate(itertools.permutations(range(3)), start=1):
            ada.spend(ada.balance_cents - 400)
            ada.refill_below(500, 700)
            ada.shop.break_posts("/v1/payment_intents", "reset after", count=3)
            with pytest.raises(Unavailable):
                refill(ada.ref, now=ada.now)
            ada.shop.order_end_of_faults()
            ada.refund(ada.automatic()[-1]["id"])
            kinds = ("payment_intent.succeeded", "charge.refunded", "refund.updated")
            newest = {it["type"]: it for it in ada.shop.get("/events", limit=9)["data"][::-1]}
            told = [newest[kinds[place]] for place in order if kinds[place] in newest]

            _hear_until_taken(ada, told)
            ada.answer()

            assert ada.charged() == [700] * number
            assert ada.auto_topup.failure == "refunded"
            assert ada.auto_topup.in_flight is None
            assert ada.balance_cents == 400

    @pytest.mark.parametrize("slower", ["the refill", "the refund"])
    def test_two_lanes_at_every_rpc(
        self, ada: Prepaid, wire: Wire, monkeypatch: pytest.MonkeyPatch, slower: str
    ) -> None:
        """Another process does the other thing in between: off is off when Stripe is asked."""
        charge = stripe_wallets.charge_saved_card

        def charge_if_on(*given: Any, **named: Any) -> Any:
            with _unseen_by(wire):
                assert ada.auto_topup.settings.is_enabled
            return charge(*given, **named)

        monkeypatch.setattr(stripe_wallets, "charge_saved_card", charge_if_on)
        index, was_reached = 0, True
        while was_reached:
            paid = ada.later(minutes=2 * index + 2).pay_in(200)
            ada.spend(max(0, ada.balance_cents - 650))
            ada.refill_below(700, 1000)
            ada.refund(paid, amount=1)
            ways = _topped_up(ada), _heard(ada)
            wire.reset()
            was_reached = _with_another_at(
                wire, index, *(ways if slower == "the refill" else ways[::-1])
            )
            index += 1
            charged = len(ada.charged())

            refill(ada.ref, now=ada.now + timedelta(minutes=30))

            assert ada.auto_topup.failure == "refunded"
            assert ada.auto_topup.in_flight is None
            assert len(ada.charged()) == charged
        assert index > 5


@contextlib.contextmanager
def _unseen_by(wire: Wire) -> Iterator[None]:
    """Look at the store between two RPCs of somebody else, who neither counts nor breaks it."""
    count, faults = len(wire.rpcs), dict(wire.faults)
    wire.faults.clear()
    yield
    del wire.rpcs[count:]
    wire.faults |= faults


def _topped_up(ada: Prepaid) -> Callable[[], None]:
    """Return how the job tops up; it comes again where it is not finished."""

    def top_up() -> None:
        with contextlib.suppress(Unavailable):
            refill(ada.ref, now=ada.now)

    return top_up


def _heard(ada: Prepaid) -> Callable[[], None]:
    """Return how the newest refund is heard of."""
    told = ada.shop.events("charge.refunded")[-1:]
    return lambda: _hear_until_taken(ada, told)


def _hear_until_taken(ada: Prepaid, told: list[Any]) -> None:
    """Deliver events in this order; what fails is delivered again after the others."""
    waiting = list(told)
    for _ in range(len(told) + 2):
        if not waiting:
            return
        event = waiting.pop(0)
        sent = signed(json.dumps(event))
        try:
            receive_event(
                sent.raw, sent.signature, secrets=[SECRET], real_now=real_now(), now=ada.now
            )
        except Unavailable:
            waiting.append(event)
    assert not waiting


def _with_another_at(
    wire: Wire, index: int, slow: Callable[[], Any], fast: Callable[[], Any]
) -> bool:
    """Do the one, and before that RPC of it the other, in another process."""
    done: list[bool] = []

    def interrupt(send: Callable[[], Any]) -> Any:
        done.append(True)
        lanes.cache_clear()
        fast()
        lanes.cache_clear()
        return send()

    wire.faults[index] = interrupt
    slow()
    wire.faults.clear()
    if not done:
        fast()
    return bool(done)
