"""Pacing: bursts are free, a flood leaves gaps, and who wins leaves others their turns."""

from hypothesis import given
from hypothesis import strategies as st

from creditbase.ledger.pacing import (
    BURST,
    CYCLE_S,
    GAP_CYCLES,
    GAP_S_MAX,
    LOOKS_EVERY_S,
    RATE_HZ,
    READ_S,
    REMEMBERS_S,
    Pacer,
)
from tests.kernel.profiles import PURE


def flooded(pacer: Pacer, *, seconds: float, took_s: float, foreign: int = 0) -> list[float]:
    """Return the gaps that a process leaves which always has something to commit.

    Between two commits of its own others make so many.
    """
    now_s, commits, gaps = 100.0, 1, []
    while now_s < 100.0 + seconds:
        wait_s = pacer.wait_s(now_s)
        gaps.append(wait_s)
        now_s += wait_s + took_s
        commits += 1 + foreign
        pacer.won(now_s, began_s=now_s - took_s, commits=commits)
    return gaps


def test_a_short_burst_waits_for_nothing() -> None:
    """A customer with a few calls at once never feels it."""
    pacer = Pacer(updated_s=100.0)

    assert [pacer.wait_s(100.0) for _ in range(int(BURST))] == [0.0, 0.0, 0.0]
    assert pacer.wait_s(100.0) == 1 / RATE_HZ


def test_a_flood_is_spread_to_the_rate() -> None:
    """Callers gather meanwhile, and share the next commit."""
    gaps = flooded(Pacer(), seconds=10, took_s=0.0)

    assert 0.9 * RATE_HZ * 10 <= len(gaps) <= RATE_HZ * 10 + BURST + 1


def test_who_sees_nobody_leaves_a_gap_now_and_then() -> None:
    """Who wins each race reads nothing: without a gap it would never hear of anybody.

    Commits that take longer than the rate's own interval leave none by themselves.
    """
    took_s = 0.1
    gaps = flooded(Pacer(), seconds=10, took_s=took_s)

    long = [gap_s for gap_s in gaps[20:] if gap_s > 0]
    assert all(took_s <= gap_s <= took_s + READ_S + 1e-6 for gap_s in long)
    assert 10 <= len(long) <= 10 / LOOKS_EVERY_S


def test_a_spaced_caller_never_waits() -> None:
    """The time between its calls is gap enough."""
    pacer, now_s, commits = Pacer(), 100.0, 1
    for _ in range(50):
        assert pacer.wait_s(now_s) == 0.0
        pacer.won(now_s + CYCLE_S, began_s=now_s, commits=(commits := commits + 1))
        now_s += 3 * CYCLE_S


def test_who_meets_others_leaves_each_of_them_a_turn() -> None:
    """Three others, three turns; alone again, it is as fast as before."""
    pacer = Pacer()
    crowded = flooded(pacer, seconds=10, took_s=0.05, foreign=3)
    last_s = crowded[-1]

    assert 2 * GAP_CYCLES * 0.05 < last_s <= 3 * GAP_CYCLES * 0.05 + 1e-6

    alone = Pacer(cycle_s=0.05, others=3.0, met_at_s=100.0 - REMEMBERS_S, won_at_s=99.99)
    assert alone.wait_s(100.0) <= 0.05 + READ_S


def test_a_few_commits_of_others_are_no_crowd() -> None:
    """Calls that land on any of several processes wait for nothing."""
    pacer, now_s, commits = Pacer(), 100.0, 1
    for _ in range(20):
        assert pacer.wait_s(now_s) == 0.0
        commits += 4
        pacer.won(now_s + 0.02, began_s=now_s, commits=commits)
        now_s += 1.0


def test_what_was_committed_before_us_is_nobodys_crowd() -> None:
    """The first commit of a process knows nothing of when the others were made."""
    pacer = Pacer()
    pacer.won(100.02, began_s=100.0, commits=70_000)

    assert pacer.others == 0.0
    assert pacer.wait_s(101.0) == 0.0


def test_a_lost_race_is_answered_by_a_gap() -> None:
    """Whoever won it has callers, too."""
    pacer = Pacer()
    pacer.won(100.0, began_s=99.98, commits=5)
    pacer.lost(100.01)
    pacer.won(100.04, began_s=100.02, commits=6)

    assert pacer.wait_s(100.04) > pacer.cycle_s


def test_racers_part_further_with_each_attempt() -> None:
    """By chance, and by what a commit takes here."""
    pacer = Pacer(cycle_s=0.1)

    assert pacer.pause_s(1, 0.0) < 0.01
    assert 0.05 < pacer.pause_s(1, 1.0) < pacer.pause_s(9, 1.0) < 0.2


@PURE
@given(
    st.lists(
        st.tuples(
            st.floats(-5, 60), st.sampled_from(["lost", "won", ""]), st.integers(-3, 10**6)
        ),
        max_size=60,
    )
)
def test_no_wait_is_negative_or_endless(steps: list[tuple[float, str, int]]) -> None:
    """Whatever the clock does, even going back, a command waits a bounded time."""
    pacer, now_s, commits = Pacer(), 100.0, 1
    for step_s, outcome, more in steps:
        now_s += step_s
        wait_s = pacer.wait_s(now_s)
        assert 0 <= wait_s <= max(GAP_S_MAX, len(steps) / RATE_HZ)
        assert pacer.tokens <= BURST
        commits += more
        if outcome == "lost":
            pacer.lost(now_s)
        elif outcome == "won":
            pacer.won(now_s, began_s=now_s - step_s, commits=commits)
