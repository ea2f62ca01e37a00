"""A person is forgotten: wherever that is cut off, whatever Stripe still tells afterwards."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.store import find_user
from creditbase.admin import erasing
from creditbase.admin.audit_store import load_audit_page
from creditbase.admin.erasing import Consent, erase
from creditbase.admin.erasure_store import find_erasure
from creditbase.jobs.deliveries import deliver_webhooks
from creditbase.jobs.erasing import erase_customers
from creditbase.kernel.errors import Conflict, NotFound, Unauthenticated, Unavailable
from creditbase.ledger.domain.commands import FixedAmount, PlaceHold
from creditbase.payments import stripe_gateway
from creditbase.payments.use_cases import start_topup
from creditbase.runtime.clock import real_now
from creditbase.subscriptions.use_cases import first_touch
from stripe_local import checkout
from tests.ledger.wallets import LiveWallet
from tests.payments.deliveries import deliver, inbox
from tests.payments.leaver import (
    Leaver,
    cold,
    every_document,
    found_anywhere,
    is_known,
    state_of,
)
from tests.payments.shop import Resource, Shop, signed_event
from tests.wire import Wire

pytestmark = pytest.mark.firestore

FORFEITS = Consent(forfeits_credits=True)
SOON = timedelta(minutes=10)


def told(leaver: Leaver) -> None:
    """Let the project be told that its customer is deleted, and the job look again."""
    deliver_webhooks(leaver.now + timedelta(days=1999))
    erase_customers(leaver.now + timedelta(days=2000))


class Died(BaseException):
    """The process is gone: nothing of ours may catch this."""


def die_before(send: Callable[[], Any]) -> Any:
    """Die before the request leaves."""
    del send
    raise Died


def die_after(send: Callable[[], Any]) -> Any:
    """Die when the server has done it."""
    send()
    raise Died


def test_nothing_that_names_the_person_is_left(
    leaver: Leaver, shop: Shop, signed_out: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Name, address, notes, reasons: in no document, no path, no line of the log."""
    assert found_anywhere(leaver.canaries), "they were there"
    capsys.readouterr()

    done = erase(leaver.deed(), FORFEITS, now=leaver.now)

    assert done.is_erased
    assert all(it.startswith("events/") for it in found_anywhere(leaver.canaries))
    told(leaver)
    assert found_anywhere(leaver.canaries) == []
    said = capsys.readouterr().out
    assert not [text for text in leaver.canaries if text in said]
    # Beside those of other tests, which the job finishes too.
    assert signed_out.count(leaver.uid) == 1
    assert state_of(leaver)["deleted_at"] is not None
    erasure = find_erasure(leaver.ref.customer_id)
    assert erasure is not None
    assert erasure.uid == ""
    assert {one["status"] for one in shop.get("/subscriptions", status="all")["data"]} == {
        "canceled"
    }


def test_what_stripe_keeps_is_what_its_redaction_takes(leaver: Leaver, shop: Shop) -> None:
    """No live customer names the person; payments and sessions do, until the operator's job."""
    erase(leaver.deed(), FORFEITS, now=leaver.now)

    assert shop.get("/customers")["data"] == []
    kept = {
        kind: json.dumps(shop.get(f"/{path}", limit=100)["data"])
        for kind, path in {
            "payment intents": "payment_intents",
            "sessions": "checkout/sessions",
            "subscriptions": "subscriptions?status=all",
            "invoices": "invoices",
        }.items()
    }
    naming = {kind for kind, text in kept.items() if any(it in text for it in leaver.canaries)}
    assert naming == {"payment intents", "sessions", "subscriptions", "invoices"}
    ours = (leaver.note, leaver.reason)
    assert not [text for text in kept.values() if any(it in text for it in ours)]


def test_the_record_says_who_and_that_it_is_done(leaver: Leaver) -> None:
    """The one thing that answers for an erasure names nobody, and stays."""
    erase(leaver.deed(), FORFEITS, now=leaver.now)

    records = load_audit_page(customer_id=leaver.ref.customer_id).records
    assert {one.action for one in records} == {"erase", "erase_outcome", "freeze", "thaw"}
    assert {one.reason for one in records} == {"asked for by the person", "[erased]"}


class TestDying:
    """Cut off anywhere, it is finished by the job, or by asking again."""

    def test_at_every_rpc(self, leaver: Leaver, wire: Wire, signed_out: list[str]) -> None:
        """Each death leaves what the next run goes on with; in the end nothing is left."""
        deaths = 0
        while True:
            cold()
            wire.reset()
            wire.faults[deaths] = die_before if deaths % 2 else die_after
            try:
                if find_erasure(leaver.ref.customer_id) is None:
                    wire.reset()
                    wire.faults[deaths] = die_after
                    erase(leaver.deed(), FORFEITS, now=leaver.now)
                else:
                    erase_customers(leaver.now + SOON * (deaths + 1) * 100)
            except Died:
                deaths += 1
                continue
            break
        wire.reset()
        told(leaver)

        assert deaths > 20
        assert found_anywhere(leaver.canaries) == []
        assert signed_out
        assert not is_known(leaver)

    def test_while_stripe_does_not_answer(
        self, leaver: Leaver, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is forgotten that Stripe would still bill; the wallet is closed meanwhile."""

        def silent(payer: str) -> None:
            raise Unavailable

        with monkeypatch.context() as patch:
            patch.setattr(stripe_gateway, "delete_customer", silent)
            begun = erase(leaver.deed(), FORFEITS, now=leaver.now)
        assert not begun.is_erased
        assert is_known(leaver)
        assert shop.get("/customers")["data"] != []

        report = erase_customers(leaver.now + SOON)

        assert report.failed == 0
        told(leaver)
        assert found_anywhere(leaver.canaries) == []

    def test_twice_is_once(self, leaver: Leaver, signed_out: list[str]) -> None:
        """A repeat of the same request hears the same; another key finds nobody."""
        first = erase(leaver.deed(), FORFEITS, now=leaver.now)
        again = erase(leaver.deed(), FORFEITS, now=leaver.now + SOON)

        assert first == again
        assert signed_out.count(leaver.uid) == 1
        with pytest.raises(NotFound):
            erase(leaver.deed("another"), FORFEITS, now=leaver.now)


class TestAfterwards:
    """What comes too late brings nobody back."""

    def test_late_webhooks_of_every_kind(
        self, client: FlaskClient, leaver: Leaver, shop: Shop
    ) -> None:
        """Told anew under other ids, and what the erasure itself made Stripe tell."""
        erase(leaver.deed(), FORFEITS, now=leaver.now)
        told(leaver)
        before = state_of(leaver)
        seen = {event["id"] for event in leaver.told}
        late = [event for event in shop.events("*") if event["id"] not in seen]
        again = [{**event, "id": f"{event['id']}again"} for event in leaver.told]

        for event in [*late, *again]:
            assert deliver(client, signed_event(event)) == 200

        assert {inbox(event["id"])["payload"] for event in again if _names(event)} == {""}
        assert {inbox(it["id"])["status"] for it in [*late, *again]} <= {"applied", "ignored"}
        assert found_anywhere(leaver.canaries) == []
        after = state_of(leaver)
        moving = {"mirrored", "stripe_customer_id", "unlinked"}
        assert {name: it for name, it in before.items() if name not in moving} == {
            name: it for name, it in after.items() if name not in moving
        }
        assert not is_known(leaver)

    def test_money_that_arrives_for_nobody_goes_back(
        self, client: FlaskClient, leaver: Leaver, shop: Shop
    ) -> None:
        """A bank debit that was under way pays for nothing any more: all of it is returned."""
        session = start_topup(leaver.ref, "small", now=leaver.now).session
        account = shop.world.account
        held = account.store.at_address("checkout.session", session.session_id)
        checkout.pay_later(account, held)
        seen = {event["id"] for event in shop.events("*")}
        erase(leaver.deed(), FORFEITS, now=leaver.now)
        checkout.settle(account, held, is_paid=True)

        for _ in range(2):  # what is told, and then what the refund makes Stripe tell
            late = [event for event in shop.events("*") if event["id"] not in seen]
            for event in late * 2:
                assert deliver(client, signed_event(event)) == 200

        (refund,) = shop.get("/refunds")["data"]
        assert refund["amount"] == 500
        left = LiveWallet(leaver.wallet, leaver.now).state()["grants"].values()
        late_grants = [
            it for it in left if it["grant_id"] == f"topup:{refund['payment_intent']}"
        ]
        assert sum(it["remaining_nanos"] for it in late_grants) == 0
        told(leaver)
        assert found_anywhere(leaver.canaries) == []

    def test_what_is_left_of_a_browser(self, leaver: Leaver) -> None:
        """A token of before is refused; a new sign-in is somebody new, without free credits."""
        erase(leaver.deed(), FORFEITS, now=leaver.now)
        before = real_now() - timedelta(hours=1)

        for signed_in_at in (None, before):
            with pytest.raises(Unauthenticated):
                first_touch(leaver.uid, now=leaver.now, signed_in_at=signed_in_at)
        assert find_user(leaver.uid) is None
        anew = first_touch(
            leaver.uid, now=leaver.now, signed_in_at=real_now() + timedelta(seconds=2)
        )

        assert anew != leaver.ref
        wallet = LiveWallet(_wallet_of(leaver, anew.customer_id), leaver.now)
        assert wallet.available() == 0
        assert wallet.entries() == []

    def test_free_credits_come_with_the_next_month(self, leaver: Leaver) -> None:
        """Whoever is back after the month that was given for is given what anybody is."""
        erase(leaver.deed(), FORFEITS, now=leaver.now)
        later = leaver.now + timedelta(days=32)

        anew = first_touch(
            leaver.uid, now=later, signed_in_at=real_now() + timedelta(seconds=2)
        )

        assert LiveWallet(_wallet_of(leaver, anew.customer_id), later).available() > 0


def test_it_is_refused_while_credits_are_left_that_were_paid(leaver: Leaver) -> None:
    """Nobody loses money by a click: giving it up is said, or it is refunded first."""
    documents = dict(every_document())

    with pytest.raises(Conflict) as refused:
        erase(leaver.deed(), Consent(), now=leaver.now)

    assert refused.value.reason == "CREDITS_LEFT"
    assert dict(every_document()) == documents


def test_it_is_refused_while_something_is_owed_unless_forced(
    leaver: Leaver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A debt is not left behind by leaving; the operator may let it be."""
    wallet = LiveWallet(leaver.wallet, leaver.now)
    wallet.hold("h", 1_000)
    with pytest.raises(Conflict) as running:
        erase(leaver.deed(), FORFEITS, now=leaver.now)
    wallet.void("h")

    def owing(*_: object, **__: object) -> str:
        return "MONEY_OWED"

    monkeypatch.setattr(erasing, "_objection", owing)
    with pytest.raises(Conflict) as owed:
        erase(leaver.deed(), FORFEITS, now=leaver.now)

    assert running.value.reason == "CALLS_RUNNING"
    assert owed.value.reason == "MONEY_OWED"
    assert erase(leaver.deed(), Consent(is_forced=True), now=leaver.now).is_erased


def test_what_runs_on_after_a_forced_erasure_brings_no_note_back(leaver: Leaver) -> None:
    """A call that was under way ends as it would, into a ledger that names nobody."""
    wallet = LiveWallet(leaver.wallet, leaver.now)
    hold_id, cost = wallet.hold_id("running"), FixedAmount(1_000)
    wallet.run(PlaceHold("op:running", hold_id, "d", cost, 900, {"for": leaver.note}))

    erase(leaver.deed(), Consent(is_forced=True), now=leaver.now)
    wallet.capture("running", 400)

    told(leaver)
    assert found_anywhere(leaver.canaries) == []
    assert wallet.newest(1)[0]["captured_nanos"] == 400
    wallet.audit()


def _names(event: Resource) -> bool:
    held = event["data"]["object"]
    return bool(held.get("customer")) or held["object"] == "customer"


def _wallet_of(leaver: Leaver, customer_id: str) -> Any:
    return type(leaver.wallet)(leaver.ref.project_id, customer_id)
