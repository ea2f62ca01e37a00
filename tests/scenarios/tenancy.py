"""A relay customer's life as the stories tell it: use cases, Stripe's pages, one clock.

Beside `life`, whose town it shares: the deployed webhook is what hears of Stripe.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from creditbase.kernel.errors import PaymentRequired
from creditbase.ledger.domain.balance import Balance, balance_of
from creditbase.ledger.store import find_wallet
from creditbase.payments.tier_checkout import start_tier_checkout
from creditbase.runtime import clock
from dev import verify_ledger
from tests.payments.shop import CARD
from tests.payments.tenant import CENT_NANOS, PAGES, Subscriber, Tenant, held, wallet_of
from tests.scenarios.life import Town, at


class Shown(NamedTuple):
    """What the relay shows of a customer: tier, status, cents left (None: no limit)."""

    tier: str
    status: str
    left_cents: int | None


class Tenanted(Subscriber):
    """A customer of a project of the relay, in a town."""

    def __init__(self, tenant: Tenant, town: Town) -> None:
        super().__init__(tenant, town.shop, clock.now())
        self.town = town

    def catch_up(self) -> None:
        """Read the clock, once every webhook was taken."""
        self.town.settle()
        self.now = clock.now()

    def live_until(self, moment: datetime) -> None:
        """Let time pass."""
        self.town.live_until(moment)
        self.now = clock.now()

    def live_for(self, **span: float) -> None:
        """Let so much time pass."""
        self.live_until(clock.now() + timedelta(**span))

    def live_past_period(self) -> None:
        """Let the period end, and its successor's draft its hour."""
        self.live_until(self.period()[1] + timedelta(hours=1, minutes=5))

    def buys(self, code: str, card: str = CARD) -> None:
        """Buy a tier on Stripe's page."""
        self.shop.pay(self.opens_page(code), card)
        self.catch_up()

    def opens_page(self, code: str) -> str:
        """Open the page on which a tier is bought, and return its session."""
        tier = self.tenant.tier(code)
        return start_tier_checkout(self.ref, tier, **PAGES, now=self.now).session_id

    def asks_for(self, code: str) -> str:
        """Ask for another tier, and return what came of it."""
        action = str(self.change(code).action)
        self.catch_up()
        return action

    def pays_by(self, card: str) -> None:
        """Let another test card pay from now on."""
        self.pay_by(card)
        self.catch_up()

    def is_refused(self, cents: int) -> bool:
        """Return whether spending so much is refused with 402."""
        try:
            self.spend(cents)
        except PaymentRequired:
            return True
        return False

    def sees(self) -> Shown:
        """Return what is shown."""
        shown = held(self.ref)
        balance = self.balance()
        left = balance.included_remaining_nanos
        return Shown(
            self.tenant.code_of(shown.tier_id),
            shown.status,
            None if left is None else left // CENT_NANOS,
        )

    def balance(self) -> Balance:
        """Return the published figures, as they are now."""
        loaded = find_wallet(wallet_of(self.ref, self.now).ref)
        assert loaded is not None
        return balance_of(loaded.wallet, now=self.now)

    def period(self) -> tuple[datetime, datetime]:
        """Return the running period as Stripe has it."""
        item = self.subscriptions()[0]["items"]["data"][0]
        return at(item["current_period_start"]), at(item["current_period_end"])

    def verify(self) -> None:
        """Verify the ledger by a program that does not know the product's code."""
        loaded = verify_ledger.load(self.ref.project_id, self.ref.customer_id)
        assert list(verify_ledger.verify(loaded))
