"""The simulation of processes that share a hot wallet, with the product's own pacer."""

import pytest

from creditbase.ledger.lane import ATTEMPTS_MAX
from creditbase.ledger.pacing import Pacer
from dev.bench import hot
from dev.bench.targets import HOT_P99_MS


@pytest.mark.parametrize(("count", "weight"), [(2, "heavy"), (4, "heavy"), (8, "light")])
def test_nobody_starves_by_the_products_pacing(count: int, weight: str) -> None:
    """Each process gets on, nobody gives up, and every caller hears within its deadline."""
    found = hot.shared(Pacer, count, hot.PER_COMMAND_S[weight], 1)

    assert found["least"] > 0
    assert found["attempts"] <= ATTEMPTS_MAX
    assert found["p99_ms"] < HOT_P99_MS


def test_without_gaps_one_takes_it_all() -> None:
    """The simulation shows what it is for, also of a rate that is halved at each loss."""
    for policy in (hot.Greedy, hot.Halving):
        assert hot.shared(policy, 4, hot.PER_COMMAND_S["heavy"], 1)["least"] == 0


def test_who_is_alone_loses_no_race() -> None:
    """An owner, and slices: there is nobody to lose to."""
    for alone in (hot.owned, hot.split):
        assert alone(2, hot.PER_COMMAND_S["light"], 1)["lost_percent"] == 0
