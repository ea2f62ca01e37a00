"""Buckets and blocks, on a clock of the test's own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.kernel.errors import RateLimited
from creditbase.runtime import limits
from creditbase.runtime.limits import Lockout, LockoutRule, RateBuckets, RateLimit, TooFast
from tests.together import run_all

SECOND = 1_000_000_000
RULE = LockoutRule(failures=3, window_s=300, block_s=900)
TEN = RateLimit(10, "free")


class Clock:
    """Nanoseconds that a test moves."""

    def __init__(self) -> None:
        self.now = 5 * SECOND

    def __call__(self) -> int:
        """Return the time."""
        return self.now

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += int(seconds * SECOND)


@pytest.fixture
def clock() -> Clock:
    """Return a clock."""
    return Clock()


class TestBuckets:
    """A minute's requests at once, then evenly."""

    def test_a_minute_can_be_used_at_once_and_comes_back_evenly(self, clock: Clock) -> None:
        """Ten a minute: ten now, then one every six seconds."""
        buckets = RateBuckets(clock)
        for _ in range(10):
            buckets.take("u", TEN)

        with pytest.raises(TooFast) as refused:
            buckets.take("u", TEN)
        assert (refused.value.retry_after_s, refused.value.plan) == (6, "free")
        clock.wait(5.999)
        with pytest.raises(TooFast) as refused:
            buckets.take("u", TEN)
        assert refused.value.retry_after_s == 1
        clock.wait(0.001)
        buckets.take("u", TEN)

    def test_being_refused_costs_nothing(self, clock: Clock) -> None:
        """Who keeps asking is not kept out for ever."""
        buckets = RateBuckets(clock)
        for _ in range(100):
            try:
                buckets.take("u", TEN)
            except TooFast:
                continue
        clock.wait(6)

        buckets.take("u", TEN)

    @given(st.lists(st.floats(0, 10), min_size=1, max_size=60), st.integers(1, 30))
    def test_no_minute_has_more_than_twice_the_limit(
        self, pauses: list[float], per_minute: int
    ) -> None:
        """A full bucket and its refill: the law of a token bucket."""
        clock = Clock()
        buckets, served = RateBuckets(clock), list[int]()
        for pause in pauses:
            clock.wait(pause)
            try:
                buckets.take("u", RateLimit(per_minute))
            except TooFast:
                continue
            served.append(clock.now)

        for start in served:
            assert len([at for at in served if start <= at < start + 60 * SECOND]) <= (
                2 * per_minute
            )

    def test_as_told_is_early_enough(self, clock: Clock) -> None:
        """After `Retry-After` the next request is served: the promise of the header."""
        buckets, odd = RateBuckets(clock), RateLimit(7)
        for _ in range(7):
            buckets.take("u", odd)
        with pytest.raises(TooFast) as refused:
            buckets.take("u", odd)

        clock.wait(refused.value.retry_after_s)

        buckets.take("u", odd)

    def test_callers_do_not_share_a_bucket(self, clock: Clock) -> None:
        """One customer's loop is not another's outage."""
        buckets = RateBuckets(clock)
        one = RateLimit(1)
        buckets.take("u1", one)

        buckets.take("u2", one)

    def test_threads_do_not_win_extra_requests(self, clock: Clock) -> None:
        """The count is exact inside a process."""
        buckets, served = RateBuckets(clock), list[int]()

        def ask() -> None:
            for number in range(20):
                try:
                    buckets.take("u", TEN)
                except TooFast:
                    continue
                served.append(number)

        run_all([ask] * 4)

        assert len(served) == 10

    def test_what_is_remembered_is_bounded(
        self, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A flood of callers must not fill the memory; the longest unused is forgotten."""
        monkeypatch.setattr(limits, "TRACKED_MAX", 3)
        buckets, one = RateBuckets(clock), RateLimit(1)
        for name in ("a", "b", "c", "d"):
            buckets.take(name, one)

        buckets.take("a", one)
        with pytest.raises(TooFast):
            buckets.take("d", one)


class TestLockout:
    """Three wrong in five minutes: fifteen minutes of silence."""

    def test_the_last_allowed_failure_blocks_and_time_frees(self, clock: Clock) -> None:
        """Exactly as long as the rule says."""
        lockout = Lockout(clock)
        for _ in range(3):
            lockout.check("a")
            lockout.count_failure("a", RULE)

        with pytest.raises(RateLimited) as refused:
            lockout.check("a")
        assert (refused.value.retry_after_s, refused.value.reason) == (900, "IP_RATE_LIMITED")
        lockout.check("b")
        clock.wait(899.999)
        with pytest.raises(RateLimited):
            lockout.check("a")
        clock.wait(0.001)
        lockout.check("a")

    def test_old_failures_are_forgotten(self, clock: Clock) -> None:
        """Two typing errors a day are nobody's attack."""
        lockout = Lockout(clock)
        for _ in range(5):
            lockout.count_failure("a", RULE)
            lockout.check("a")
            clock.wait(150)

    def test_what_is_remembered_is_bounded(
        self, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An attacker with many addresses must not fill the memory."""
        monkeypatch.setattr(limits, "TRACKED_MAX", 2)
        lockout = Lockout(clock)
        for name in ("a", "b", "c"):
            for _ in range(3):
                lockout.count_failure(name, RULE)

        lockout.check("a")
        with pytest.raises(RateLimited):
            lockout.check("c")
