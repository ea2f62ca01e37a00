"""Pacing: bursts are free, a flood leaves gaps, and a lost race makes a process modest."""

from hypothesis import given
from hypothesis import strategies as st

from creditbase.ledger.pacing import BURST, RATE_MAX_HZ, RATE_MIN_HZ, Pacer
from tests.kernel.profiles import PURE


def test_a_short_burst_waits_for_nothing() -> None:
    """A customer with a few calls at once never feels it."""
    pacer = Pacer(updated_s=100.0)

    assert [pacer.wait_s(100.0) for _ in range(int(BURST))] == [0.0, 0.0, 0.0]
    assert pacer.wait_s(100.0) == 1 / RATE_MAX_HZ


def test_a_flood_is_spread_to_the_rate() -> None:
    """Others must find a gap in which their commit is not conditioned on a dead version."""
    pacer = Pacer()
    now_s, commits = 100.0, 0
    while now_s < 110.0:
        now_s += pacer.wait_s(now_s)
        commits += 1

    assert RATE_MAX_HZ * 10 <= commits <= RATE_MAX_HZ * 10 + BURST + 1


def test_losing_halves_the_rate_and_winning_brings_it_back() -> None:
    """Whoever meets others yields to them; alone again, it is fast again."""
    pacer = Pacer()
    pacer.lost()
    assert (pacer.rate_hz, pacer.tokens) == (12.5, 0.0)
    for _ in range(10):
        pacer.lost()
    assert pacer.rate_hz == RATE_MIN_HZ
    pacer.won()
    assert pacer.rate_hz == RATE_MIN_HZ + 1
    for _ in range(100):
        pacer.won()
    assert pacer.rate_hz == RATE_MAX_HZ


def test_a_debt_of_tokens_is_not_forgiven_by_losing() -> None:
    """Losing never makes a process faster."""
    pacer = Pacer(tokens=-2.0)

    pacer.lost()

    assert pacer.tokens == -2.0


@PURE
@given(
    st.lists(st.tuples(st.floats(-5, 60), st.sampled_from(["lost", "won", ""])), max_size=60)
)
def test_no_wait_is_negative_or_endless(steps: list[tuple[float, str]]) -> None:
    """Whatever the clock does, even going back, a command waits a bounded time."""
    pacer, now_s = Pacer(), 100.0
    for step_s, outcome in steps:
        now_s += step_s
        wait_s = pacer.wait_s(now_s)
        assert 0 <= wait_s <= len(steps) / RATE_MIN_HZ
        assert RATE_MIN_HZ <= pacer.rate_hz <= RATE_MAX_HZ
        assert pacer.tokens <= BURST
        if outcome:
            getattr(pacer, outcome)()
