"""Starting a top-up: one Stripe customer, one session for each intent, whatever breaks."""

import threading
from dataclasses import replace
from datetime import datetime

import pytest

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.store import find_customer
from creditbase.kernel.errors import InvalidRequest, NotFound, Unavailable
from creditbase.ledger.domain.commands import Charge, FixedAmount, GrantCredits, Tidy
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import run
from creditbase.payments import store, stripe_gateway
from creditbase.payments.use_cases import receive_event, start_topup
from creditbase.runtime.clock import real_now
from creditbase.runtime.firestore import get_all
from creditbase.runtime.settings import settings
from tests.breaking import broken_rpcs
from tests.payments.shop import SECRET, Shop, signed_event
from tests.together import at_once
from tests.wire import FAULTS, Wire

pytestmark = [pytest.mark.firestore, pytest.mark.over_http]


class TestTheSession:
    """What the buyer gets."""

    def test_asks_for_the_packs_price_and_nothing_else(
        self, ref: CustomerRef, shop: Shop, now: datetime
    ) -> None:
        """The amount is the catalog's; metadata names the buyer on session and payment."""
        started = start_topup(ref, "medium", now=now)

        customer = find_customer(ref)
        assert customer is not None
        session = shop.get(f"/checkout/sessions/{started.session.session_id}")
        assert session["mode"] == "payment"
        assert (session["amount_total"], session["currency"]) == (2500, "usd")
        assert session["customer"] == customer.stripe_customer_id
        assert session["client_reference_id"] == customer.uid
        assert session["metadata"] == {
            "uid": customer.uid,
            "project": ref.project_id,
            "customer": ref.customer_id,
            "kind": "topup",
            "tier": "medium",
            "credits": "27500",
        }
        returns_to = "http://127.0.0.1:5000/app/billing?topup="
        assert (
            session["success_url"] == f"{returns_to}success&session_id={{CHECKOUT_SESSION_ID}}"
        )
        assert session["cancel_url"] == f"{returns_to}cancelled"
        assert started.session.url == session["url"]

        shop.pay(started.session.session_id)
        paid = shop.get(f"/checkout/sessions/{started.session.session_id}")
        intent = shop.get(f"/payment_intents/{paid['payment_intent']}")
        assert intent["metadata"] == session["metadata"]

    def test_is_written_down_before_its_address_is_given(
        self, ref: CustomerRef, now: datetime
    ) -> None:
        """A payment for a session that we do not know could not be granted."""
        started = start_topup(ref, "small", now=now)

        record = store.find_session(started.session.session_id)
        assert record is not None
        assert (record.project_id, record.customer_id) == (ref.project_id, ref.customer_id)
        assert (record.kind, record.tier, record.credits) == ("topup", "small", 5000)
        assert (record.amount_cents, record.currency) == (500, "usd")
        assert (record.status, record.payment_status, record.is_live) == (
            "open",
            "unpaid",
            False,
        )

    def test_ties_the_customer_both_ways_and_once(
        self, ref: CustomerRef, shop: Shop, now: datetime
    ) -> None:
        """One Stripe customer for each of ours, found from either side, never by e-mail."""
        start_topup(ref, "small", now=now)
        start_topup(ref, "small", now=now)

        assert shop.count("customer") == 1
        customer = find_customer(ref)
        assert customer is not None
        link = get_all([f"stripe_customers/{customer.stripe_customer_id}"])[0].fields
        assert link is not None
        assert (link["project_id"], link["customer_id"]) == (ref.project_id, ref.customer_id)
        assert shop.get(f"/customers/{customer.stripe_customer_id}")["email"] is None

    def test_a_second_purchase_is_another_session(
        self, ref: CustomerRef, shop: Shop, now: datetime
    ) -> None:
        """Top-ups may be bought at any time, also twice the same."""
        first = start_topup(ref, "small", now=now)
        second = start_topup(ref, "small", now=now)

        assert first.session.session_id != second.session.session_id
        assert shop.count("checkout.session") == 2

    @pytest.mark.parametrize("tier", ["tiny", "", "Small", "small ", "__proto__"])
    def test_refuses_what_is_no_pack_before_asking_stripe(
        self, ref: CustomerRef, shop: Shop, now: datetime, tier: str
    ) -> None:
        """A client chooses a name from the list, never an amount."""
        with pytest.raises(InvalidRequest) as refusal:
            start_topup(ref, tier, now=now)

        assert refusal.value.reason == "INVALID_TOPUP_TIER"
        assert shop.count("customer") == 0

    def test_sells_nothing_that_the_wallet_could_not_hold(
        self, ref: CustomerRef, shop: Shop, now: datetime
    ) -> None:
        """Paid on a page that was open before, it waits, and arrives once there is room."""
        page = start_topup(ref, "small", now=now).session.session_id
        wallet = WalletRef(ref.project_id, ref.customer_id)
        room_nanos = 2**53 - 4_000 * 10**6
        live = sum(
            one.remaining_nanos for one in run(wallet, Tidy(), now=now).wallet.grants.values()
        )
        run(wallet, GrantCredits("gift", "adjustment", room_nanos - live), now=now)

        with pytest.raises(InvalidRequest, match="cannot hold"):
            start_topup(ref, "small", now=now)
        shop.pay(page)
        event = signed_event(shop.event("checkout.session.completed"))
        with pytest.raises(Unavailable):
            receive_event(event.raw, event.signature, secrets=[SECRET], real_now=now, now=now)
        run(wallet, Charge("op:room", "d", FixedAmount(2_000 * 10**6)), now=now)
        receive_event(event.raw, event.signature, secrets=[SECRET], real_now=now, now=now)

        left = run(wallet, Tidy(), now=now).wallet.available_nanos(now)
        assert left == 2**53 - (4_000 + 2_000 - 5_000) * 10**6

    def test_refuses_a_customer_that_is_not_there(
        self, ref: CustomerRef, shop: Shop, now: datetime
    ) -> None:
        """No Stripe customer is made for nobody."""
        nobody = CustomerRef(ref.project_id, "00000000-0000-5000-8000-000000000000")

        with pytest.raises(NotFound):
            start_topup(nobody, "small", now=now)

        assert shop.count("customer") == 0

    def test_refuses_without_an_address_to_return_to(
        self, ref: CustomerRef, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The address is ours alone: one from the client would be an open redirect."""
        nowhere = replace(settings(), site_url=None)
        monkeypatch.setattr("creditbase.payments.site.settings", lambda: nowhere)

        with pytest.raises(Unavailable):
            start_topup(ref, "small", now=now)


class TestTwins:
    """Requests that arrive together."""

    def test_of_a_new_customer_make_one_stripe_customer(
        self, ref: CustomerRef, shop: Shop, now: datetime
    ) -> None:
        """Two tabs, one person."""
        started = at_once(4, lambda _: start_topup(ref, "small", now=now))

        assert len(started) == 4
        assert shop.count("customer") == 1

    def test_that_meet_at_an_intent_share_its_session(
        self, ref: CustomerRef, shop: Shop, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Both counted before either has a session: one session, one address for both."""
        create, gate = stripe_gateway.create_topup_session, threading.Barrier(2)

        def together(*given: object, **named: object) -> object:
            gate.wait(timeout=20)
            return create(*given, **named)  # type: ignore[arg-type]  # handed through

        monkeypatch.setattr(stripe_gateway, "create_topup_session", together)

        first, second = at_once(2, lambda _: start_topup(ref, "small", now=now))

        assert first.session.session_id == second.session.session_id
        assert first.session.url == second.session.url
        assert shop.count("checkout.session") == 1


class TestStripeBreaks:
    """What Stripe's side of the wire does."""

    @pytest.mark.parametrize("fault", ["error before", "reset before", "reset after"])
    @pytest.mark.parametrize("path", ["/v1/customers", "/v1/checkout/sessions"])
    def test_a_retry_makes_nothing_twice(
        self, ref: CustomerRef, shop: Shop, now: datetime, path: str, fault: str
    ) -> None:
        """A lost reply of a POST: the same key again, so the same object again."""
        shop.break_posts(path, fault, count=3)

        with pytest.raises(Unavailable):
            start_topup(ref, "small", now=now)
        started = start_topup(ref, "small", now=now)

        assert started.session.url
        assert shop.count("customer") == 1
        assert shop.count("checkout.session") == 1

    def test_a_failure_that_stripe_remembers_uses_up_the_number(
        self, ref: CustomerRef, shop: Shop, now: datetime
    ) -> None:
        """Stripe keeps a failure for a day; the buyer need not wait that long."""
        shop.break_posts("/v1/checkout/sessions", "error after", count=1)

        with pytest.raises(Unavailable):
            start_topup(ref, "small", now=now)
        started = start_topup(ref, "small", now=now)

        assert started.session.url
        intent = store.load_account(ref).intent_of("topup")
        assert intent is not None
        assert intent.number == 2

    def test_a_customer_that_stripe_made_and_called_failed_is_linked_by_its_event(
        self, ref: CustomerRef, shop: Shop, now: datetime
    ) -> None:
        """The same key would be refused for a day; the event says that it is there."""
        shop.break_posts("/v1/customers", "error after", count=1)

        for _ in range(2):
            with pytest.raises(Unavailable):
                start_topup(ref, "small", now=now)
        event = signed_event(shop.event("customer.created"))
        receive_event(event.raw, event.signature, secrets=[SECRET], real_now=now, now=now)
        started = start_topup(ref, "small", now=now)

        assert started.session.url
        assert shop.count("customer") == 1

    def test_a_number_that_stripe_knows_differently_is_left_behind(
        self, ref: CustomerRef, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """For instance a deployment that changed the request between two tries."""
        start_topup(ref, "small", now=now)
        account = store.load_account(ref)
        before = account.intent_of("topup")
        assert before is not None
        create = stripe_gateway.create_topup_session

        def die_after(buyer: object, order: object, *, number: int) -> object:
            create(buyer, order, number=number)  # type: ignore[arg-type]  # handed through
            raise Unavailable

        monkeypatch.setattr(stripe_gateway, "create_topup_session", die_after)
        with pytest.raises(Unavailable):
            start_topup(ref, "large", now=now)
        monkeypatch.setattr(
            stripe_gateway,
            "create_topup_session",
            lambda buyer, order, *, number: create(
                buyer, replace(order, name=f"{order.name} (new)"), number=number
            ),
        )

        started = start_topup(ref, "large", now=now)

        assert started.session.url
        intent = store.load_account(ref).intent_of("topup")
        assert intent is not None
        assert intent.number == before.number + 2

    def test_a_session_that_is_over_already_is_not_given_out(
        self, ref: CustomerRef, shop: Shop, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A retry a day later gets the session of the first try, which has expired since."""
        create = stripe_gateway.create_topup_session

        def late(buyer: object, order: object, *, number: int) -> object:
            made = create(buyer, order, number=number)  # type: ignore[arg-type]  # as above
            return replace(made, url="", status="expired") if number == 1 else made

        monkeypatch.setattr(stripe_gateway, "create_topup_session", late)

        started = start_topup(ref, "small", now=now)

        assert started.session.url
        assert shop.count("checkout.session") == 2


RPCS = (
    "BatchGetDocuments",  # the wallet, whether there is room
    "BatchGetDocuments",  # the customer
    "BatchGetDocuments",  # the customer, to link
    "Commit",
    "BatchGetDocuments",  # the customer, to count
    "Commit",
    "BatchGetDocuments",  # the customer, to record
    "BatchGetDocuments",  # the session, whether it is recorded
    "Commit",
)
"""What a first top-up sends to the store; asserted below."""


class TestTheStoreBreaks:
    """Every RPC of a first top-up, broken in every way, then repeated."""

    def test_the_matrix_covers_every_rpc(
        self, ref: CustomerRef, wire: Wire, now: datetime
    ) -> None:
        """A matrix that misses an RPC proves nothing about it."""
        start_topup(ref, "small", now=now)

        assert tuple(rpc.name for rpc in wire.rpcs) == RPCS

    @pytest.mark.parametrize(("index", "name"), broken_rpcs(RPCS))
    def test_a_retry_makes_nothing_twice(
        self, ref: CustomerRef, shop: Shop, wire: Wire, index: int, name: str
    ) -> None:
        """Whatever the store does, there is one Stripe customer, and each address is known."""
        now = real_now()
        wire.faults[index] = FAULTS[name]

        try:
            started = start_topup(ref, "small", now=now)
        except Unavailable:
            started = start_topup(ref, "small", now=now)

        assert not wire.faults, "the fault must really have happened"
        wire.wait_for_late()
        assert shop.count("customer") == 1
        assert shop.count("checkout.session") == 1
        assert store.find_session(started.session.session_id) is not None
