"""`import stripe-extension` on the emulator and the local Stripe: shown, done, done once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.store import find_user
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import lanes
from creditbase.payments import adopting, store
from creditbase.runtime.firestore import Create, commit
from tests.command_line.typed import Typed, typed
from tests.ledger.wallets import LiveWallet
from tests.payments.conftest import _session_wire, client, now, ref, wire
from tests.payments.deliveries import FREE_NANOS, deliver
from tests.payments.shop import Shop, signed_event
from tests.payments.test_subscriptions import GURU_NANOS, news

__all__ = ["_session_wire", "client", "now", "ref", "wire"]

pytestmark = pytest.mark.firestore

Capsys = pytest.CaptureFixture[str]


class Extension:
    """What the extension has: its collection, and what it sold at Stripe."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.collection = f"customers_{uuid4().hex}"
        self.price_id = news(shop)

    def user(self, *, of: str = "", subscribes: bool = True) -> tuple[str, str]:
        """Return a new user and its Stripe customer, which says `of` where that is given."""
        uid = f"u{uuid4().hex}"
        customer = self.shop.post("/customers", **{"metadata[firebaseUID]": of or uid})["id"]
        kept = {"stripeId": customer, "stripeLink": f"https://stripe/{customer}"}
        commit([Create(f"{self.collection}/{uid}", kept)])
        if subscribes:
            self.subscribe(customer, self.price_id)
        return uid, customer

    def subscribe(self, customer: str, price_id: str, **more: object) -> None:
        """Sell a subscription that is paid at once, if `more` says nothing else."""
        card = self.shop.post("/payment_methods/pm_card_visa/attach", customer=customer)["id"]
        form = {
            "customer": customer,
            "items[0][price]": price_id,
            "default_payment_method": card,
            **more,
        }
        self.shop.post("/subscriptions", **form)

    def run(self, capsys: Capsys, *words: str, is_mapped: bool = True) -> Typed:
        """Type the command."""
        mapped = ("--map", f"{self.price_id}=guru") if is_mapped else ()
        where = ("--customers", self.collection, "--json")
        return typed(capsys, "import", "stripe-extension", *mapped, *where, *words)


@pytest.fixture
def extension(ref: CustomerRef, shop: Shop) -> Iterator[Extension]:
    """Return an extension without customers, beside a hub that sells."""
    assert ref
    yield Extension(shop)
    lanes.cache_clear()


def wallet_of(uid: str, now: datetime) -> LiveWallet:
    """Return a user's wallet."""
    user = find_user(uid)
    assert user is not None
    return LiveWallet(WalletRef(user.customer.project_id, user.customer.customer_id), now)


def rows(found: Typed) -> dict[str, dict[str, Any]]:
    """Return what is said of each user."""
    return {row["uid"]: row for row in found.result["users"]}


def test_what_is_shown_is_what_is_done_and_it_is_done_once(
    extension: Extension, capsys: Capsys, now: datetime
) -> None:
    """A dry run writes nothing, here or at Stripe; the second run grants nothing."""
    uid, customer = extension.user()
    idle, _ = extension.user(subscribes=False)

    shown = extension.run(capsys)
    assert find_user(uid) is None
    assert extension.shop.get(f"/prices/{extension.price_id}")["metadata"] == {}
    done = extension.run(capsys, "--apply")
    again = extension.run(capsys, "--apply", is_mapped=False)

    assert (shown.status, done.status, again.status) == (0, 0, 0)
    assert rows(shown) == rows(done)
    assert rows(done)[uid]["plan_code"] == "guru"
    assert rows(done)[idle]["plan_code"] == "free"
    assert shown.result["totals"]["granted_nanos"] == GURU_NANOS
    assert again.result["totals"] == {**done.result["totals"], "made": 0, "linked": 0} | {
        "granted_nanos": 0
    }
    wallet = wallet_of(uid, now)
    assert wallet.available() == GURU_NANOS
    assert wallet_of(idle, now).available() == FREE_NANOS
    owner = store.find_owner(customer)
    assert owner is not None
    assert owner.customer_id == wallet.ref.customer_id
    wallet.audit()


def test_many_at_once_grant_once_and_the_next_invoice_grants_by_its_event(
    extension: Extension, client: FlaskClient, now: datetime
) -> None:
    """Four imports at once, then what webhooks tell; the next period is a webhook's."""
    uid, customer = extension.user()
    adopting.mark_prices({extension.price_id: "guru"})
    told = [signed_event(it) for it in extension.shop.events("*")]

    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(adopting.adopt, uid, customer, now=now) for _ in range(4)]
        assert {it.result().left for it in runs} == {""}
    assert {deliver(client, it) for it in told} == {200}
    wallet = wallet_of(uid, now)
    assert wallet.available() == GURU_NANOS
    before = [it for it in wallet.entries() if it["entry_id"].startswith("cycle:")]

    extension.shop.let_pass(days=32)
    for event in extension.shop.events("*"):
        deliver(client, signed_event(event))

    after = [it for it in wallet.entries() if it["entry_id"].startswith("cycle:")]
    assert (len(before), len(after)) == (1, 2)
    wallet.audit()


def test_killed_after_the_link_it_is_finished_by_the_next_run(
    extension: Extension, capsys: Capsys, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is lost: who is linked is looked at again."""
    uid, _ = extension.user()

    class Killed(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(adopting, "mirror_customer", die)
        with pytest.raises(Killed):
            extension.run(capsys, "--apply")
    assert wallet_of(uid, now).available() == FREE_NANOS
    again = extension.run(capsys, "--apply")

    assert again.status == 0
    assert rows(again)[uid]["is_linked"] is True
    assert wallet_of(uid, now).available() == GURU_NANOS


def test_nothing_is_guessed(extension: Extension, capsys: Capsys) -> None:
    """Each who cannot be taken over is left as it is, with the reason, and the rest is done."""
    unmapped, _ = extension.user()
    thief, _ = extension.user(of="somebody-else")
    twice, customer = extension.user(subscribes=False)
    lost = f"u{uuid4().hex}"
    commit([Create(f"{extension.collection}/{lost}", {"stripeId": "cus_nowhere"})])

    found = extension.run(capsys, "--apply", is_mapped=False)

    assert found.status == 3
    assert found.result["unmapped_prices"] == [extension.price_id]
    assert {uid: row["left"] for uid, row in rows(found).items()} == {
        unmapped: "unmapped_price",
        thief: "stripe_customer_of_another",
        twice: "",
        lost: "unknown_at_stripe",
    }
    assert find_user(unmapped) is None
    assert find_user(thief) is None

    extension.subscribe(customer, extension.price_id)
    extension.subscribe(customer, extension.price_id)
    found = extension.run(capsys)

    assert rows(found)[twice]["left"] == "several_subscriptions"


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (("--map", "price_nowhere=guru"), 1),
        (("--map", "price_1=free"), 1),
        (("--map", "price_1"), 2),
    ],
)
def test_a_mapping_that_cannot_be_meant_is_refused(
    extension: Extension, capsys: Capsys, words: tuple[str, ...], status: int
) -> None:
    """A price that is none, a plan that nobody pays for, half a word."""
    assert extension.run(capsys, *words, is_mapped=False).status == status
