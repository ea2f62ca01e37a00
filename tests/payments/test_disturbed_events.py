"""Every event about subscriptions and money that goes back, disturbed at every request.

Killed after any request to the store or to Stripe, or with any answer or request lost, and
then delivered again: the customer ends as if nothing had happened. Nothing lost, nothing twice.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.ledger.paths import WalletRef
from creditbase.payments import store
from creditbase.payments.subscribing import start_checkout
from creditbase.payments.use_cases import start_topup
from creditbase.runtime import clock
from creditbase.subscriptions.use_cases import first_touch
from tests.ledger.wallets import LiveWallet
from tests.payments.canonical import canonical
from tests.payments.deliveries import deliver, inbox
from tests.payments.disturbances import (
    AT_STRIPE,
    Case,
    Kept,
    StripeLine,
    deliver_until_taken,
    forget,
    points,
    tapped_stripe,
    tells_most,
)
from tests.payments.shop import Resource, Shop, signed_event
from tests.wire import Wire

pytestmark = pytest.mark.firestore
MONTH = timedelta(days=31, minutes=1)


@dataclass
class Payer:
    """A customer, and what a life does with it."""

    client: FlaskClient
    shop: Shop
    ref: CustomerRef
    moved: Path

    @property
    def wallet(self) -> LiveWallet:
        """Return the wallet, now."""
        return LiveWallet(WalletRef(self.ref.project_id, self.ref.customer_id), clock.now())

    @property
    def stripe_id(self) -> str:
        """Return the Stripe customer."""
        return store.load_account(self.ref).customer.stripe_customer_id

    def subscribe(self) -> str:
        """Subscribe to guru; return the subscription."""
        session = start_checkout(self.ref, "guru", now=clock.now()).session_id
        self.shop.pay(session)
        return str(self.shop.get(f"/checkout/sessions/{session}")["subscription"])

    def top_up(self) -> str:
        """Buy a small pack; return the payment."""
        session = start_topup(self.ref, "small", now=clock.now()).session.session_id
        self.shop.pay(session)
        return str(self.shop.get(f"/checkout/sessions/{session}")["payment_intent"])

    def event(self, kind: str) -> Resource:
        """Return the newest event of a type."""
        return self.shop.events(kind)[-1]

    def tell(self, *kinds: str) -> None:
        """Deliver the newest event of each type."""
        for kind in kinds:
            assert deliver(self.client, signed_event(self.event(kind))) == 200

    def let_pass(self, span: timedelta) -> None:
        """Let time pass for Stripe and for us."""
        self.shop.let_pass(seconds=span.total_seconds())
        ahead_s = int(self.shop.order("/clock", by_s=0)["now"] - time.time())
        self.moved.write_text(f"{ahead_s}\n")

    def take_failing_card(self, subscription_id: str) -> None:
        """Let the next payments fail."""
        card = "pm_card_chargeCustomerFail"
        method = self.shop.post(f"/payment_methods/{card}/attach", customer=self.stripe_id)
        change = {"default_payment_method": method["id"]}
        self.shop.post(f"/subscriptions/{subscription_id}", **change)


def session_completed(payer: Payer) -> str:
    """A plan was bought: the first to tell is the session."""
    payer.subscribe()
    return "checkout.session.completed"


def created(payer: Payer) -> str:
    """A plan was bought: the first to tell is the subscription."""
    payer.subscribe()
    return "customer.subscription.created"


def paid(payer: Payer) -> str:
    """A plan was bought: the first to tell is the invoice."""
    payer.subscribe()
    return "invoice.paid"


def upgraded(payer: Payer) -> str:
    """A plan grew within its period, and its difference was paid."""
    name = payer.subscribe()
    payer.tell("invoice.paid")
    price = payer.shop.get(f"/subscriptions/{name}")["items"]["data"][0]["price"]
    dearer = payer.shop.post(
        "/prices",
        **{
            "currency": "usd",
            "unit_amount": 5_000,
            "recurring[interval]": "month",
            "product": price["product"],
            "metadata[project]": payer.ref.project_id,
            "metadata[plan]": "pro",
        },
    )
    item = payer.shop.get(f"/subscriptions/{name}")["items"]["data"][0]["id"]
    change = {"items[0][id]": item, "items[0][price]": dearer["id"]}
    payer.shop.post(f"/subscriptions/{name}", **change, proration_behavior="always_invoice")
    return "customer.subscription.updated"


def deleted(payer: Payer) -> str:
    """A plan was ended at once."""
    name = payer.subscribe()
    payer.tell("invoice.paid")
    payer.shop.order_cancel(name)
    return "customer.subscription.deleted"


def failed(payer: Payer) -> str:
    """A renewal could not be paid."""
    name = payer.subscribe()
    payer.tell("invoice.paid")
    payer.take_failing_card(name)
    payer.let_pass(MONTH + timedelta(hours=2))
    return "invoice.payment_failed"


def pack_refunded(payer: Payer) -> str:
    """A part of a pack went back."""
    payment = payer.top_up()
    payer.tell("checkout.session.completed")
    payer.wallet.charge("some", 4_000_000_000)
    payer.shop.post("/refunds", payment_intent=payment, amount=300)
    return "charge.refunded"


def plan_refunded(payer: Payer) -> str:
    """Half of a plan's payment went back before anybody told of the payment."""
    payer.subscribe()
    payment = payer.shop.get("/invoice_payments")["data"][0]["payment"]["payment_intent"]
    payer.shop.post("/refunds", payment_intent=payment, amount=500)
    return "charge.refunded"


def refund_failed(payer: Payer) -> str:
    """A refund came back from the bank."""
    payer.tell(pack_refunded(payer))
    (gone,) = payer.shop.get("/refunds")["data"]
    payer.shop.order(f"/refunds/{gone['id']}/fail")
    return "refund.failed"


def disputed(payer: Payer) -> str:
    """A pack that was spent is disputed."""
    payment = payer.top_up()
    payer.tell("checkout.session.completed")
    payer.wallet.charge("some", 4_000_000_000)
    (charge,) = payer.shop.get("/charges", payment_intent=payment)["data"]
    payer.shop.order("/disputes", charge=charge["id"])
    return "charge.dispute.created"


def dispute_won(payer: Payer) -> str:
    """And the bank decides for us."""
    payer.tell(disputed(payer))
    (dispute,) = payer.shop.get("/disputes")["data"]
    payer.shop.order(f"/disputes/{dispute['id']}/close", outcome="won")
    return "charge.dispute.closed"


def renewed(payer: Payer) -> str:
    """A period has ended, and its renewal waits as a draft."""
    payer.subscribe()
    payer.tell("invoice.paid")
    payer.let_pass(MONTH)
    return "invoice.created"


Life = Callable[[Payer], str]
LIVES: tuple[Life, ...] = (
    *(session_completed, upgraded, failed),
    *(plan_refunded, dispute_won),
)
"""One for each way through the handlers."""
MORE_LIVES: tuple[Life, ...] = (
    *(created, paid, deleted),
    *(pack_refunded, refund_failed, disputed),
)


@pytest.fixture
def payer(
    client: FlaskClient,
    shop: Shop,
    ref: CustomerRef,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Payer:
    """Return a newcomer, in a world whose clock can be moved."""
    moved = tmp_path / "offset"
    monkeypatch.setenv("CREDITBASE_CLOCK_FILE", str(moved))
    return Payer(client, shop, ref, moved)


@pytest.fixture
def line() -> Iterator[StripeLine]:
    """Return the line to Stripe."""
    with tapped_stripe() as tapped:
        yield tapped


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.__name__)
def test_dying_at_a_change_or_losing_its_answer_ends_the_same(
    payer: Payer, wire: Wire, line: StripeLine, life: Life
) -> None:
    """The points that differ: after each change, known to us or not."""
    disturb_all(payer, wire, line, life, tells_most)


@pytest.mark.soak
@pytest.mark.parametrize("life", [*LIVES, *MORE_LIVES], ids=lambda life: life.__name__)
def test_disturbed_anywhere_it_ends_the_same(
    payer: Payer, wire: Wire, line: StripeLine, life: Life
) -> None:
    """Each request once killed, once lost, once unanswered."""
    disturb_all(payer, wire, line, life)


CHOSEN = {("die", "finalize"), ("lost", "pay")}
RENEWAL_CASES = [
    pytest.param(*case, marks=() if case in CHOSEN else pytest.mark.soak)
    for case in product(AT_STRIPE, ("finalize", "pay"))
]


@pytest.mark.parametrize(("fault", "action"), RENEWAL_CASES)
def test_a_renewal_that_is_disturbed_while_it_is_settled_is_paid_once(
    payer: Payer, line: StripeLine, fault: str, action: str
) -> None:
    """We ask Stripe to finalise and to pay; what it has done it does not do again."""
    texts = []
    for name in ("", fault):
        life = replace(payer, ref=first_touch(f"u{uuid4().hex}", now=clock.now()))
        event = life.event(renewed(life))
        line.reset()
        if name:
            line.disturb_first(f"invoices/{event['data']['object']['id']}/{action}", name)
        deliver_until_taken(payer.client, event)
        assert not line.is_armed, "must really have happened"
        bill = life.shop.get(f"/invoices/{event['data']['object']['id']}")
        assert bill["status"] == "paid", "must not wait for Stripe's hour"
        life.let_pass(timedelta(hours=2))
        life.tell("invoice.paid")
        texts.append(text_of(life))
        life.wallet.audit()

    assert texts[0] == texts[1]
    assert texts[0].count('"cycle:') >= 2


def text_of(payer: Payer) -> str:
    """Return everything that is kept of the payer, in one text."""
    return canonical(payer.ref.project_id, payer.ref.customer_id)


def disturb_all(
    payer: Payer,
    wire: Wire,
    line: StripeLine,
    life: Life,
    is_chosen: Callable[[Case], bool] = lambda _: True,
) -> None:
    """Hold every disturbance against the undisturbed end; the text of everything decides."""
    event = payer.event(life(payer))
    before = Kept.now(payer.ref)
    forget()
    wire.reset()
    line.reset()
    assert deliver(payer.client, signed_event(event)) == 200
    cases = [case for case in points(wire, line) if is_chosen(case)]
    assert cases
    meant = text_of(payer)

    for name, disturb in cases:
        before.bring_back(event["id"])
        wire.reset()
        line.reset()
        disturb()
        deliver_until_taken(payer.client, event)

        assert not wire.faults, f"{name}: must really have happened"
        assert not line.is_armed, f"{name}: must really have happened"
        assert text_of(payer) == meant, name
        assert inbox(event["id"])["status"] == "applied", name
        payer.wallet.audit()
