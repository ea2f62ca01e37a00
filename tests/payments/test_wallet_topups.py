"""Money for a wallet: any amount, one session for what is asked twice, exact to the cent."""

from datetime import datetime

import pytest

from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.payments.wallet_topups import TOPUP_MAX_CENTS
from tests.ledger.wallets import in_parallel
from tests.payments.shop import Shop
from tests.payments.wallets import CENT, PAGES, Prepaid
from tests.wire import Wire

pytestmark = pytest.mark.firestore


@pytest.fixture
def ada(wire: Wire, shop: Shop, now: datetime) -> Prepaid:
    """Return a customer with an empty wallet."""
    made = Prepaid.arrives(shop, now)
    wire.reset()
    return made


def test_the_page_asks_for_the_amount_and_keeps_the_card(ada: Prepaid, shop: Shop) -> None:
    """What the customer agreed to is what is charged, and where it comes back to."""
    session_id = ada.open_topup(1234)

    session = shop.get(f"/checkout/sessions/{session_id}")
    assert (session["amount_total"], session["currency"]) == (1234, "usd")
    assert (session["success_url"], session["cancel_url"]) == PAGES
    assert session["client_reference_id"] == ada.ref.customer_id
    shop.pay(session_id)
    intent = shop.get("/payment_intents", customer=ada.stripe_id)["data"][0]
    assert intent["setup_future_usage"] == "off_session"
    assert shop.get(f"/customers/{ada.stripe_id}/payment_methods")["data"]


def test_what_was_paid_is_granted_to_the_cent_once(ada: Prepaid) -> None:
    """An odd amount is no pack, and no credit of a hub: 1234 cents are 1234 cents."""
    payment = ada.top_up(1234)
    ada.hear()

    (entry,) = ada.wallet.entries()
    assert entry["entry_id"] == f"topup:{payment}"
    assert entry["postings"][f"grant:topup:{payment}"] == 1234 * CENT
    assert ada.wallet.state()["levels"]["low"]["below_nanos"] == 500 * CENT


def test_the_projects_own_threshold_counts(wire: Wire, shop: Shop, now: datetime) -> None:
    """The developer knows what is little; 0 reminds nobody."""
    assert wire
    ada = Prepaid.arrives(shop, now, low_balance_threshold_cents=0)

    ada.top_up(1000)

    assert ada.wallet.state()["levels"]["low"]["below_nanos"] == 0


class TestTwice:
    """The SDKs repeat a POST whose answer was slow, and send no key."""

    def test_the_same_within_a_minute_is_one_session(self, ada: Prepaid, shop: Shop) -> None:
        """Three repeats of an SDK make one page, not three."""
        first = ada.open_topup(1000)

        assert ada.later(seconds=59).open_topup(1000) == first
        assert shop.count("checkout.session") == 1

    def test_after_a_minute_it_is_another_wish(self, ada: Prepaid) -> None:
        """Somebody comes back later and means it."""
        first = ada.open_topup(1000)

        assert ada.later(seconds=60).open_topup(1000) != first

    def test_another_amount_or_page_is_another_session(self, ada: Prepaid) -> None:
        """Only the very same request is a repeat."""
        sessions = {
            ada.open_topup(1000),
            ada.open_topup(1001),
            ada.open_topup(1000, (PAGES[0], "https://shop.example/else")),
        }

        assert len(sessions) == 3

    def test_a_paid_session_is_not_given_again(self, ada: Prepaid) -> None:
        """Its page is gone: who asks again wants to pay again."""
        first = ada.open_topup(1000)
        ada.shop.pay(first)

        assert ada.open_topup(1000) != first

    def test_twins_share_one_session(self, ada: Prepaid, shop: Shop) -> None:
        """Two tabs at the same moment."""
        sessions = in_parallel(4, lambda _: ada.open_topup(1000))

        assert len(set(map(str, sessions))) == 1
        assert shop.count("checkout.session") == 1


class TestRefused:
    """Amounts that nobody takes."""

    @pytest.mark.parametrize("amount_cents", [-1, 0, 99, TOPUP_MAX_CENTS + 1])
    def test_too_little_and_too_much(self, ada: Prepaid, amount_cents: int) -> None:
        """Below a dollar the fees eat it, and nobody means to pay a fortune."""
        with pytest.raises(InvalidRequest):
            ada.open_topup(amount_cents)

    @pytest.mark.parametrize("amount_cents", [100, TOPUP_MAX_CENTS])
    def test_the_bounds_themselves_are_taken(self, ada: Prepaid, amount_cents: int) -> None:
        """The bound is inside."""
        assert ada.open_topup(amount_cents).startswith("cs_")

    def test_the_projects_own_minimum(self, wire: Wire, shop: Shop, now: datetime) -> None:
        """A developer may want more at least."""
        assert wire
        ada = Prepaid.arrives(shop, now, topup_min_cents=2000)

        with pytest.raises(InvalidRequest, match=r"20\.00 USD"):
            ada.open_topup(1999)

    def test_nobody_s_wallet(self, ada: Prepaid) -> None:
        """A customer of another project is no customer here."""
        ada.ref = type(ada.ref)(ada.ref.project_id, "6f1d1c3e-5a0b-5d5e-9f53-0c5f2f3b7a11")

        with pytest.raises(NotFound):
            ada.open_topup(1000)


def test_a_refund_takes_the_unspent_part_and_leaves_the_rest_as_a_debt(
    ada: Prepaid, shop: Shop
) -> None:
    """What was spent cannot be taken; the next top-up repays it."""
    payment = ada.top_up(1000)
    ada.spend(700)

    shop.post("/refunds", payment_intent=payment, amount=1000)
    ada.hear("charge.refunded")

    assert (ada.balance_cents, ada.wallet.state()["receivable_nanos"]) == (0, 700 * CENT)
    ada.later(minutes=2).top_up(800)
    assert (ada.balance_cents, ada.wallet.state()["receivable_nanos"]) == (100, 0)
