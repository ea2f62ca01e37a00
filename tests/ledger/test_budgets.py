"""Budgets: the most that one key or token may spend and hold in a window of its wallet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.kernel.errors import PaymentRequired
from creditbase.ledger.domain.budgets import BUDGETS_MAX, OTHER_BUDGETS
from creditbase.ledger.domain.commands import FixedAmount
from creditbase.ledger.domain.wallet import BudgetCount
from creditbase.ledger.encoding import read_wallet, write_wallet
from tests.kernel.profiles import PURE
from tests.ledger.builders import (
    DAY,
    HOUR,
    NOON,
    WALLET_ID,
    Story,
    a_charge,
    a_hold,
    a_story,
    hold_id_of,
    tier,
    turn_of,
)

KEY = ("key-1", 50)


def counter(story: Story, name: str = "key-1") -> tuple[int, int]:
    """Return what a credential has spent and holds in the running window."""
    count = story.wallet.window.budgets.get(name, BudgetCount())
    return count.spent_nanos, count.held_nanos


def refusal_of(story: Story, amount_nanos: int, budget: tuple[str, int]) -> PaymentRequired:
    """Return how a charge within a budget is refused."""
    with pytest.raises(PaymentRequired) as refused:
        story.entry(a_charge(amount_nanos, story.next_key(), budget=budget))
    return refused.value


class TestLimits:
    """A leaked key costs no more than its budget."""

    def test_a_budget_is_spent_to_the_last_nano_and_no_further(self) -> None:
        """The wallet has more; this credential may not have it."""
        story = a_story(a=100)
        story.entry(a_charge(50, "k", budget=KEY))

        refusal = refusal_of(story, 1, KEY)

        assert refusal.facts() == {
            "available_nanos": 0,
            "required_nanos": 1,
            "limit_source": "budget",
            "next_credits_at": "2026-04-10T12:00:00Z",
        }
        story.charge(50)

    def test_the_wallet_is_named_where_it_has_less_than_the_budget(self) -> None:
        """More budget would not help, so it is not what stands in the way."""
        refusal = refusal_of(a_story(a=10), 11, KEY)

        assert (refusal.limit_source, refusal.available_nanos) == ("wallet", 10)

    def test_an_open_hold_counts_until_it_ends(self) -> None:
        """Two calls at once must not both fit into what is left for one."""
        story = a_story(a=100)
        story.do(a_hold(30, "h", budget=KEY))
        assert counter(story) == (0, 30)
        assert refusal_of(story, 21, KEY).available_nanos == 20

        story.void(hold_id_of("h"))

        assert story.wallet.window.budgets == {}
        story.entry(a_charge(50, "all", budget=KEY))

    @pytest.mark.parametrize(("cost", "spent"), [(0, 0), (10, 10), (30, 30), (80, 80)])
    def test_a_capture_counts_what_it_took(self, cost: int, spent: int) -> None:
        """Less than was held, or more: the work is done, and the next call is refused."""
        story = a_story(a=100)
        story.do(a_hold(30, "h", budget=KEY))

        entry = story.capture(hold_id_of("h"), cost)

        assert counter(story) == (spent, 0)
        assert entry.cause == {"budget": "key-1"}
        assert refusal_of(story, 51, KEY).available_nanos == max(0, 50 - spent)

    def test_a_time_out_counts_what_was_accrued_and_a_late_capture_the_rest(self) -> None:
        """Never free, however the call ended."""
        story = a_story(a=100)
        story.do(a_hold(30, "h", budget=KEY))
        story.extend(hold_id_of("h"), NOON + HOUR, FixedAmount(8))
        story.wait(2 * HOUR).tidy()
        assert counter(story) == (8, 0)

        late = story.capture(hold_id_of("h"), 20)

        assert counter(story) == (20, 0)
        assert late.cause["budget"] == "key-1"

    def test_the_next_window_begins_with_nothing(self) -> None:
        """And a hold that spans the turn counts in the window in which it was made."""
        story = a_story(a=100)
        story.now = turn_of(story) - HOUR
        story.do(a_hold(30, "h", ttl_s=7_200, budget=KEY))
        story.entry(a_charge(20, "k", budget=KEY))

        story.wait(HOUR).entry(a_charge(50, "n", budget=KEY))
        story.capture(hold_id_of("h"), 30)

        assert counter(story) == (50, 0)
        assert not story.wallet.closing

    def test_a_tiers_limit_and_a_budget_hold_together(self) -> None:
        """Whichever has less says so, also where the tier has no limit at all."""
        limited = a_story(tier(40, draws_wallet=False))
        assert refusal_of(limited, 45, KEY).limit_source == "included"
        unlimited = a_story(tier(0, included="unlimited"))
        unlimited.entry(a_charge(50, "k", budget=KEY))
        assert refusal_of(unlimited, 1, KEY).limit_source == "budget"
        unlimited.charge(10**9)

    def test_after_the_period_nothing_is_promised(self) -> None:
        """No next window is known, so no time is named at which the budget renews."""
        story = a_story(tier(0, included="unlimited"), a=100)
        story.entry(a_charge(50, "k", budget=KEY))
        story.now = turn_of(story) + DAY

        assert refusal_of(story, 1, KEY).next_credits_at == ""


class TestBounds:
    """A window counts so many credentials apart, and no more: the wallet stays small."""

    def test_credentials_beyond_the_bound_share_a_counter_that_refuses_early(self) -> None:
        """Never late: a budget is a promise, and its counter may not begin anew."""
        story = a_story(a=10**6)
        for number in range(BUDGETS_MAX):
            story.entry(a_charge(1, f"k{number}", budget=(f"key-{number}", 1)))

        story.entry(a_charge(30, "x", budget=("x", 50)))
        refusal = refusal_of(story, 21, ("y", 50))

        assert refusal.available_nanos == 20
        assert counter(story, OTHER_BUDGETS) == (30, 0)
        assert len(story.wallet.window.budgets) == BUDGETS_MAX + 1

    def test_room_that_becomes_free_is_not_given_to_who_shared(self) -> None:
        """A counter of its own would begin at nothing again."""
        story = a_story(a=10**6)
        for number in range(BUDGETS_MAX):
            story.do(a_hold(1, f"k{number}", budget=(f"key-{number}", 1)))
        story.entry(a_charge(30, "x", budget=("x", 50)))
        for key in ("k0", "k1", "k2"):
            story.void(hold_id_of(key))

        assert refusal_of(story, 21, ("x", 50)).available_nanos == 20


@PURE
@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=12), st.integers(0, 60))
def test_whatever_is_asked_no_more_is_admitted_than_the_budget(
    asked: list[tuple[int, bool]], limit_nanos: int
) -> None:
    """Charges and holds alike: what is admitted never exceeds it, what fits is admitted."""
    story, admitted = a_story(a=10_000), 0
    for amount_nanos, is_hold in asked:
        make = a_hold if is_hold else a_charge
        command = make(amount_nanos, story.next_key(), budget=("key", limit_nanos))
        if admitted + amount_nanos > limit_nanos:
            with pytest.raises(PaymentRequired):
                story.do(command)
        else:
            story.do(command)
            admitted += amount_nanos
    assert sum(counter(story, "key")) == admitted <= limit_nanos


def test_counters_survive_the_store_and_old_wallets_have_none() -> None:
    """A wallet that was written before there were budgets is read all the same."""
    story = a_story(a=100)
    story.do(a_hold(30, "h", budget=KEY))
    stored = write_wallet(story.wallet)
    assert read_wallet(WALLET_ID, stored) == story.wallet

    old = write_wallet(a_story(a=100).wallet)
    del old["window"]["budgets"], old["window"]["told_percent"]

    assert read_wallet(WALLET_ID, old).window.budgets == {}
