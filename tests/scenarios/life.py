"""A customer's life as the stories tell it: the hub's own doors, Stripe's pages, one clock.

The webhook runs as deployed, in a process of its own; the local Stripe delivers to it, waits
for it while time passes, and moves the clock that both read.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import uuid4

from flask.testing import FlaskClient

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.store import find_user
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.catalog.use_cases import load_catalog
from creditbase.hub import billing, redeem, usage
from creditbase.ledger.paths import WalletRef
from creditbase.payments.selling import ensure_price
from creditbase.payments.store import load_account
from creditbase.payments.use_cases import HANDLERS
from creditbase.runtime import clock
from dev import verify_ledger
from tests.ledger.wallets import LiveWallet
from tests.payments.shop import CARD, SECRET, Shop
from tests.runtime.signing import Signer
from tests.runtime.wiring import client_of

FIRST_DAY = datetime(2027, 3, 10, 9, 0, tzinfo=UTC)
"""When stories begin that do not say when: a period of 31 days, no month's end near."""
CREDIT_NANOS = 1_000_000
FREE = 500
FIVE_MINUTES = timedelta(minutes=5)
DOORS = {
    "/usage/me": usage.usage_me,
    "/billing/sync-balance": usage.billing_sync_balance,
    "/billing/checkout": billing.billing_checkout,
    "/billing/topup": billing.billing_topup,
    "/billing/portal": billing.billing_portal,
    "/billing/redeem": redeem.billing_redeem,
}

Resource = dict[str, Any]


@cache
def door(path: str) -> FlaskClient:
    """Return a client of the deployed function behind a path."""
    return client_of(DOORS[path])


class Seen(NamedTuple):
    """What `GET /usage/me` says of plan and credits; what is not named is as usual."""

    plan: str
    monthly: int
    topups: int = 0
    status: str = "active"
    has_issue: bool = False
    is_leaving: bool = False
    next_plan: str = ""


def on_free(monthly: int, topups: int = 0, status: str = "none") -> Seen:
    """Return what somebody sees who has no plan, or `canceled` the one there was."""
    return Seen("free", monthly, topups, status)


@dataclass(frozen=True)
class Town:
    """Where the stories happen: a Stripe, a webhook that it tells, and their clock."""

    shop: Shop
    webhook_url: str
    env: dict[str, str]

    def begin(self, at: datetime = FIRST_DAY) -> None:
        """Start over with an empty Stripe, at a moment."""
        self.shop.reset()
        self.shop.set_clock(int(at.timestamp()))
        self.shop.listen(self.webhook_url, SECRET, HANDLERS)

    def live_until(self, at: datetime) -> None:
        """Let time pass until a moment, every webhook taken."""
        self.shop.order("/clock", to=int(at.timestamp()))
        self.settle()

    def settle(self) -> None:
        """Wait until every webhook was taken."""
        settled = self.shop.order("/settle", timeout_s=30)
        assert settled["settled"], settled


@dataclass
class Customer:
    """Somebody with an account, and what a story does in their name."""

    uid: str
    town: Town
    signer: Signer

    @classmethod
    def arrives(cls, town: Town, signer: Signer) -> "Customer":
        """Return a newcomer, who has just looked at the free credits."""
        customer = cls(f"u{uuid4().hex}", town, signer)
        customer.sees()
        return customer

    # ---- what the customer does ----------------------------------------------------------

    def ask(self, method: str, path: str, body: Resource | None = None) -> Resource:
        """Ask the hub as the signed-in browser does."""
        answer = door(path).open(
            path, method=method, json=body, headers=self.signer.headers(self.uid)
        )
        assert answer.status_code == 200, answer.text
        told: Any = answer.json
        return dict(told)

    def subscribe(self, plan: str, card: str = CARD) -> None:
        """Subscribe on Stripe's page."""
        self.shop.pay(self.open_checkout(plan), card)
        self.town.settle()

    def open_checkout(self, plan: str) -> str:
        """Open the page on which a plan is bought, and return its session."""
        session: str = self.ask("POST", "/billing/checkout", {"plan": plan})["session_id"]
        return session

    def top_up(self, tier: str) -> str:
        """Buy a pack on Stripe's page, and return the payment."""
        session_id = self.open_topup(tier)
        self.shop.pay(session_id)
        self.town.settle()
        return self.payment_of_session(session_id)

    def open_topup(self, tier: str) -> str:
        """Open the page on which a pack is bought, and return its session."""
        session: str = self.ask("POST", "/billing/topup", {"amount": tier})["session_id"]
        return session

    def redeem(self, code: str) -> Resource:
        """Give a code for its credits."""
        return self.ask("POST", "/billing/redeem", {"code": code})

    def spend(self, credit_count: int) -> None:
        """Use credits."""
        self.wallet.charge(uuid4().hex, credit_count * CREDIT_NANOS)

    def hold(self, key: str, credit_count: int, ttl_s: int = 900) -> None:
        """Set credits aside for work that begins."""
        self.wallet.hold(key, credit_count * CREDIT_NANOS, ttl_s)

    def capture(self, key: str, credit_count: int) -> None:
        """Use what was set aside, or a part of it."""
        self.wallet.capture(key, credit_count * CREDIT_NANOS)

    def void(self, key: str) -> None:
        """Use nothing of what was set aside."""
        self.wallet.void(key)

    def sees(self) -> Seen:
        """Return what the customer's page shows after a sync."""
        told = self.usage()
        planned = told["scheduled_change"]
        return Seen(
            told["plan"],
            told["monthly_credits_remaining"],
            told["topup_balance"],
            told["subscription_status"],
            told["payment_issue"],
            told["cancel_at_period_end"],
            planned["plan"] if planned else "",
        )

    def usage(self) -> Resource:
        """Return `GET /usage/me` after a sync, which says the same."""
        synced = self.ask("POST", "/billing/sync-balance")
        shown = self.ask("GET", "/usage/me")
        assert synced == {**shown, "synced_at": synced["synced_at"]}
        return shown

    # ---- what time and others do ---------------------------------------------------------

    def live_until(self, at: datetime) -> None:
        """Let time pass until a moment."""
        self.town.live_until(at)

    def live_past(self, at: datetime) -> None:
        """Let time pass until five minutes after a moment."""
        self.town.live_until(at + FIVE_MINUTES)

    def live_for(self, **span: float) -> None:
        """Let so much time pass."""
        self.town.live_until(clock.now() + timedelta(**span))

    def change(self, **form: object) -> None:
        """Change the subscription, as somebody may in Stripe's Dashboard."""
        self.shop.post(f"/subscriptions/{self.subscription()['id']}", **form)
        self.town.settle()

    def take(self, plan: str, **form: object) -> None:
        """Change the plan at once, the difference invoiced at once."""
        given = {
            "items[0][id]": self.subscription()["items"]["data"][0]["id"],
            "items[0][price]": price_of(plan),
            "proration_behavior": "always_invoice",
        }
        self.change(**{**given, **form})

    def cancel_now(self) -> None:
        """End the subscription at once, as somebody may in Stripe's Dashboard."""
        self.shop.order_cancel(self.subscription()["id"])
        self.town.settle()

    def pay_by(self, card: str) -> None:
        """Let another test card pay from now on."""
        method = self.shop.post(f"/payment_methods/{card}/attach", customer=self.stripe_id)
        self.change(default_payment_method=method["id"])

    def pay_open_bill(self) -> None:
        """Let the bill that was not paid be paid now."""
        (bill,) = self.shop.get("/invoices", customer=self.stripe_id, status="open")["data"]
        self.shop.post(f"/invoices/{bill['id']}/pay")
        self.town.settle()

    def refund(self, payment: str, cents: int) -> str:
        """Give money back, as somebody does in Stripe's Dashboard, and return the refund."""
        made = self.shop.post("/refunds", payment_intent=payment, amount=cents)
        self.town.settle()
        refund: str = made["id"]
        return refund

    def fail_refund(self, refund: str) -> None:
        """Let a refund come back from the bank."""
        self.shop.order(f"/refunds/{refund}/fail")
        self.town.settle()

    def dispute(self, payment: str) -> str:
        """Let the bank take a payment back until it has decided, and return the dispute."""
        (charge,) = self.shop.get("/charges", payment_intent=payment)["data"]
        dispute: str = self.shop.order("/disputes", charge=charge["id"])["id"]
        self.town.settle()
        return dispute

    def decide_dispute(self, dispute: str, outcome: str) -> None:
        """Let the bank decide."""
        self.shop.order(f"/disputes/{dispute}/close", outcome=outcome)
        self.town.settle()

    # ---- what there is -------------------------------------------------------------------

    @property
    def shop(self) -> Shop:
        """Return Stripe."""
        return self.town.shop

    @property
    def ref(self) -> CustomerRef:
        """Return the customer behind the user."""
        user = find_user(self.uid)
        assert user is not None
        return user.customer

    @property
    def stripe_id(self) -> str:
        """Return the customer's id at Stripe."""
        return load_account(self.ref).customer.stripe_customer_id

    @property
    def wallet(self) -> LiveWallet:
        """Return the wallet, now."""
        ref = self.ref
        return LiveWallet(WalletRef(ref.project_id, ref.customer_id), clock.now())

    def subscriptions(self) -> list[Resource]:
        """Return all subscriptions as Stripe has them, newest first."""
        found: list[Resource] = self.shop.get(
            "/subscriptions", customer=self.stripe_id, status="all"
        )["data"]
        return found

    def subscription(self) -> Resource:
        """Return the newest subscription as Stripe has it."""
        return self.subscriptions()[0]

    def period(self) -> tuple[datetime, datetime]:
        """Return the running period as Stripe has it."""
        item = self.subscription()["items"]["data"][0]
        return at(item["current_period_start"]), at(item["current_period_end"])

    def period_end(self) -> datetime:
        """Return when the running period ends."""
        return self.period()[1]

    def invoices(self) -> list[Resource]:
        """Return all bills as Stripe has them, newest first."""
        found: list[Resource] = self.shop.get("/invoices", customer=self.stripe_id)["data"]
        return found

    def payment_of_invoice(self, invoice: Resource) -> str:
        """Return what paid a bill."""
        (found,) = self.shop.get("/invoice_payments", invoice=invoice["id"])["data"]
        payment: str = found["payment"]["payment_intent"]
        return payment

    def payment_of_session(self, session_id: str) -> str:
        """Return what paid a session."""
        payment: str = self.shop.get(f"/checkout/sessions/{session_id}")["payment_intent"]
        return payment

    def granted(self, first_word: str) -> list[int]:
        """Return the credits of every grant whose id begins so, oldest first."""
        entries = self.wallet.entries()
        return [
            entry["amount_nanos"] // CREDIT_NANOS
            for entry in entries
            if entry["kind"] == "grant" and entry["entry_id"].startswith(f"{first_word}:")
        ]

    def upgrade_bought(self, credit_count: int) -> int:
        """Return the part of so many credits that the newest bill, for a change, paid for."""
        start, end = self.period()
        lines = self.invoices()[0]["lines"]["data"]
        (line,) = [line for line in lines if line["amount"] > 0]
        assert at(line["period"]["end"]) == end
        return credit_count * (end - at(line["period"]["start"])) // (end - start)

    def owes(self) -> int:
        """Return the credits that are owed."""
        owed: int = self.wallet.state()["receivable_nanos"]
        return owed // CREDIT_NANOS

    def issue(self) -> Any:
        """Return the payment that failed, as the customer's document keeps it."""
        return load_account(self.ref).payment_issue

    def verify(self) -> None:
        """Verify the ledger by a program that does not know the product's code."""
        ref = self.ref
        loaded = verify_ledger.load(ref.project_id, ref.customer_id)
        assert all(verify_ledger.verify(loaded))


def price_of(plan_code: str) -> str:
    """Return the price at Stripe that a plan is sold by."""
    catalog = load_catalog(HUB_PROJECT_ID)
    return ensure_price(catalog, catalog.plan(plan_code))


def at(seconds: int) -> datetime:
    """Return an instant that Stripe names."""
    return datetime.fromtimestamp(seconds, UTC)
