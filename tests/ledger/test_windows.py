"""What time and plans do to a wallet: grants lapse, windows turn, days close, terms change."""

from datetime import datetime, timedelta

import pytest

from creditbase.kernel.money import AMOUNT_NANOS_MAX
from creditbase.kernel.windows import free_window
from creditbase.ledger.domain.commands import FixedAmount
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import Metered
from tests.ledger.builders import (
    DAY,
    FREE,
    HOUR,
    MINUTE,
    NOON,
    PERIOD,
    WALLET_ID,
    a_charge,
    a_story,
    drawn,
    tier,
    turn_of,
)

TICK = timedelta(microseconds=1)


# ---- the first wallet ----------------------------------------------------------------------


def test_a_free_wallet_opens_with_the_credits_of_its_first_window() -> None:
    """500 credits, once, until the window ends; published at once for the page to show."""
    opened = open_wallet(WALLET_ID, owner_uid="uid", terms=FREE, now=NOON)

    (entry,) = opened.entries
    assert (entry.entry_id, entry.seq, entry.prev) == ("free:0", 1, "")
    assert entry.postings == {"granted": -500, "grant:free:0": 500}
    assert opened.wallet.grants["free:0"].expires_at == opened.wallet.window.span.end_at
    assert (opened.wallet.window.number, opened.wallet.free_number) == (0, 0)
    assert opened.must_publish
    assert opened.wallet.published.is_settled


def test_a_wallet_of_a_tier_opens_in_its_paid_period() -> None:
    """The period is Stripe's; nothing free comes with it."""
    opened = open_wallet(WALLET_ID, owner_uid="", terms=tier(), now=NOON, period=PERIOD)

    assert opened.entries == ()
    assert (opened.wallet.window.span, opened.wallet.window.number) == (PERIOD, None)
    for terms, period in ((tier(), None), (FREE, PERIOD)):
        with pytest.raises(AssertionError):
            open_wallet(WALLET_ID, owner_uid="", terms=terms, now=NOON, period=period)


@pytest.mark.parametrize("room_nanos", [0, 200, 500])
def test_a_wallet_without_room_gets_the_free_credits_that_fit(room_nanos: int) -> None:
    """Time passes in every command: one that could not would leave the wallet stuck."""
    story = a_story(FREE, rich=AMOUNT_NANOS_MAX - 500)
    story.charge(500)
    if room_nanos < 500:
        story.grant("more", 500 - room_nanos, "topup")

    story.wait(timedelta(days=40)).charge(1)

    given = story.entries.get("free:1")
    assert (0 if given is None else given.amount_nanos) == room_nanos
    assert story.wallet.free_number == 1


# ---- grants lapse --------------------------------------------------------------------------


def test_what_is_left_of_an_expired_grant_is_written_off() -> None:
    """An entry says what was lost and when, so that the books still add up."""
    story = a_story(a=5)
    story.grant("promo", 10, "promo", expires_at=NOON + DAY)
    story.charge(4)

    story.wait(DAY).charge(1)

    (lapse,) = story.written("lapse")
    assert lapse.entry_id == "expire:promo"
    assert lapse.postings == {"expired": 6, "grant:promo": -6}
    assert lapse.cause == {"grant_id": "promo", "grant_kind": "promo"}
    assert story.left() == {"a": 4}


def test_the_unheld_part_lapses_at_once_and_the_held_part_when_the_hold_ends() -> None:
    """Work that is running keeps what was reserved for it; nothing else survives the expiry."""
    for used, spent, lost in ((0, 0, 6), (4, 4, 2), (6, 6, 0)):
        story = a_story()
        story.grant("promo", 10, "promo", expires_at=NOON + HOUR)
        hold_id = story.hold(6, ttl_s=7200)
        story.wait(HOUR).tidy()
        assert story.written("lapse")[0].amount_nanos == 4
        assert story.wallet.held_nanos == 6

        entry = story.capture(hold_id, used)

        assert entry.captured_nanos == spent
        assert entry.postings.get("expired", 0) == lost
        assert story.wallet.grants == {}
        assert story.available_nanos == 0


def test_capture_above_a_hold_on_an_expired_grant_draws_on_live_ones() -> None:
    """The rest of the expired grant is gone, also for its own hold."""
    story = a_story(a=10)
    story.grant("promo", 10, "promo", expires_at=NOON + HOUR)
    hold_id = story.hold(6, ttl_s=7200)

    entry = story.wait(HOUR).capture(hold_id, 9)

    assert drawn(entry.draws) == [("promo", 6), ("a", 3)]


def test_several_grants_lapse_in_burn_order() -> None:
    """The chain of entries is the same whoever writes it."""
    story = a_story()
    story.grant("z", 1, "promo", expires_at=NOON + HOUR)
    story.grant("a", 1, "promo", expires_at=NOON + 2 * HOUR)
    story.grant("p", 1, "plan", expires_at=NOON + 2 * HOUR)

    story.wait(DAY).tidy()

    assert [entry.entry_id for entry in story.written("lapse")] == [
        "expire:p",
        "expire:z",
        "expire:a",
    ]


# ---- days ----------------------------------------------------------------------------------


def test_a_day_closes_at_midnight_utc_and_once() -> None:
    """The statistics of a day are written when the next one begins; an empty day never."""
    story = a_story(a=100)
    story.charge(1, Metered("small"))
    story.now = NOON.replace(hour=0) + DAY - TICK
    story.charge(2, Metered("small"))
    story.wait(TICK)

    decided = story.tidy()

    (day,) = decided.closed_days
    assert day.date == "2026-03-10"
    assert (day.tallies["small"].requests, day.tallies["small"].amount_nanos) == (2, 3)
    assert story.wallet.today.date == "2026-03-11"
    assert story.wait(2 * DAY).tidy().closed_days == ()


def test_a_time_out_counts_on_its_own_day() -> None:
    """Looked at three days later, the usage still belongs to the night it happened."""
    story = a_story(a=100)
    story.charge(1)
    hold_id = story.hold(10, ttl_s=86_400)
    story.extend(hold_id, NOON + DAY, FixedAmount(7))

    decided = story.wait(3 * DAY).tidy()

    days = {day.date: day.tallies["unspecified"].amount_nanos for day in decided.closed_days}
    assert days == {"2026-03-10": 1, "2026-03-11": 7}


# ---- free windows --------------------------------------------------------------------------


def test_a_window_turns_at_its_instant_and_gives_its_credits_once() -> None:
    """Reset exactly once per window, whoever looks first and however often (P22)."""
    story = a_story(FREE)
    story.charge(200)
    story.now = turn_of(story) - TICK
    assert story.tidy().entries == ()
    story.wait(TICK)

    decided = story.tidy()

    assert [entry.entry_id for entry in decided.entries] == ["expire:free:0", "free:1"]
    assert decided.entries[0].amount_nanos == 300
    (closed,) = decided.closed_windows
    assert (closed.number, closed.tallies["unspecified"].amount_nanos) == (0, 200)
    assert decided.must_publish
    assert story.left() == {"free:1": 500}
    assert story.tidy().entries == ()


def test_after_fourteen_idle_months_the_first_command_writes_a_few_lines() -> None:
    """Missed windows give nothing: only the running one does, at a fixed cost."""
    story = a_story(FREE, a=100)
    story.charge(200)
    story.now = free_window(NOON, 14).start_at + HOUR

    decided = story.do(a_charge(600, "after"))

    kinds = [entry.entry_id.split(":")[0] for entry in decided.entries]
    assert kinds == ["expire", "free", "op"]
    assert (len(decided.closed_windows), len(decided.closed_days)) == (1, 1)
    assert story.wallet.window.number == story.wallet.free_number == 14
    assert story.left() == {}


def test_an_idle_window_leaves_no_document() -> None:
    """Customers who only look cost nothing."""
    story = a_story(FREE)

    story.now = turn_of(story)

    assert story.tidy().closed_windows == ()


def test_a_customer_of_the_31st_keeps_the_31st() -> None:
    """Through February and back (incident I-17)."""
    anchor_at = datetime(2026, 1, 31, 12, tzinfo=NOON.tzinfo)
    story = a_story(FREE, now=anchor_at)
    starts = []
    for _ in range(3):
        story.now = turn_of(story)
        story.tidy()
        starts.append((story.now.month, story.now.day))

    assert starts == [(2, 28), (3, 31), (4, 30)]
    assert [e.entry_id for e in story.written("grant")] == [
        "free:0",
        "free:1",
        "free:2",
        "free:3",
    ]


def test_a_hold_that_spans_the_turn_counts_in_its_own_window() -> None:
    """The old window stays open for it alone, and is written once, when the hold ends."""
    story = a_story(FREE, a=1000)
    story.now = turn_of(story) - MINUTE
    first, second = story.hold(300, model="old"), story.hold(300, model="old")
    story.wait(2 * MINUTE)

    decided = story.tidy()
    assert decided.closed_windows == ()
    assert [window.number for window in story.wallet.closing] == [0]
    story.charge(5, Metered("new"))

    story.capture(first, 250)
    assert story.closed_windows == []
    entry = story.capture(second, 350)

    assert drawn(entry.draws) == [("free:0", 200), ("a", 100), ("free:1", 50)]
    assert entry.window_start_at == NOON
    assert story.closed_windows == [NOON]
    assert story.wallet.closing == ()
    assert set(story.wallet.window.tallies) == {"new"}


def test_a_time_out_after_the_turn_closes_the_old_window_once() -> None:
    """The job came a month late: same lines, same counts."""
    story = a_story(FREE)
    story.charge(1, Metered("x"))
    story.now = turn_of(story) - MINUTE
    hold_id = story.hold(300, model="old")
    story.extend(hold_id, story.now + HOUR, FixedAmount(200))
    story.wait(40 * DAY)

    (closed,) = story.tidy().closed_windows

    assert closed.number == 0
    assert closed.tallies["old"].amount_nanos == 200
    # what was held of the old credits and not used expired with them
    assert story.accounts()["expired"] == 499 - 200
    assert story.left() == {"free:2": 500}
