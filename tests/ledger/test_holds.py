"""Holds: reserved before the work, ended once, and pinned to what they drew on."""

from datetime import timedelta

import pytest

from creditbase.kernel.errors import InvalidRequest, NotFound, PaymentRequired
from creditbase.ledger.domain.commands import HOLD_TTL_S_MAX, FixedAmount
from tests.ledger.builders import (
    DAY,
    HOUR,
    NOON,
    a_hold,
    a_story,
    drawn,
    hold_id_of,
    requests,
    usage,
)

TICK = timedelta(microseconds=1)
QUARTER = timedelta(seconds=900)


# ---- placing -------------------------------------------------------------------------------


def test_a_hold_reserves_and_takes_nothing_yet() -> None:
    """The work may start knowing that it is paid; the books say held, not spent."""
    story = a_story(a=30, b=30)

    hold_id = story.hold(50)

    entry = story.written("hold")[0]
    assert entry.postings == {"held": 50, "grant:a": -30, "grant:b": -20}
    assert (entry.status, entry.captured_nanos, entry.hold_id) == ("held", 0, hold_id)
    assert (entry.started_at, entry.expires_at) == (NOON, NOON + QUARTER)
    assert {
        g.grant_id: (g.remaining_nanos, g.held_nanos) for g in story.wallet.grants.values()
    } == {
        "a": (0, 30),
        "b": (10, 20),
    }
    assert (story.wallet.held_nanos, story.available_nanos) == (50, 10)
    assert story.wallet.window.tallies == {}


def test_holds_are_admitted_up_to_what_is_there() -> None:
    """However many come at once: as many as the balance covers, and no more (P29)."""
    story = a_story(a=100)
    for _ in range(3):
        story.hold(30)

    with pytest.raises(PaymentRequired) as caught:
        story.hold(11)
    assert caught.value.available_nanos == 10
    story.hold(10)
    story.hold(0)
    assert story.available_nanos == 0


def test_a_hold_lives_between_a_second_and_a_day() -> None:
    """The doors ask for no other; anything else is a bug of ours."""
    story = a_story(a=100)
    for ttl_s in (0, -1, HOLD_TTL_S_MAX + 1):
        with pytest.raises(AssertionError):
            story.hold(1, ttl_s=ttl_s)
    for ttl_s in (1, HOLD_TTL_S_MAX):
        story.hold(1, ttl_s=ttl_s)


# ---- capture -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount_nanos", "draws", "left"),
    [
        (0, [], {"a": 30, "b": 30, "c": 30}),
        (10, [("a", 10)], {"a": 20, "b": 30, "c": 30}),
        (30, [("a", 30)], {"b": 30, "c": 30}),
        (31, [("a", 30), ("b", 1)], {"b": 29, "c": 30}),
        (50, [("a", 30), ("b", 20)], {"b": 10, "c": 30}),
        (51, [("a", 30), ("b", 21)], {"b": 9, "c": 30}),
        (89, [("a", 30), ("b", 30), ("c", 29)], {"c": 1}),
        (90, [("a", 30), ("b", 30), ("c", 30)], {}),
    ],
)
def test_a_capture_takes_what_the_work_cost(
    amount_nanos: int, draws: list[tuple[str, int]], left: dict[str, int]
) -> None:
    """In the order it was pinned; the rest goes back, the excess comes from what is there."""
    story = a_story(a=30, b=30, c=30)
    hold_id = story.hold(50, model="large")

    entry = story.capture(hold_id, amount_nanos)

    assert drawn(entry.draws) == draws
    assert story.left() == left
    assert (entry.status, entry.amount_nanos) == ("captured", 50)
    assert (entry.captured_nanos, entry.shortfall_nanos) == (amount_nanos, 0)
    assert story.wallet.holds == {}
    assert requests(story) == {"large": (1, amount_nanos)}


def test_what_nothing_can_pay_is_recorded_and_not_taken() -> None:
    """The provider has charged us already: the loss is written down, no pot goes negative."""
    story = a_story(a=60)
    hold_id = story.hold(50)

    entry = story.capture(hold_id, 75)

    assert (entry.captured_nanos, entry.shortfall_nanos) == (60, 15)
    assert entry.postings == {"held": -50, "grant:a": -10, "consumed": 75, "shortfall": -15}
    assert story.wallet.grants == {}
    # and only what was paid counts as spent
    assert requests(story) == {"unspecified": (1, 60)}


def test_a_capture_consumes_its_own_credits_also_when_cheaper_ones_came_since() -> None:
    """A hold is pinned: what others do meanwhile does not change what it draws on."""
    story = a_story(a=50)
    hold_id = story.hold(40)
    story.grant("promo", 50, "promo", expires_at=NOON + DAY)

    entry = story.capture(hold_id, 45)

    assert drawn(entry.draws) == [("a", 40), ("promo", 5)]
    assert story.left() == {"a": 10, "promo": 45}


def test_usage_is_priced_for_the_model_of_the_hold() -> None:
    """The receipt shows the quantities and the versions that give the amount."""
    story = a_story(a=100)
    hold_id = story.hold(50, model="large")

    entry = story.capture(hold_id, usage(7, nanos_per_token=3))

    assert entry.captured_nanos == 21
    assert entry.metered.model == "large"
    assert entry.metered.quantities == {"input_tokens": 7}
    assert story.wallet.window.tallies["large"].input_tokens == 7


@pytest.mark.parametrize("amount_nanos", [-1, 2**53 + 1])
def test_an_end_out_of_range_is_refused_and_ends_nothing(amount_nanos: int) -> None:
    """A negative capture would pay the customer."""
    story = a_story(a=100)
    hold_id = story.hold(50, model="large")
    costs = (FixedAmount(amount_nanos), usage(1, nanos_per_token=amount_nanos))
    for cost in costs:
        with pytest.raises(InvalidRequest):
            story.capture(hold_id, cost)
        with pytest.raises(InvalidRequest):
            story.extend(hold_id, NOON + HOUR, cost)

    assert hold_id in story.wallet.holds


def test_usage_without_a_model_cannot_be_priced() -> None:
    """The hold was placed for an amount; nobody said for which model."""
    story = a_story(a=100)
    hold_id = story.hold(50)

    with pytest.raises(InvalidRequest) as caught:
        story.capture(hold_id, usage(1))
    assert caught.value.field == "usage"


def test_a_hold_that_never_was_cannot_end() -> None:
    """Somebody else's hold and no hold look the same."""
    story = a_story(a=100)
    unknown = hold_id_of("never")
    for ask in (
        lambda: story.capture(unknown, 1),
        lambda: story.void(unknown),
        lambda: story.extend(unknown, NOON + HOUR),
    ):
        with pytest.raises(NotFound, match="Hold not found"):
            ask()


# ---- void ----------------------------------------------------------------------------------


def test_a_void_gives_everything_back() -> None:
    """The work was not done: nothing taken, nothing counted."""
    story = a_story(a=30, b=30)
    before = story.left()
    hold_id = story.hold(50, model="large")
    story.extend(hold_id, NOON + HOUR, usage(5))

    entry = story.void(hold_id)

    assert story.left() == before
    assert (entry.status, entry.captured_nanos, entry.draws) == ("voided", 0, ())
    assert entry.postings == {"held": -50, "grant:a": 30, "grant:b": 20}
    assert requests(story) == {}


def test_the_end_of_the_last_hold_is_published() -> None:
    """The page shows the released credits at once, but not after each of many holds."""
    story = a_story(a=100)
    first, last = story.hold(10), story.hold(10)

    assert not story.do(a_hold(1, "third")).must_publish
    story.void(hold_id_of("third"))
    story.void(first)
    assert not story.do(a_hold(1, "fourth")).must_publish
    story.void(last)
    before = story.wallet
    assert len(before.holds) == 1

    story.wait(QUARTER)
    assert story.tidy().must_publish
    assert story.wallet.holds == {}
