"""A customer who pays from a wallet, with what Stripe tells of it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from creditbase.accounts import domain as accounts
from creditbase.accounts import store as accounts_store
from creditbase.accounts.customer_store import writes_for_new_customer
from creditbase.accounts.domain import CustomerRef, Project
from creditbase.jobs.crossings import answer_crossings
from creditbase.ledger import store as ledger_store
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.paths import WalletRef
from creditbase.payments import store
from creditbase.payments.refill_settings import set_auto_topup
from creditbase.payments.refill_store import auto_topup_of
from creditbase.payments.refilling import AutoTopup, RefillSettings
from creditbase.payments.use_cases import receive_event
from creditbase.payments.wallet_topups import WalletTopup, start_wallet_topup
from creditbase.runtime import firestore
from creditbase.runtime.clock import real_now
from creditbase.subscriptions.domain.tier_standing import local_terms
from tests.catalog.tiers import a_paygo
from tests.ledger.wallets import LiveWallet
from tests.payments.shop import CARD, SECRET, Shop, signed
from tests.wire import Wire

CENT = 10_000_000
MID_MONTH = datetime(2027, 3, 10, 12, tzinfo=UTC)
PAGES = ("https://shop.example/paid?s={CHECKOUT_SESSION_ID}", "https://shop.example/billing")


@dataclass
class Prepaid:
    """A customer of a relay project on a `paygo` tier."""

    ref: CustomerRef
    shop: Shop
    now: datetime

    @classmethod
    def arrives(cls, shop: Shop, now: datetime, **project: Any) -> "Prepaid":
        """Return a new customer, with an empty wallet, of a new project."""
        project_id = str(uuid4())
        owner = Project(project_id=project_id, name="Shop", created_at=now, **project)
        customer, name = accounts.new_customer(
            project_id=project_id, external_id="ada", now=now, email="ada@example.com"
        )
        wallet = WalletRef(project_id, customer.customer_id)
        opened = open_wallet(
            wallet.wallet_id, owner_uid="", terms=local_terms(a_paygo()), now=now
        )
        firestore.commit(
            [
                *accounts_store.writes_for_new_project(owner),
                *writes_for_new_customer(customer, name),
                *ledger_store.writes_to_open(wallet, opened),
            ]
        )
        return cls(customer.ref, shop, now)

    # ---- what the customer does ----------------------------------------------------------

    def open_topup(self, amount_cents: int, pages: tuple[str, str] = PAGES) -> str:
        """Ask for a page to pay on, and return its session."""
        started = start_wallet_topup(self.ref, WalletTopup(amount_cents, *pages), now=self.now)
        return started.session.session_id

    def top_up(self, amount_cents: int, card: str = CARD) -> str:
        """Pay into the wallet, every event told, and return the payment."""
        return self.pay_in(amount_cents, card, told=())

    def pay_in(
        self,
        amount_cents: int,
        card: str = CARD,
        told: tuple[str, ...] = ("checkout.session.completed",),
    ) -> str:
        """Pay into the wallet, told of it only by events of these types, or by all."""
        session_id = self.open_topup(amount_cents)
        self.shop.pay(session_id, card)
        self.hear(*told)
        payment: str = self.shop.get(f"/checkout/sessions/{session_id}")["payment_intent"]
        return payment

    def spend(self, cents: int) -> None:
        """Use so much."""
        self.wallet.charge(uuid4().hex, cents * CENT)

    def refill_below(
        self, threshold_cents: int, amount_cents: int, cap_cents: int = 100_000
    ) -> AutoTopup:
        """Let the wallet top itself up."""
        wanted = RefillSettings(
            is_enabled=True,
            threshold_cents=threshold_cents,
            amount_cents=amount_cents,
            monthly_cap_cents=cap_cents,
        )
        return set_auto_topup(self.ref, wanted, now=self.now)

    def pay_by(self, alias: str) -> None:
        """Let a test card pay from now on: the newest does."""
        self.shop.let_pass(seconds=1)
        self.shop.post(f"/payment_methods/{alias}/attach", customer=self.stripe_id)

    # ---- what happens --------------------------------------------------------------------

    def hear(self, *kinds: str) -> None:
        """Let every event so far arrive, or those of some types."""
        for event in self.shop.get("/events", limit=100)["data"][::-1]:
            if not kinds or event["type"] in kinds:
                sent = signed(json.dumps(event))
                receive_event(
                    sent.raw,
                    sent.signature,
                    secrets=[SECRET],
                    real_now=real_now(),
                    now=self.now,
                )

    def answer(self) -> Any:
        """Let the job come that answers crossings."""
        return answer_crossings(self.now)

    def later(self, **span: float) -> "Prepaid":
        """Return the same customer, later."""
        return replace(self, now=self.now + timedelta(**span))

    def refund(self, payment_id: str, **form: object) -> str:
        """Give a payment back, or a part of it, and return the refund."""
        refund_id: str = self.shop.post("/refunds", payment_intent=payment_id, **form)["id"]
        return refund_id

    def dispute(self, payment_id: str) -> str:
        """Let the bank take a payment back, and return the dispute."""
        charge_id = self.shop.get(f"/payment_intents/{payment_id}")["latest_charge"]
        dispute_id: str = self.shop.order("/disputes", charge=charge_id)["id"]
        return dispute_id

    # ---- what there is -------------------------------------------------------------------

    @property
    def wallet(self) -> LiveWallet:
        """Return the wallet, now."""
        return LiveWallet(WalletRef(self.ref.project_id, self.ref.customer_id), self.now)

    @property
    def balance_cents(self) -> int:
        """Return what is left."""
        return self.wallet.available() // CENT

    @property
    def stripe_id(self) -> str:
        """Return the customer's id at Stripe."""
        return store.load_account(self.ref).customer.stripe_customer_id

    @property
    def auto_topup(self) -> AutoTopup:
        """Return how the wallet tops itself up."""
        return auto_topup_of(store.load_account(self.ref))

    def charged(self) -> list[int]:
        """Return the amounts of all payments that were made without a page, oldest first."""
        return [it["amount"] for it in self.automatic() if it["status"] == "succeeded"]

    def automatic(self) -> list[dict[str, Any]]:
        """Return all payments that were tried without a page, oldest first."""
        found = self.shop.get("/payment_intents", limit=100)["data"][::-1]
        marks = {"tier": "auto", "customer": self.ref.customer_id}
        return [one for one in found if marks.items() <= one["metadata"].items()]

    def mails(self) -> dict[str, dict[str, Any]]:
        """Return the mails to this customer, by kind."""
        found = firestore.query("mail", limit=1_000)
        fields = [one.fields for one in found if one.fields is not None]
        mine = [one for one in fields if one["customer_id"] == self.ref.customer_id]
        kinds = {one["kind"]: one for one in mine}
        assert len(kinds) == len(mine), "no mail is written twice"
        return kinds


def alone(
    wire: Wire, shop: Shop, project: str, monkeypatch: pytest.MonkeyPatch, **terms: Any
) -> Iterator[Prepaid]:
    """Yield a customer with ten dollars and a saved card, in a database with nothing else."""
    monkeypatch.setenv("GCLOUD_PROJECT", f"{project}-{uuid4().hex[:8]}")
    firestore.client.cache_clear()
    wire.reset()
    shop.set_clock(int(MID_MONTH.timestamp()))
    made = Prepaid.arrives(shop, MID_MONTH, **terms)
    made.top_up(1000)
    yield made
    wire.reset()
    firestore.client.cache_clear()
