"""A project of the relay as tests of its subscriptions use it: tiers, customers, a wallet."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from creditbase.accounts import domain as accounts
from creditbase.accounts import store as accounts_store
from creditbase.accounts.customer_store import writes_for_new_customer
from creditbase.accounts.domain import Customer, CustomerRef, TierSubscription
from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.catalog.domain.tiers import Tier, TierModel
from creditbase.catalog.tier_use_cases import shared_tiers
from creditbase.catalog.use_cases import shared_cache
from creditbase.ledger import store as ledger_store
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.payments import stripe_billing
from creditbase.payments.mirroring import mirror_customer
from creditbase.payments.tier_changing import Changed, change_tier
from creditbase.payments.tier_checkout import start_tier_checkout
from creditbase.payments.tier_selling import create_tier
from creditbase.runtime.firestore import commit
from creditbase.subscriptions.domain.tier_standing import no_tier
from creditbase.subscriptions.relay_tiers import put_on_tier
from tests.ledger.wallets import LiveWallet
from tests.payments.shop import CARD, Resource, Shop
from tests.sold import sell

CENT_NANOS = 10_000_000
PAGES = {"success_url": "https://app.example/ok", "cancel_url": "https://app.example/no"}
DECLINED = "pm_card_chargeCustomerFail"
TIERS: dict[str, dict[str, Any]] = {
    "free": {"spend_limit_cents": 500},
    "hobby": {"spend_limit_cents": 300},
    "starter": {"spend_limit_cents": 2_900, "price_amount_cents": 3_000},
    "pro": {"spend_limit_cents": 29_900, "price_amount_cents": 30_000},
    "endless": {"spend_limit_cents": 0, "price_amount_cents": 90_000},
    "yearly": {
        "spend_limit_cents": 2_900,
        "price_amount_cents": 30_000,
        "price_interval": "year",
    },
    "grand": {
        "spend_limit_cents": 29_900,
        "price_amount_cents": 300_000,
        "price_interval": "year",
    },
    "trial": {"spend_limit_cents": 1_000, "price_amount_cents": 2_000, "trial_days": 7},
    "unsold": {
        "spend_limit_cents": 2_000,
        "price_amount_cents": 2_000,
        "billing_provider": "external",
    },
    "payg": {"spend_limit_cents": 0, "billing_mode": "paygo", "billing_provider": "external"},
    "promo": {
        "spend_limit_cents": 100,
        "price_amount_cents": 1_000,
        "promo_credits_cents": 700,
        "overage_enabled": True,
    },
}
"""Every tier that a story may want, in cents; made when it is asked for."""


@dataclass
class Tenant:
    """A project that sells tiers."""

    project_id: str
    now: datetime
    made: dict[str, Tier] = field(default_factory=dict)

    @classmethod
    def opened(cls, now: datetime) -> "Tenant":
        """Return a new project."""
        ensure_project("hub", now=now)
        sell(HUB_PROJECT_ID)
        for cache in (shared_cache(), shared_tiers()):
            cache.forget()
        stripe_billing.load_marked_price.cache_clear()
        return cls(ensure_project(f"p{uuid4().hex[:12]}", now=now).project_id, now)

    def tier(self, code: str, *, suffix: str = "") -> Tier:
        """Return a tier, made now if nobody wanted it before; of a shared project, its own."""
        if code not in self.made:
            given = {
                "code": f"{code}{suffix}",
                "display_name": code.title(),
                "models": (TierModel("local-echo", is_default=True),),
                **TIERS[code],
            }
            self.made[code] = create_tier(self.project_id, given, now=self.now)
            shared_tiers().forget()
        return self.made[code]

    def code_of(self, tier_id: str) -> str:
        """Return what a tier is called."""
        return next((it.code for it in self.made.values() if it.tier_id == tier_id), "")

    def customer(self, **given: str) -> CustomerRef:
        """Return a new customer without subscription."""
        name = given.get("external_id", f"ext-{uuid4().hex}")
        customer, named = accounts.new_customer(
            project_id=self.project_id,
            external_id=name,
            now=self.now,
            email=given.get("email", "ada@example.com"),
        )
        wallet = WalletRef(self.project_id, customer.customer_id)
        opened = open_wallet(wallet.wallet_id, owner_uid="", terms=no_tier(), now=self.now)
        commit(
            [
                *writes_for_new_customer(customer, named),
                *ledger_store.writes_to_open(wallet, opened),
            ]
        )
        return customer.ref


def profile(ref: CustomerRef) -> Customer:
    """Return the customer as it is kept."""
    found = accounts_store.find_customer(ref)
    assert found is not None
    return found


def held(ref: CustomerRef) -> TierSubscription:
    """Return what the relay shows of the customer's subscription."""
    found = profile(ref).subscription
    assert found is not None
    return found


def wallet_of(ref: CustomerRef, now: datetime) -> LiveWallet:
    """Return the customer's wallet, now."""
    return LiveWallet(WalletRef(ref.project_id, ref.customer_id), now)


class Subscriber:
    """A customer, and what a test does in her name."""

    def __init__(self, tenant: Tenant, shop: Shop, now: datetime) -> None:
        self.tenant, self.shop, self.now = tenant, shop, now
        self.ref: CustomerRef = tenant.customer()

    def put_on(self, code: str) -> "Subscriber":
        """Put her on a tier that nobody bills."""
        put_on_tier(self.ref, self.tenant.tier(code), now=self.now)
        return self

    def buy(self, code: str) -> "Subscriber":
        """Buy a tier on Stripe's page, and tell the mirror."""
        session = start_tier_checkout(self.ref, self.tenant.tier(code), **PAGES, now=self.now)
        self.shop.pay(session.session_id, CARD)
        return self.look()

    def look(self) -> "Subscriber":
        """Mirror what Stripe has."""
        mirror_customer(self.stripe_id, now=self.now)
        return self

    def change(self, code: str) -> Changed:
        """Ask for another tier."""
        return change_tier(self.ref, self.tenant.tier(code), now=self.now)

    def pay_by(self, card: str) -> None:
        """Let another test card pay from now on."""
        method = self.shop.post(f"/payment_methods/{card}/attach", customer=self.stripe_id)
        self.shop.post(
            f"/subscriptions/{self.billed()['id']}", default_payment_method=method["id"]
        )

    @property
    def stripe_id(self) -> str:
        """Return her Stripe customer."""
        return profile(self.ref).stripe_customer_id

    def subscriptions(self) -> list[Resource]:
        """Return all that Stripe bills or billed, newest first."""
        found: list[Resource] = self.shop.get(
            "/subscriptions", customer=self.stripe_id, status="all"
        )["data"]
        return found

    def billed(self) -> Resource:
        """Return what Stripe bills."""
        (found,) = self.subscriptions()
        return found

    def on(self) -> str:
        """Return the tier that she is shown."""
        return self.tenant.code_of(held(self.ref).tier_id)

    def paid_cents(self) -> int:
        """Return what all bills come to, less what is kept for bills to come."""
        bills = self.shop.get("/invoices", customer=self.stripe_id, limit=100)["data"]
        return sum(int(line["amount"]) for bill in bills for line in bill["lines"]["data"])

    def left_cents(self) -> int | None:
        """Return what is left of her limit."""
        loaded = find_wallet(wallet_of(self.ref, self.now).ref)
        assert loaded is not None
        left = loaded.wallet.included_remaining_nanos(self.now)
        return None if left is None else left // CENT_NANOS

    def spend(self, cents: int) -> None:
        """Spend."""
        wallet_of(self.ref, self.now).charge(uuid4().hex, cents * CENT_NANOS)
