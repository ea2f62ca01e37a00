"""Months of a subscriber's life, over HTTP through the local Stripe, the one clock moved.

The webhook runs as deployed, in a process of its own; the local Stripe delivers to it, waits
for it while time passes, and moves the clock that both read.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.catalog.models import read_catalog
from creditbase.catalog.use_cases import load_catalog, push_catalog, shared_cache
from creditbase.hub.usage import usage_body
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import lanes, sync_balance
from creditbase.payments import selling, stripe_billing, stripe_gateway
from creditbase.payments.store import load_account
from creditbase.payments.subscribing import start_checkout
from creditbase.runtime import clock
from creditbase.runtime.settings import settings
from creditbase.subscriptions.use_cases import first_touch
from dev.layout import ROOT
from tests.ledger.wallets import LiveWallet
from tests.payments.shop import SECRET, Shop, serving_shop
from tests.servers import serving

pytestmark = pytest.mark.firestore

CREDIT_NANOS = 1_000_000
DAY_S = 86_400


@pytest.fixture(scope="module")
def shop(
    project: str, firestore_host: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shop]:
    """Return a local Stripe that tells a deployed webhook, both living by one clock file."""
    assert firestore_host
    moved = tmp_path_factory.mktemp("clock") / "offset"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CREDITBASE_CLOCK_FILE", str(moved))
        patch.setenv("STRIPE_SECRET_KEY", "sk_test_local")
        patch.setenv("CREDITBASE_SITE_URL", "http://127.0.0.1:5000")
        with serving_shop() as shop:
            patch.setenv("STRIPE_API_BASE", shop.url)
            with serving("billing_webhook", project=project, STRIPE_WEBHOOK_SECRET=SECRET) as (
                url,
                _,
            ):
                shop.listen(f"{url}/billing/webhook", SECRET)
                forget()
                yield shop
    forget()
    Path(moved).unlink(missing_ok=True)


def forget() -> None:
    """Let this process read its settings, prices and catalog anew."""
    settings.cache_clear()
    stripe_gateway.client.cache_clear()
    stripe_billing.metadata_of_price.cache_clear()
    shared_cache().forget()
    lanes.cache_clear()


@dataclass
class Subscriber:
    """A customer, and what a story does with its subscription."""

    ref: CustomerRef
    shop: Shop

    @property
    def wallet(self) -> LiveWallet:
        """Return the wallet, now."""
        return LiveWallet(WalletRef(self.ref.project_id, self.ref.customer_id), clock.now())

    def subscribe(self, plan: str) -> None:
        """Subscribe through Checkout."""
        self.shop.pay(start_checkout(self.ref, plan, now=clock.now()).session_id)
        self.settle()

    def settle(self) -> None:
        """Wait until every webhook was taken."""
        self.shop.order("/settle", timeout_s=30)

    def subscription(self) -> dict[str, Any]:
        """Return the newest subscription as Stripe has it."""
        customer = load_account(self.ref).customer.stripe_customer_id
        found: dict[str, Any] = self.shop.get(
            "/subscriptions", customer=customer, status="all"
        )["data"][0]
        return found

    def period_end(self) -> datetime:
        """Return when the running period ends."""
        item = self.subscription()["items"]["data"][0]
        return datetime.fromtimestamp(item["current_period_end"], UTC)

    def live_until(self, at: datetime) -> None:
        """Let time pass until a moment."""
        self.shop.order("/clock", to=int(at.timestamp()))
        self.settle()

    def change(self, **form: object) -> None:
        """Change the subscription, as the portal or the Dashboard does."""
        self.shop.post(f"/subscriptions/{self.subscription()['id']}", **form)
        self.settle()

    def take(self, plan: str, **form: object) -> None:
        """Change the plan at once, its difference invoiced at once."""
        sold = load_catalog(HUB_PROJECT_ID)
        price = selling.ensure_price(sold, sold.plan(plan))
        item = self.subscription()["items"]["data"][0]["id"]
        self.change(
            **{
                "items[0][id]": item,
                "items[0][price]": price,
                "proration_behavior": "always_invoice",
                **form,
            }
        )

    def pay_by(self, card: str) -> None:
        """Let another test card pay from now on."""
        customer = load_account(self.ref).customer.stripe_customer_id
        method = self.shop.post(f"/payment_methods/{card}/attach", customer=customer)["id"]
        self.change(default_payment_method=method)

    def spend(self, credit_count: int) -> None:
        """Use credits."""
        self.wallet.charge(uuid4().hex, credit_count * CREDIT_NANOS)

    def usage(self) -> dict[str, Any]:
        """Return what `GET /usage/me` shows after a sync."""
        lanes.cache_clear()  # the webhook's process wrote the wallet
        return usage_body(sync_balance(self.wallet.ref, now=clock.now()))

    def left(self) -> tuple[object, object, object]:
        """Return the plan, its credits that are left, and whether a payment failed."""
        usage = self.usage()
        return usage["plan"], usage["monthly_credits_remaining"], usage["payment_issue"]

    def issue(self) -> Mapping[str, Any] | None:
        """Return the payment that failed, as the customer's document keeps it."""
        return load_account(self.ref).payment_issue


@pytest.fixture
def ada(shop: Shop) -> Iterator[Subscriber]:
    """Return a newcomer; the ledger is audited at the end of the story."""
    now = clock.now()
    ensure_project("hub", now=now)
    shared_cache().forget()
    push_catalog(HUB_PROJECT_ID, read_catalog(ROOT / "catalog.json"))
    lanes.cache_clear()
    subscriber = Subscriber(first_touch(f"u{uuid4().hex}", now=now), shop)
    yield subscriber
    subscriber.wallet.audit()


def test_a_year_of_guru(ada: Subscriber) -> None:
    """Twelve renewals; a charge five minutes after each falls into the new period."""
    ada.subscribe("guru")
    assert ada.left() == ("guru", 10_000, False)

    for _ in range(12):
        ada.spend(4_000)
        end = ada.period_end()
        ada.live_until(end + timedelta(minutes=5))
        ada.spend(1)
        assert ada.left() == ("guru", 9_999, False)
        assert ada.usage()["usage"]["total_requests"] == 1

    grants = [e for e in ada.wallet.entries() if e["entry_id"].startswith("cycle:")]
    assert [entry["amount_nanos"] for entry in grants] == [10_000 * CREDIT_NANOS] * 13


def test_an_upgrade_one_day_before_the_end(ada: Subscriber) -> None:
    """A day's share of the difference, and the whole of pro from the next period on."""
    ada.subscribe("guru")
    end = ada.period_end()
    start = ada.wallet.state()["window"]["start_at"]
    ada.live_until(end - timedelta(days=1))

    ada.take("pro")

    plan, left, _ = ada.left()
    whole_s = (end - start) // timedelta(seconds=1)
    assert plan == "pro"
    assert isinstance(left, int)
    assert left <= 10_000 + 45_000 * DAY_S // whole_s
    assert left >= 10_000 + 45_000 * (DAY_S - 120) // whole_s
    ada.live_until(end + timedelta(minutes=5))
    assert ada.left() == ("pro", 55_000, False)


def test_an_upgrade_that_cannot_be_paid_brings_no_credits(ada: Subscriber) -> None:
    """What was paid before stays."""
    ada.subscribe("guru")
    ada.pay_by("pm_card_chargeCustomerFail")

    ada.take("pro")

    plan, left, has_issue = ada.left()
    assert (plan, left, has_issue) == ("pro", 10_000, True)


def test_a_renewal_that_fails_and_recovers(ada: Subscriber) -> None:
    """No credits without payment, the old ones gone; all of them when it is paid."""
    ada.subscribe("guru")
    ada.pay_by("pm_card_chargeCustomerFail")
    end = ada.period_end()

    ada.live_until(end + timedelta(minutes=5))
    assert ada.left() == ("guru", 0, True)
    issue = ada.issue()
    assert issue is not None
    ada.live_until(end + timedelta(days=1))
    ada.pay_by("pm_card_visa")
    ada.shop.post(f"/invoices/{issue['invoice_id']}/pay")
    ada.settle()

    assert ada.left() == ("guru", 10_000, False)
    assert ada.issue() is None


def test_a_plan_that_is_ended_for_not_being_paid_leaves_free(ada: Subscriber) -> None:
    """The running free window gives what it has to give; nothing is left of the plan."""
    ada.subscribe("guru")
    ada.pay_by("pm_card_chargeCustomerFail")
    end = ada.period_end()
    ada.live_until(end + timedelta(days=14))
    assert ada.left() == ("guru", 0, True)

    ada.live_until(end + timedelta(days=16))

    assert ada.left() == ("free", 500, False)
    assert ada.issue() is None


def test_cancelled_at_the_periods_end_it_stays_until_then(ada: Subscriber) -> None:
    """And who comes back before it does loses nothing."""
    ada.subscribe("guru")
    ada.change(cancel_at_period_end="true")
    assert ada.usage()["cancel_at_period_end"] is True
    ada.change(cancel_at_period_end="false")
    assert ada.left() == ("guru", 10_000, False)
    ada.change(cancel_at_period_end="true")
    end = ada.period_end()

    ada.live_until(end + timedelta(minutes=5))

    assert ada.left()[0] == "free"
    assert ada.usage()["subscription_status"] == "canceled"
