"""Holds that live on, time out, and are captured late: the work was done, and is paid once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from creditbase.kernel.errors import Conflict, InvalidRequest, PaymentRequired
from creditbase.kernel.ids import parse_hold_id
from creditbase.ledger.domain.commands import FixedAmount
from tests.ledger.builders import (
    CUSTOMER,
    DAY,
    FREE,
    HOUR,
    MINUTE,
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


def test_what_counts_as_used_from_the_start_is_taken_by_the_time_out() -> None:
    """A call whose process dies before its first report has sent its prompt all the same."""
    story = a_story(a=50)
    hold_id = hold_id_of("k")
    story.do(replace(a_hold(30, "k", model="large"), accrued=usage(7)))
    story.extend(hold_id, NOON + HOUR, usage(6))
    assert story.wallet.holds[hold_id].accrued_nanos == 7

    story.wait(HOUR)
    story.tidy()

    (ended,) = story.written("expire")
    assert (ended.captured_nanos, ended.metered.quantities) == (7, {"input_tokens": 7})
    assert story.available_nanos == 43


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
    assert entry.cause["before"] == {
        "captured_nanos": 30,
        "shortfall_nanos": 0,
        "draws": [{"source": "a", "kind": "topup", "amount_nanos": 30}],
    }
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
