"""When unfinished events are tried again: less and less often, for as long as Stripe does."""

from collections import Counter
from datetime import timedelta

from creditbase.kernel.trying import ATTEMPTS_MAX, SHARDS, rest_after, shard_of


def test_rests_grow_to_a_day_and_are_three_days_together() -> None:
    """Whatever lasts a weekend is survived without anybody."""
    rests = [rest_after(attempts) for attempts in range(ATTEMPTS_MAX)]

    assert rests == sorted(rests)
    assert (rests[0], rests[-1]) == (timedelta(minutes=1), timedelta(days=1))
    assert timedelta(days=2.9) < sum(rests, timedelta(0)) < timedelta(days=3)


def test_events_are_spread_over_all_shards() -> None:
    """Due times of a busy minute are not written to one place of the index."""
    found = Counter(shard_of(f"evt_{number}") for number in range(1_600))

    assert set(found) == set(range(SHARDS))
    assert max(found.values()) < 200
