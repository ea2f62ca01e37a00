"""Pay-as-you-go as customers live it: top-ups, the end of the money, wallets that fill up.

The webhook is the deployed one, the clock is moved, and each ledger is verified at the end.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from creditbase.jobs.crossings import answer_crossings
from creditbase.ledger.history import load_history
from creditbase.payments import store
from creditbase.payments.refill_settings import set_auto_topup
from creditbase.payments.refill_store import auto_topup_of
from creditbase.payments.refilling import AutoTopup, RefillSettings
from creditbase.payments.wallet_topups import WalletTopup, start_wallet_topup
from creditbase.relay.history_answers import row_answer
from creditbase.relay.wallet_answers import wallet_cents
from creditbase.runtime import clock, firestore
from tests.payments.shop import CARD
from tests.payments.tenant import CENT_NANOS, PAGES, Tenant, wallet_of
from tests.scenarios.life import Town
from tests.scenarios.tenancy import Tenanted

pytestmark = pytest.mark.firestore
MARCH = datetime(2027, 3, 10, 9, tzinfo=UTC)


class Prepaid(Tenanted):
    """A customer who pays first, and what a story does in her name."""

    def tops_up(self, cents: int, card: str = CARD) -> str:
        """Pay into the wallet on Stripe's page, and return the payment."""
        started = start_wallet_topup(self.ref, WalletTopup(cents, **PAGES), now=self.now)
        self.shop.pay(started.session.session_id, card)
        self.catch_up()
        session = self.shop.get(f"/checkout/sessions/{started.session.session_id}")
        payment: str = session["payment_intent"]
        return payment

    def refills(self, threshold_cents: int, amount_cents: int, cap_cents: int) -> None:
        """Let the wallet fill itself."""
        wanted = RefillSettings(
            is_enabled=True,
            threshold_cents=threshold_cents,
            amount_cents=amount_cents,
            monthly_cap_cents=cap_cents,
        )
        set_auto_topup(self.ref, wanted, now=self.now)

    def pays_wallet_by(self, card: str) -> None:
        """Let another test card pay from now on."""
        method = self.shop.post(f"/payment_methods/{card}/attach", customer=self.stripe_id)
        default = {"invoice_settings[default_payment_method]": method["id"]}
        self.shop.post(f"/customers/{self.stripe_id}", **default)

    def lets_the_job_come(self) -> None:
        """Let the job come that answers crossings, and every webhook of it."""
        answer_crossings(self.now)
        self.catch_up()

    @property
    def cents(self) -> dict[str, int]:
        """Return what the balance shows; its history must say the same."""
        shown = wallet_cents(self.balance())
        rows = [row_answer(row) for row in self.rows()]
        signs = {"credit": 1, "debit": -1}
        moved = [row["amount_cents"] * signs[row["direction"]] for row in rows]
        assert sum(moved) == shown["balance_cents"]
        return shown

    def rows(self) -> tuple[Any, ...]:
        """Return the whole history."""
        return load_history(wallet_of(self.ref, self.now).ref, limit=200, now=self.now).rows

    def reasons(self) -> list[str]:
        """Return why the balance moved, oldest first."""
        return [row_answer(row)["reason"] for row in self.rows()][::-1]

    def auto_topup(self) -> AutoTopup:
        """Return how the wallet fills itself."""
        return auto_topup_of(store.load_account(self.ref))

    def mails(self) -> list[str]:
        """Return the kinds of the mails to her."""
        found = [one.fields for one in firestore.query("mail", limit=10_000)]
        mine = [one for one in found if one and one["customer_id"] == self.ref.customer_id]
        return sorted(one["kind"] for one in mine)


@pytest.fixture
def ida(town: Town) -> Iterator[Prepaid]:
    """Return a customer on a `paygo` tier; her ledger is verified at the story's end."""
    town.begin(MARCH)
    customer = Prepaid(Tenant.opened(clock.now()), town)
    customer.put_on("payg")
    yield customer
    customer.verify()


def test_top_up_spend_until_it_is_refused_and_top_up_again(ida: Prepaid) -> None:
    """Blocked at zero, not a cent earlier, and free again at once."""
    assert ida.is_refused(1)
    ida.tops_up(1000)
    assert ida.cents["balance_cents"] == 1000

    ida.spend(999)
    assert ida.is_refused(2)
    ida.spend(1)
    assert ida.is_refused(1)
    ida.live_for(minutes=5)
    ida.tops_up(250)
    ida.spend(200)

    assert ida.cents["available_cents"] == 50
    assert ida.reasons() == [
        "Top-up via Stripe",
        "API usage",
        "API usage",
        "Top-up via Stripe",
        "API usage",
    ]


def test_what_is_held_is_reserved_until_the_call_ends(ida: Prepaid) -> None:
    """Two calls at once cannot spend the same money."""
    ida.tops_up(1000)
    wallet = wallet_of(ida.ref, ida.now)
    wallet.hold("call", 800 * CENT_NANOS)

    assert ida.cents == {"balance_cents": 1000, "reserved_cents": 800, "available_cents": 200}
    assert ida.is_refused(201)
    wallet.capture("call", 300 * CENT_NANOS)

    assert ida.cents == {"balance_cents": 700, "reserved_cents": 0, "available_cents": 700}


def test_a_wallet_fills_itself_up_to_the_months_cap(ida: Prepaid) -> None:
    """Twice in March, and again when April begins."""
    ida.tops_up(1000)
    ida.refills(500, 1000, 2000)
    for _ in range(3):
        ida.spend(min(900, ida.cents["available_cents"]))
        ida.lets_the_job_come()
    assert ida.cents["balance_cents"] == 300
    assert ida.auto_topup().month_cents == 2000

    ida.live_until(datetime(2027, 3, 31, 23, 59, tzinfo=UTC))
    ida.lets_the_job_come()
    assert ida.cents["balance_cents"] == 300
    ida.live_until(datetime(2027, 4, 1, 0, 5, tzinfo=UTC))
    ida.lets_the_job_come()

    assert ida.cents["balance_cents"] == 1300
    assert (ida.auto_topup().month, ida.auto_topup().month_cents) == ("2027-04", 1000)
    assert ida.auto_topup().in_flight is None


def test_a_declined_card_ends_it_until_the_customer_acts(ida: Prepaid) -> None:
    """Told once, blocked at zero, and back with another card."""
    ida.tops_up(1000)
    ida.refills(500, 1000, 5000)
    ida.pays_wallet_by("pm_card_chargeCustomerFail")
    ida.spend(600)

    for _ in range(3):
        ida.lets_the_job_come()
        ida.live_for(hours=7)

    assert ida.auto_topup().failure == "declined"
    assert ida.mails().count("refill_failed") == 1
    ida.spend(400)
    assert ida.is_refused(1)
    ida.pays_wallet_by("pm_card_visa")
    ida.refills(500, 1000, 5000)
    ida.lets_the_job_come()
    ida.spend(100)
    assert ida.cents["balance_cents"] == 900


def test_the_wallet_covers_what_exceeds_a_subscription(town: Town) -> None:
    """The limit first, then the money; a new period has the limit again, the wallet stays."""
    town.begin(MARCH)
    ida = Prepaid(Tenant.opened(clock.now()), town)
    ida.buys("promo")
    low = wallet_of(ida.ref, ida.now).state()["levels"]["low"]
    assert low["below_nanos"] == 500 * CENT_NANOS, "who never pays in is reminded, too"
    ida.tops_up(1000)

    ida.spend(100)
    assert ida.cents["balance_cents"] == 1700, "within the limit nothing is taken of it"
    ida.spend(800)
    assert ida.cents["balance_cents"] == 900
    assert ida.is_refused(901)

    ida.live_past_period()
    ida.spend(100)
    assert ida.cents["balance_cents"] == 900
    ida.spend(900)
    assert ida.is_refused(1)
    ida.verify()


def test_one_reminder_for_each_time_that_the_balance_falls(ida: Prepaid) -> None:
    """Not one a call, and none for who has just topped up."""
    ida.tops_up(1000)
    for _ in range(5):
        ida.spend(150)
        ida.lets_the_job_come()
    assert ida.mails() == ["low_balance"]

    ida.live_for(minutes=2)
    ida.tops_up(1000)
    ida.lets_the_job_come()
    assert ida.mails() == ["low_balance"]
    ida.spend(800)
    ida.lets_the_job_come()

    assert ida.mails() == ["low_balance", "low_balance"]


def test_a_refund_takes_what_is_left_and_the_next_top_up_pays_the_rest(ida: Prepaid) -> None:
    """The history never goes below zero, and adds up all the way."""
    payment = ida.tops_up(1000)
    ida.spend(700)

    ida.shop.post("/refunds", payment_intent=payment, amount=1000)
    ida.catch_up()
    assert ida.cents["balance_cents"] == 0
    assert ida.is_refused(1)
    ida.live_for(minutes=2)
    ida.tops_up(800)

    assert ida.cents["balance_cents"] == 100
    assert ida.reasons() == ["Top-up via Stripe", "API usage", "Refund", "Top-up via Stripe"]
