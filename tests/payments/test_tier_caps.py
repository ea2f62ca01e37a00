"""What may be used while a change gives money back: no more than what is paid for in the end.

Whatever happens between the moment in which the usage is read and Stripe's answer.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from creditbase.kernel.errors import PaymentRefused, PaymentRequired, Unavailable
from creditbase.ledger.store import find_wallet
from creditbase.ledger.use_cases import lanes
from creditbase.payments import stripe_tiers, stripe_wire, tier_changing
from creditbase.payments.tier_changing import leave_at_period_end
from tests.ledger.wallets import in_parallel
from tests.payments.tenant import CENT_NANOS, DECLINED, Subscriber, wallet_of
from tests.payments.test_change_tier import ada
from tests.wire import Send, Wire

__all__ = ["ada"]

pytestmark = pytest.mark.firestore

SLACK_CENTS = 2
"""What Stripe rounds, for each change."""


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Return what lets something happen at the moment in which Stripe is asked."""
    carry_out = stripe_tiers.carry_out

    def happens(act: Callable[[], None]) -> None:
        def after_it(move: Any, *, key: str) -> bool:
            act()
            return carry_out(move, key=key)

        monkeypatch.setattr(stripe_tiers, "carry_out", after_it)

    return happens


def used_cents(ada: Subscriber) -> int:
    """Return what was used of the window's limit."""
    loaded = find_wallet(wallet_of(ada.ref, ada.now).ref)
    assert loaded is not None
    return loaded.wallet.window.included_spent_nanos // CENT_NANOS


def spend_all(ada: Subscriber, most_cents: int = 100_000) -> int:
    """Spend whatever is there, and return how much that was."""
    left = ada.left_cents()
    cents = most_cents if left is None else min(left, most_cents)
    ada.spend(cents)
    return cents


def is_refused(ada: Subscriber) -> bool:
    """Return whether a cent more is refused."""
    try:
        ada.spend(1)
    except PaymentRequired:
        return True
    return False


class TestMeanwhile:
    """Between reading the usage and Stripe's answer."""

    def test_going_down_what_is_given_back_cannot_be_used(
        self, ada: Subscriber, meanwhile: Callable[[Callable[[], None]], None]
    ) -> None:
        """Up to the smaller limit all goes on; a call beyond it is refused, not given away."""
        ada.buy("pro")
        ada.spend(900)
        served: list[int] = []

        def rush() -> None:
            calls = in_parallel(4, lambda _: ada.spend(700))
            served.append(sum(not isinstance(call, PaymentRequired) for call in calls))

        meanwhile(rush)
        ada.change("starter")

        assert served == [2], "1,400 of the 2,000 that are left; the third would be 2,100"
        assert ada.left_cents() == 2_900 - 900 - 1_400
        assert ada.paid_cents() - 3_000 <= SLACK_CENTS, "all of the dearer price came back"

    def test_another_rhythm_stops_the_old_limit(
        self, ada: Subscriber, meanwhile: Callable[[Callable[[], None]], None]
    ) -> None:
        """It begins anew, so whatever is used of the old one would be given back."""
        ada.buy("starter")
        ada.spend(1_450)
        ada.shop.let_pass(hours=1)  # or both periods would begin in one second
        ada.now += timedelta(hours=1)
        refused: list[bool] = []
        meanwhile(lambda: refused.append(is_refused(ada)))

        ada.change("yearly")

        assert (refused, ada.left_cents()) == ([True], 2_900)
        assert abs(ada.paid_cents() - 30_000 - 1_500) <= SLACK_CENTS, "half was used"

    def test_a_look_at_stripe_in_between_leaves_the_cap(
        self, ada: Subscriber, meanwhile: Callable[[Callable[[], None]], None]
    ) -> None:
        """Any webhook may arrive then; and a process that priced by the tier of before."""
        ada.buy("pro")
        ada.spend(2_900)
        refused: list[bool] = []
        meanwhile(lambda: refused.append(is_refused(ada.look())))

        ada.change("starter")

        assert (refused, is_refused(ada)) == ([True], True)

    def test_going_up_caps_nothing(
        self, ada: Subscriber, meanwhile: Callable[[Callable[[], None]], None]
    ) -> None:
        """Nothing is given back that could be used."""
        ada.buy("starter")
        meanwhile(lambda: ada.spend(2_900))

        ada.change("pro")

        assert ada.left_cents() == 29_900 - 2_900


class TestCutOff:
    """A change of which nothing is known."""

    def test_a_declined_card_takes_the_cap_off_at_once(self, ada: Subscriber) -> None:
        """A year is paid now; where it is not, the month goes on."""
        ada.buy("starter")
        ada.spend(100)
        ada.pay_by(DECLINED)

        with pytest.raises(PaymentRefused, match="declined"):
            ada.change("yearly")

        assert (ada.on(), ada.left_cents()) == ("starter", 2_800)

    def test_without_an_answer_it_lasts_two_minutes(self, ada: Subscriber) -> None:
        """Nothing else is changed meanwhile; then the customer has what is paid for."""
        ada.buy("pro")
        ada.tenant.tier("starter")
        ada.spend(2_900)
        ada.shop.break_posts("/v1/subscriptions", "reset before", count=3)
        with pytest.raises(Unavailable):
            ada.change("starter")
        ada.shop.order_end_of_faults()

        assert is_refused(ada)
        with pytest.raises(Unavailable):
            ada.change("endless")
        with pytest.raises(Unavailable):
            leave_at_period_end(ada.ref, now=ada.now)
        ada.now += timedelta(seconds=120)
        assert ada.left_cents() == 29_900 - 2_900
        assert ada.look().left_cents() == 29_900 - 2_900
        assert str(ada.change("starter").action) == "downgraded"

    def test_a_process_that_stood_still_asks_stripe_no_more(
        self, ada: Subscriber, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It has read what was used; by the time that it asks, the cap may be over."""
        ada.buy("pro")
        ada.tenant.tier("starter")
        ada.spend(900)
        passed_s = iter([0.0, 91.0])
        with monkeypatch.context() as patched:
            patched.setattr(tier_changing, "monotonic", lambda: next(passed_s))
            with pytest.raises(Unavailable):
                ada.change("starter")

        assert (ada.look().on(), ada.paid_cents()) == ("pro", 30_000)
        ada.now += timedelta(seconds=120)
        assert ada.left_cents() == 29_000
        assert str(ada.change("starter").action) == "downgraded"

    def test_a_lost_answer_is_found_by_the_next_look(self, ada: Subscriber) -> None:
        """Stripe did it: the webhook puts the wallet on its new terms."""
        ada.buy("pro")
        ada.tenant.tier("starter")
        ada.spend(900)
        ada.shop.break_posts("/v1/subscriptions", "reset after", count=3)
        with pytest.raises(Unavailable):
            ada.change("starter")
        ada.shop.order_end_of_faults()

        assert (ada.look().on(), ada.left_cents()) == ("starter", 2_000)
        assert str(ada.change("starter").action) == "downgraded", "the same answer"
        assert ada.paid_cents() - 3_000 <= SLACK_CENTS


class Died(BaseException):
    """The process is gone: nothing of it runs any more."""


class Death:
    """Lets a process die after the n-th thing that it asks of the store or of Stripe."""

    def __init__(self, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = -1
        monkeypatch.setattr(wire, "faults", _Always(self.store))
        request = stripe_wire.Wire.request

        def asked(client: Any, *given: Any, **named: Any) -> Any:
            answered = request(client, *given, **named)
            self.step()
            return answered

        monkeypatch.setattr(stripe_wire.Wire, "request", asked)

    def store(self, send: Send) -> Any:
        """Let the store do what it is asked, and die perhaps."""
        answered = send()
        self.step()
        return answered

    def step(self) -> None:
        """Count, and die when it is time."""
        self.left -= 1
        if self.left == 0:
            raise Died


class _Always(dict[int, Callable[[Send], Any]]):
    """A fault for each RPC."""

    def __init__(self, fault: Callable[[Send], Any]) -> None:
        super().__init__()
        self._fault = fault

    def pop(self, *_: object) -> Callable[[Send], Any]:
        """Return the one fault."""
        return self._fault


def test_wherever_the_process_dies_what_is_used_is_paid_for(
    ada: Subscriber, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Down, dead after each request in turn, used what is to be had, and asked for again."""
    ada.buy("starter")
    ada.tenant.tier("pro")
    death = Death(wire, monkeypatch)
    deaths, is_dead = 0, True
    while is_dead:
        ada.now += timedelta(seconds=1)
        ada.change("pro")
        ada.spend(max(0, 2_900 + 500 * (deaths + 1) - used_cents(ada)))
        lanes.cache_clear()
        death.left = deaths + 1
        try:
            ada.change("starter")
            is_dead = False
        except Died:
            deaths += 1
        death.left = -1
        lanes.cache_clear()
        if is_dead:
            spend_all(ada, 500)
            ada.change("starter")

        assert (ada.on(), ada.left_cents()) == ("starter", 0)
        # Price and limit are a dollar apart: what was used of the difference was paid for.
        least = 3_000 + used_cents(ada) - 2_900
        slack = SLACK_CENTS * 2 * (deaths + 1)
        assert -slack <= ada.paid_cents() - least <= slack + 20
    assert deaths > 8
