"""Holds: reserved before the work, ended once, and pinned to what they drew on."""

from datetime import timedelta

import pytest

from creditbase.kernel.errors import Conflict, InvalidRequest, NotFound, PaymentRequired
from creditbase.kernel.ids import parse_hold_id
from creditbase.ledger.domain.commands import HOLD_TTL_S_MAX, FixedAmount, MeteredUsage
from tests.ledger.builders import (
    CUSTOMER,
    DAY,
    FREE,
    HOUR,
    MINUTE,
    NOON,
    FlatRate,
    Story,
    a_hold,
    a_story,
    drawn,
    hold_id_of,
)

TICK = timedelta(microseconds=1)
QUARTER = timedelta(seconds=900)


def usage(tokens: int, *, nanos_per_token: int = 1) -> MeteredUsage:
    """Return the usage of so many tokens, at a flat rate."""
    return MeteredUsage({"input_tokens": tokens}, FlatRate(nanos_per_token))


def requests(story: Story) -> dict[str, tuple[int, int]]:
    """Return requests and amount by model in the running window."""
    tallies = story.wallet.window.tallies
    return {model: (tally.requests, tally.amount_nanos) for model, tally in tallies.items()}


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


# ---- extend --------------------------------------------------------------------------------


def test_an_extension_is_absolute_and_only_grows() -> None:
    """Repeating it is harmless, and an old one that arrives late shortens nothing."""
    story = a_story(a=100)
    hold_id = story.hold(50)

    assert story.extend(hold_id, NOON + HOUR).expires_at == NOON + HOUR
    assert story.extend(hold_id, NOON + HOUR).expires_at == NOON + HOUR
    assert story.extend(hold_id, NOON + 30 * MINUTE).expires_at == NOON + HOUR
    assert story.written("hold") == list(story.entries.values())[1:]


def test_a_hold_lives_a_day_at_most_extensions_included() -> None:
    """Counted from its start, so that nobody reserves for ever."""
    story = a_story(a=100)
    hold_id = story.hold(50)
    story.wait(10 * MINUTE)

    with pytest.raises(InvalidRequest) as caught:
        story.extend(hold_id, NOON + DAY + TICK)
    assert caught.value.field == "expires_at"
    with pytest.raises(InvalidRequest):
        story.extend(hold_id, story.now)
    assert story.extend(hold_id, story.now + TICK).expires_at == NOON + QUARTER
    assert story.extend(hold_id, NOON + DAY).expires_at == NOON + DAY


def test_usage_so_far_only_grows() -> None:
    """A report that comes late does not undo what was known."""
    story = a_story(a=100)
    hold_id = story.hold(50, model="large")

    assert story.extend(hold_id, NOON + HOUR, usage(20)).accrued_nanos == 20
    held = story.extend(hold_id, NOON + HOUR, usage(19))
    assert (held.accrued_nanos, held.metered.quantities) == (20, {"input_tokens": 20})
    held = story.extend(hold_id, NOON + HOUR, usage(10, nanos_per_token=2))
    assert (held.accrued_nanos, held.metered.quantities) == (20, {"input_tokens": 10})
    assert story.extend(hold_id, NOON + HOUR, FixedAmount(21)).accrued_nanos == 21
    assert story.extend(hold_id, NOON + HOUR).accrued_nanos == 21


def test_a_hold_that_has_ended_is_not_extended() -> None:
    """Captured, voided or timed out: an extension would bring it back to life."""
    story = a_story(a=100)
    captured, voided, timed_out = story.hold(10), story.hold(10), story.hold(10)
    story.capture(captured, 5)
    story.void(voided)
    story.wait(QUARTER)

    for hold_id in (captured, voided, timed_out):
        with pytest.raises(Conflict):
            story.extend(hold_id, story.now + HOUR)
    # and it stays so once the time-out is written
    story.tidy()
    with pytest.raises(Conflict):
        story.extend(timed_out, story.now + HOUR)


# ---- expiry --------------------------------------------------------------------------------


def test_a_hold_times_out_at_its_instant_inside_any_decision() -> None:
    """No job is needed: whoever comes next finds the credits released."""
    story = a_story(a=50)
    hold_id = story.hold(50)
    story.wait(QUARTER - TICK)
    with pytest.raises(PaymentRequired):
        story.charge(1)

    story.wait(TICK)
    story.charge(50)

    (ended,) = story.written("expire")
    assert (ended.at, ended.status, ended.hold_id) == (NOON + QUARTER, "expired", hold_id)
    assert ended.postings == {"held": -50, "grant:a": 50}
    assert requests(story) == {"unspecified": (1, 50)}


def test_a_time_out_captures_what_was_used_so_far() -> None:
    """A gateway that dies mid-stream still pays for what it said it had used."""
    story = a_story(a=50)
    hold_id = story.hold(50, model="large")
    story.extend(hold_id, NOON + HOUR, usage(30))

    story.wait(2 * DAY).tidy()

    (ended,) = story.written("expire")
    assert (ended.at, ended.status) == (NOON + HOUR, "expired")
    assert (ended.captured_nanos, drawn(ended.draws)) == (30, [("a", 30)])
    assert requests(story) == {"large": (1, 30)}
    assert story.left() == {"a": 20}


def test_free_usage_reported_so_far_is_counted_at_the_time_out() -> None:
    """A free model's request is a request; the same hold without a report was not used."""
    story = a_story(a=50)
    reported, silent = story.hold(0, model="gratis"), story.hold(0, model="gratis")
    story.extend(reported, NOON + HOUR, usage(9, nanos_per_token=0))
    story.wait(HOUR).tidy()

    tally = story.wallet.window.tallies["gratis"]
    assert (tally.requests, tally.input_tokens) == (1, 9)

    # and a late capture of it counts only what is new
    story.capture(reported, usage(11, nanos_per_token=0))
    story.capture(silent, usage(5, nanos_per_token=0))
    tally = story.wallet.window.tallies["gratis"]
    assert (tally.requests, tally.input_tokens) == (2, 16)


def test_holds_time_out_in_the_order_of_their_instants() -> None:
    """Two that time out before anybody looks end as if somebody had looked each time."""
    story = a_story(a=50)
    second, first = story.hold(10, ttl_s=600), story.hold(10, ttl_s=300)
    tied = sorted([story.hold(10, ttl_s=700), story.hold(10, ttl_s=700)])

    story.wait(DAY).tidy()

    ends = story.written("expire")
    assert [end.hold_id for end in ends] == [first, second, *tied]
    assert [end.at for end in ends] == [
        NOON + timedelta(seconds=s) for s in (300, 600, 700, 700)
    ]


# ---- late capture --------------------------------------------------------------------------


def test_a_late_capture_takes_what_is_available_now() -> None:
    """The work was done and must be paid, though nothing is reserved for it any more."""
    story = a_story(a=100)
    hold_id = story.hold(50, model="large")
    story.wait(QUARTER)
    story.charge(70)

    entry = story.capture(hold_id, 50)

    assert (entry.kind, entry.status) == ("late", "captured")
    assert (entry.captured_nanos, entry.shortfall_nanos) == (30, 20)
    assert entry.postings == {"consumed": 50, "shortfall": -20, "grant:a": -30}
    assert requests(story)["large"] == (1, 30)
    assert entry.entry_id == f"late:{hold_id}"


def test_a_capture_at_the_instant_of_expiry_is_late_and_ends_the_hold_too() -> None:
    """Both lines are written in one commit: the end, and the capture after it."""
    story = a_story(a=100)
    hold_id = story.hold(50)
    story.wait(QUARTER)

    story.capture(hold_id, 40)

    assert [e.kind for e in story.entries.values()][-2:] == ["expire", "late"]
    assert story.left() == {"a": 60}


@pytest.mark.parametrize(
    ("asked", "taken", "left"),
    [(20, 0, 70), (30, 0, 70), (31, 1, 69), (90, 60, 10), (150, 100, 0)],
)
def test_a_late_capture_takes_only_what_the_time_out_had_not(
    asked: int, taken: int, left: int
) -> None:
    """Used so far plus the rest is the whole; nothing is paid twice, and nothing returned."""
    story = a_story(a=100)
    hold_id = story.hold(50, model="large")
    story.extend(hold_id, NOON + HOUR, usage(30))
    story.wait(HOUR).tidy()
    assert story.left() == {"a": 70}
    if asked == 150:
        story.grant("b", 30, "topup")

    entry = story.capture(hold_id, usage(asked))

    assert entry.captured_nanos == taken
    assert entry.shortfall_nanos == max(0, asked - 30 - taken)
    assert entry.cause == {"already_captured_nanos": 30}
    assert story.wallet.live_nanos(story.now) == left
    tally = story.wallet.window.tallies["large"]
    assert (tally.requests, tally.amount_nanos) == (1, 30 + taken)
    assert tally.input_tokens == max(30, asked)


def test_a_late_capture_of_an_amount_counts_the_request_once() -> None:
    """The time-out had counted it already."""
    story = a_story(a=100)
    hold_id = story.hold(50, model="large")
    story.extend(hold_id, NOON + HOUR, FixedAmount(30))
    story.wait(HOUR).tidy()
    assert requests(story) == {"large": (1, 30)}

    story.capture(hold_id, 45)

    assert requests(story) == {"large": (1, 45)}


def test_what_the_time_out_could_not_pay_is_not_asked_again() -> None:
    """A shortfall is a shortfall: credits bought later do not pay it."""
    story = a_story(a=50)
    hold_id = story.hold(50, model="large")
    story.extend(hold_id, NOON + HOUR, usage(80))
    story.wait(HOUR).tidy()
    assert story.written("expire")[0].shortfall_nanos == 30
    story.grant("b", 100, "topup")

    entry = story.capture(hold_id, usage(85))

    assert (entry.captured_nanos, entry.shortfall_nanos) == (5, 0)


def test_usage_beyond_the_hold_draws_on_the_window_in_which_the_hold_timed_out() -> None:
    """Whether or not somebody looked meanwhile, the same credits pay: those of that instant."""
    ends = []
    for looks in (False, True):
        story = a_story(FREE)
        story.now = story.wallet.window.span.end_at - MINUTE
        hold_id = story.hold(500, ttl_s=120, model="large")
        story.extend(hold_id, story.now + 2 * MINUTE, usage(600))
        if looks:
            story.wait(MINUTE + TICK).tidy()
        story.wait(3 * DAY).tidy()
        ends.append((story.left(), story.written("expire")[0].captured_nanos))

    assert ends[0] == ends[1] == ({"free:1": 400}, 600)


def test_a_hold_names_its_customer() -> None:
    """The id in an answer leads back to this wallet."""
    reference = parse_hold_id(a_story(a=1).hold(1))

    assert reference is not None
    assert reference.customer_id == CUSTOMER
