"""Trials and notices at the webhook: twins, lost replies, kills, and who has no address."""

import contextlib
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from jinja2 import TemplateError

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.ledger.paths import WalletRef
from creditbase.payments import noticing, webhook
from creditbase.payments.store import load_account
from creditbase.payments.subscribing import start_checkout
from creditbase.runtime import firestore
from creditbase.runtime.settings import settings
from creditbase.subscriptions.use_cases import first_touch
from tests.ledger.wallets import LiveWallet
from tests.payments.deliveries import deliver, inbox
from tests.payments.shop import CARD, Resource, Shop, Signed, signed_event
from tests.runtime.wiring import client_of
from tests.together import at_once
from tests.wire import FAULTS, Send, Wire

pytestmark = pytest.mark.firestore

GURU_NANOS = 10_000_000_000
OTHER_CARD = "5555555555554444"
TOLD = (
    "checkout.session.completed",
    "customer.subscription.created",
    "customer.subscription.trial_will_end",
    "invoice.paid",
)
"""What a trial of two days begins with: it ends so soon that Stripe says so at once."""


class Died(BaseException):
    """The process is gone."""


@pytest.fixture(autouse=True)
def _trials(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Offer a short trial, where nobody has had one."""
    assert shop
    forget_claims()
    monkeypatch.setenv("CREDITBASE_TRIAL_DAYS", "2")
    settings.cache_clear()
    yield
    settings.cache_clear()


def forget_claims() -> None:
    """Let nobody have had a trial."""
    for claim in firestore.query(f"projects/{HUB_PROJECT_ID}/trial_claims", limit=1_000):
        firestore.commit([firestore.Delete(claim.path)])


def begin(ref: CustomerRef, shop: Shop, now: datetime, card: str = CARD) -> list[Resource]:
    """Begin a trial, and return the events of it; nothing was told yet."""
    before = {event["id"] for event in shop.events("*")}
    session = start_checkout(ref, "guru", now=now)
    shop.pay(session.session_id, card)
    found = {event["type"]: event for event in shop.events("*") if event["id"] not in before}
    return [found[kind] for kind in TOLD]


def again(event: Resource) -> Resource:
    """Return a second event for the same change."""
    return {**event, "id": f"evt_{uuid4().hex}"}


def mails(ref: CustomerRef) -> list[dict[str, Any]]:
    """Return the mails to a customer."""
    whose = [("customer_id", "==", ref.customer_id)]
    return [found.fields or {} for found in firestore.query("mail", where=whose, limit=100)]


def trial_grants(ref: CustomerRef, now: datetime) -> list[int]:
    """Return what was granted for periods of plans."""
    wallet = LiveWallet(WalletRef(ref.project_id, ref.customer_id), now)
    entries = [entry for entry in wallet.entries() if entry["kind"] == "grant"]
    return [e["amount_nanos"] for e in entries if e["entry_id"].startswith("cycle:")]


def newcomer(now: datetime, email: str = "") -> CustomerRef:
    """Return another customer."""
    return first_touch(f"u{uuid4().hex}", now=now, email=email)


class TestOnce:
    """One allotment and one notice, whatever is repeated."""

    def test_in_any_order_and_twice_there_is_one_grant_and_one_notice(
        self, client: FlaskClient, ref: CustomerRef, shop: Shop, now: datetime
    ) -> None:
        """Each event the first once, and every one again."""
        told = begin(ref, shop, now)

        for first in range(len(told)):
            for event in (*told[first:], *told[:first]):
                assert deliver(client, signed_event(again(event))) == 200

        assert trial_grants(ref, now) == [GURU_NANOS]
        (mail,) = mails(ref)
        assert mail["kind"] == "trial_ends_soon"
        (trial,) = [load_account(ref).trial]
        assert trial is not None
        assert trial.refused_for == ""

    def test_six_at_the_same_moment_are_one_notice(
        self, ref: CustomerRef, shop: Shop, now: datetime
    ) -> None:
        """One writes it in its commit; the others lose, look again, and find it."""
        told = begin(ref, shop, now)
        ways = [
            (client_of(webhook.billing_webhook), signed_event(again(told[n % len(told)])))
            for n in range(6)
        ]

        answers = at_once(6, partial(_tell_one_of, ways))
        deliver(client_of(webhook.billing_webhook), signed_event(told[0]))

        assert set(answers) <= {200, 500}
        assert trial_grants(ref, now) == [GURU_NANOS]
        assert len(mails(ref)) == 1

    @pytest.mark.parametrize("fault", ["lost_reply", "kill"])
    def test_broken_at_any_rpc_and_sent_again_there_is_one_notice(
        self, ref: CustomerRef, shop: Shop, now: datetime, wire: Wire, fault: str
    ) -> None:
        """The notice is written with its cause or not at all; the next delivery finds out."""
        client = client_of(webhook.billing_webhook)
        told = begin(ref, shop, now)
        assert deliver(client, signed_event(told[0])) == 200
        event = told[TOLD.index("customer.subscription.trial_will_end")]
        index = broken = 0
        while True:
            forget_mails(ref)
            wire.reset()
            wire.faults[index] = breaking(fault)
            sent = again(event)
            with contextlib.suppress(Died):
                deliver(client, signed_event(sent))
            if wire.faults:
                break
            wire.reset()
            assert deliver(client, signed_event(sent)) == 200
            assert inbox(sent["id"])["status"] == "applied"
            assert len(mails(ref)) == 1, f"broken at RPC {index}"
            index += 1
            broken += 1

        wire.reset()
        assert broken >= 6, "the event, the owner, the account, the records, the mail, the end"
        assert trial_grants(ref, now) == [GURU_NANOS]


def breaking(fault: str) -> Any:
    """Return what breaks an RPC."""

    def die(send: Send) -> None:
        del send
        raise Died

    return die if fault == "kill" else FAULTS[fault]


def forget_mails(ref: CustomerRef) -> None:
    """Let a customer never have been told anything."""
    for mail in firestore.query(
        "mail", where=[("customer_id", "==", ref.customer_id)], limit=100
    ):
        firestore.commit([firestore.Delete(mail.path)])


def _tell_one_of(ways: list[tuple[FlaskClient, Signed]], number: int) -> int:
    return deliver(*ways[number])


class TestClaims:
    """One card, one address, one trial."""

    def test_of_two_customers_with_one_card_at_the_same_moment_one_has_the_trial(
        self, ref: CustomerRef, shop: Shop, now: datetime
    ) -> None:
        """The claim is created in the commit of the trial, so the other's fails whole."""
        for _ in range(2):
            forget_claims()
            pair = [newcomer(now), newcomer(now)]
            told = [begin(each, shop, now)[0] for each in pair]
            ways = [(client_of(webhook.billing_webhook), signed_event(each)) for each in told]

            answers = at_once(2, partial(_tell_one_of, ways))

            assert answers == [200, 200]
            granted = [trial_grants(each, now) for each in pair]
            assert sorted(granted) == [[], [GURU_NANOS]]
            loser = pair[granted.index([])]
            assert [mail["kind"] for mail in mails(loser)] == ["trial_refused"]
            trial = load_account(loser).trial
            assert trial is not None
            assert trial.refused_for == "card"
            assert subscriptions(shop, loser) == ["canceled"]
        assert ref

    def test_an_address_that_had_a_trial_is_not_offered_one(
        self, client: FlaskClient, shop: Shop, ref: CustomerRef, now: datetime
    ) -> None:
        """Under any label; nothing is promised that would be refused."""
        assert ref
        name = f"ada{uuid4().hex}"
        first = newcomer(now, email=f"{name}@example.com")
        second = newcomer(now, email=f"{name.upper()}+2@example.com")
        deliver(client, signed_event(begin(first, shop, now)[0]))

        session = start_checkout(second, "guru", now=now)

        assert session.amount_total_cents == 1_000

    def test_an_address_whose_page_was_open_already_is_refused(
        self, client: FlaskClient, shop: Shop, ref: CustomerRef, now: datetime
    ) -> None:
        """Both pages offered a trial; another card is no way round."""
        assert ref
        name = f"ada{uuid4().hex}"
        pair = [newcomer(now, email=f"{name}{label}@example.com") for label in ("", "+2")]
        told = [begin(pair[0], shop, now)[0], begin(pair[1], shop, now, OTHER_CARD)[0]]
        for event in told:
            assert deliver(client, signed_event(event)) == 200

        assert [trial_grants(each, now) for each in pair] == [[GURU_NANOS], []]
        trial = load_account(pair[1]).trial
        assert trial is not None
        assert trial.refused_for == "email"

    def test_a_page_with_a_trial_gives_way_when_the_trial_is_gone(
        self, client: FlaskClient, shop: Shop, ref: CustomerRef, now: datetime
    ) -> None:
        """Left open in another tab while the trial was had: the next page costs."""
        deliver(client, signed_event(begin(ref, shop, now)[0]))
        left_open = start_elsewhere(shop, ref)
        shop.order_cancel(
            shop.events("customer.subscription.created")[0]["data"]["object"]["id"]
        )

        session = start_checkout(ref, "guru", now=now)

        assert session.amount_total_cents == 1_000
        shop.pay(left_open)
        for event in shop.events("customer.subscription.created"):
            deliver(client, signed_event(event))
        assert trial_grants(ref, now) == [GURU_NANOS]
        assert set(subscriptions(shop, ref)) == {"canceled"}


def start_elsewhere(shop: Shop, ref: CustomerRef) -> str:
    """Return an open session with a trial that our own records do not lead to."""
    price = shop.events("customer.subscription.created")[0]["data"]["object"]["items"]["data"]
    form: dict[str, object] = {
        "mode": "subscription",
        "customer": load_account(ref).customer.stripe_customer_id,
        "success_url": "http://127.0.0.1:5000/billing",
        "line_items[0][quantity]": 1,
        "line_items[0][price]": price[0]["price"]["id"],
        "subscription_data[trial_period_days]": 2,
    }
    made: str = shop.post("/checkout/sessions", **form)["id"]
    return made


def subscriptions(shop: Shop, ref: CustomerRef) -> list[str]:
    """Return how a customer's subscriptions stand at Stripe."""
    customer = load_account(ref).customer.stripe_customer_id
    found = shop.get("/subscriptions", customer=customer, status="all")["data"]
    return [one["status"] for one in found]


def _speechless(*_: object, **__: object) -> None:
    raise TemplateError


class TestAddresses:
    """Where mail goes."""

    def test_the_verified_address_comes_before_the_payers(
        self, client: FlaskClient, shop: Shop, ref: CustomerRef, now: datetime
    ) -> None:
        """Whoever paid may be somebody else."""
        assert ref
        owner = newcomer(now, email=f"owner{uuid4().hex[:8]}@example.com")
        told = begin(owner, shop, now)

        for event in told:
            deliver(client, signed_event(event))

        (mail,) = mails(owner)
        assert mail["to"] == [load_account(owner).customer.email]
        assert mail["to"] != ["ada@example.com"]

    def test_who_has_no_address_gets_no_mail_and_everything_else(
        self, client: FlaskClient, shop: Shop, ref: CustomerRef, now: datetime
    ) -> None:
        """Nothing fails for it."""
        told = begin(ref, shop, now)
        shop.change("customer", load_account(ref).customer.stripe_customer_id, email=None)

        for event in told:
            assert deliver(client, signed_event(event)) == 200

        assert mails(ref) == []
        assert trial_grants(ref, now) == [GURU_NANOS]

    def test_a_mail_without_words_fails_nothing_but_itself(
        self,
        client: FlaskClient,
        shop: Shop,
        ref: CustomerRef,
        now: datetime,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The credits come all the same, and a person is called."""
        called: list[str] = []
        monkeypatch.setattr(noticing, "write_letter", _speechless)
        monkeypatch.setattr(noticing, "alert", lambda name, *_, **__: called.append(name))

        for event in begin(ref, shop, now):
            assert deliver(client, signed_event(event)) == 200

        assert mails(ref) == []
        assert set(called) == {"mail_failed"}
        assert trial_grants(ref, now) == [GURU_NANOS]

    def test_no_address_is_in_the_ledger(
        self, client: FlaskClient, shop: Shop, wallet: LiveWallet, now: datetime
    ) -> None:
        """Entries stay for ever; mail goes after thirty days."""
        ref = CustomerRef(wallet.ref.project_id, wallet.ref.customer_id)
        for event in begin(ref, shop, now):
            deliver(client, signed_event(event))

        assert mails(ref)
        assert "@" not in str(wallet.entries())
