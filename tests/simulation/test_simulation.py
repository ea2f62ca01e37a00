"""Whatever the network, the processes and the clocks do: exact, once, and answered in the end.

The real decisions and use cases run on a simulated store with simulated clients, jobs and
faults; an auditor that knows only what clients wanted and were told looks at every commit.
One seed is one run: `CREDITBASE_SOAK_SEEDS=17:18 pytest -m soak tests/simulation` repeats one.
"""

import gc
import logging
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from creditbase.ledger import batch, lane, store
from creditbase.ledger.domain import decide, settling
from creditbase.metering import use_cases as metering
from creditbase.payments import granting, stripe_gateway, undoing
from tests import figures
from tests.seeded import seeded_bug
from tests.simulation.couriers import WEBHOOK_FAULTS
from tests.simulation.merchant import STRIPE_FAULTS, STRIPE_KILLS
from tests.simulation.network import COMMIT_FAULTS, KILLS, READ_FAULTS, Weather
from tests.simulation.scheduler import Stuck
from tests.simulation.shopping import LIVES
from tests.simulation.world import ERRANDS_IN_A_THOUSAND, STORMY, World

SEEDS_VARIABLE = "CREDITBASE_SOAK_SEEDS"
OPERATIONS = 2_000
GROUPS = 20
SEEDS_IN_A_GROUP = 5
"""So many in every `make test`, by all workers together; as many as fit in `make soak`."""
GROUP_TIMEOUT_S = 900
"""The workers share the machine with the emulator and each other."""
ERRANDS_OFTEN = 300
"""In a thousand, where it is customers' lives at Stripe that are looked at."""
HURRICANE = Weather(commit=250, read=100, kill=4)
"""For bugs to be found soon: every fourth commit goes wrong."""

FAULTS = frozenset(
    {
        *COMMIT_FAULTS,
        *READ_FAULTS,
        *KILLS,
        *("commit late, and made", "commit too late", "frozen", "clock wrong", "clock leapt"),
        *("job", "twins", "repeated", "gave up"),
    }
)
"""What must have gone wrong in every group."""
FAULTS_AT_STRIPE = frozenset({*STRIPE_FAULTS, *STRIPE_KILLS, *WEBHOOK_FAULTS})
SELDOM = frozenset(
    {
        *("downgraded at the end", "downgraded at once", "subscribed twice", "refund failed"),
        *("renewed", "renewal failed", "charged by itself", "charged in vain"),
    }
)
"""What takes a coincidence in customers' lives: the figures of a run tell how often it was."""


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    """Let the product say nothing of what is meant to go wrong."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def live(
    seed: int, operations: int = OPERATIONS, weather: Weather = STORMY, errands: int = 0
) -> Counter[str]:
    """Live through a seed and return what happened in it."""
    errands = errands or ERRANDS_IN_A_THOUSAND
    # A world is left behind whole: to look for what is left of it meanwhile only takes time.
    gc.disable()
    world = World(seed, operations, weather=weather, errands_in_a_thousand=errands)
    try:
        world.run()
    except BaseException as failure:
        failure.add_note(f"seed {seed}, after {world.begun} operations")
        raise
    finally:
        gc.enable()
    assert world.begun == operations
    return world.happened()


def live_through(seeds: range, **world: Any) -> Counter[str]:
    """Live through seeds one after another, and return what happened in them all."""
    happened: Counter[str] = Counter()
    for seed in seeds:
        happened.update(live(seed, **world))
    return happened


def publish(happened: Counter[str], operations: int, seeds: range) -> None:
    """Add what was lived through to the figures of the run."""
    figures.count("T1 operations", operations, seed=f"{seeds.start}:{seeds.stop}")
    for kind, times in happened.items():
        figures.count(f"T1 {kind}", times)


@pytest.mark.timeout(GROUP_TIMEOUT_S)
@pytest.mark.parametrize("group", range(GROUPS))
def test_every_deed_is_done_once_or_not_at_all(group: int) -> None:
    """Ten thousand operations under faults; each kind of fault really occurred."""
    first = group * SEEDS_IN_A_GROUP
    seeds = range(first, first + SEEDS_IN_A_GROUP)

    happened = live_through(seeds)

    publish(happened, OPERATIONS * SEEDS_IN_A_GROUP, seeds)
    assert not FAULTS - happened.keys()


@pytest.mark.soak
@pytest.mark.timeout(GROUP_TIMEOUT_S)
def test_what_was_paid_is_what_was_given() -> None:
    """Lives at Stripe, end to end, under faults; each thing that customers do was done."""
    seeds = range(10_000, 10_004)

    happened = live_through(seeds, operations=800, errands=ERRANDS_OFTEN)

    publish(happened, 800 * len(seeds), seeds)
    assert not (LIVES - SELDOM) - happened.keys()
    assert not FAULTS_AT_STRIPE - happened.keys()


@pytest.mark.soak
@pytest.mark.timeout(4 * GROUP_TIMEOUT_S)
@pytest.mark.parametrize("half", [0, 1])
def test_as_many_seeds_as_are_asked_for(half: int) -> None:
    """For `make soak`: seeds that were never lived through before, for two workers."""
    first, last = map(int, os.environ.get(SEEDS_VARIABLE, "1000:1100").split(":"))
    seeds = range(first + half, last, 2)

    happened = live_through(seeds)

    publish(happened, OPERATIONS * len(seeds), seeds)
    assert len(seeds) < SEEDS_IN_A_GROUP or not FAULTS - happened.keys()


def test_the_same_seed_is_the_same_run() -> None:
    """To the last fault: what a seed has shown once, it shows again."""
    first, second = World(7, 300), World(7, 300)

    first.run()
    second.run()

    assert first.network.faults == second.network.faults
    assert first.scheduler.turns == second.scheduler.turns
    assert [i.told for i in first.auditor.intents] == [i.told for i in second.auditor.intents]


BUGS: dict[str, tuple[Callable[..., Any], str, str]] = {
    "a lost reply taken for a commit": (
        lane.Lane._commit,
        "except (Lost, Ambiguous) as lost:",
        (
            "except Ambiguous:\n"
            "            self._answer(batch, decided)\n"
            "            return\n"
            "        except Lost as lost:"
        ),
    ),
    "keys that are not looked up": (
        lane.Lane._read,
        "find_wallet(self._ref, list(guards))",
        "find_wallet(self._ref, [])",
    ),
    "a wallet written unconditionally": (
        store.writes_for,
        "Update(ref.wallet, changes, version)",
        "Update(ref.wallet, changes, firestore.get_all([ref.wallet])[0].version or version)",
    ),
    "a twin in the same batch": (
        batch.decide_batch,
        "known.update({entry.entry_id: entry for entry in decision.entries})",
        "pass",
    ),
    "an answer before the commit": (
        lane.Lane._commit,
        "version = commit(writes)",
        "self._answer(batch, decided)\n            version = commit(writes)",
    ),
    "a key with the time in it": (
        metering.charge,
        "entry_id = operation_entry_id(request.key)",
        "entry_id = operation_entry_id(f'{request.key} {request.now}')",
    ),
    "a balance that says it is settled": (
        batch.writes_of,
        "writes.append(publication(ref, after, is_settled=settles))",
        "writes.append(publication(ref, after, is_settled=True))",
    ),
    "a late capture that forgets what expiry took": (
        settling.capture_late,
        "rest_nanos = max(0, amount_nanos - already_nanos)",
        "rest_nanos = amount_nanos + 1",
    ),
    "a hold that ends twice": (
        decide._prior,
        "return _prior_end(known, command)",
        "return None",
    ),
}


BUGS_AT_STRIPE: dict[str, tuple[Callable[..., Any], str, str]] = {
    "a grant by the clock": (
        granting.grant_payment,
        "entry_id=payment.grant_id",
        "entry_id=f'{payment.grant_id}:{now}'",
    ),
    "a customer for every try": (
        stripe_gateway.create_customer,
        'key = f"customer:{customer_id}"',
        'key = f"customer:{customer_id}:{id(named)}"',
    ),
    "an event that nobody signed": (
        stripe_gateway.verify_event,
        "if not any(_is_signed(raw, signature, secret) for secret in secrets):",
        "if not secrets:",
    ),
    "disputes that take nothing": (
        undoing._target,
        "back_cents = returned.refunded_cents + returned.disputed_cents",
        "back_cents = returned.refunded_cents",
    ),
    "a refund taken once more": (
        undoing._target,
        "part=back_cents",
        "part=back_cents + 1",
    ),
}


RARE_BUGS: dict[str, tuple[Callable[..., Any], str, str]] = {
    "a refusal from what was remembered": (
        lane.Lane._commit,
        "if (decided.has_refusals or decided.broken) and loaded is warm:",
        "if decided.broken and loaded is warm:",
    ),
}
"""What takes a coincidence to show: found by the soak."""


@pytest.mark.parametrize("name", BUGS)
def test_a_seeded_bug_is_found(name: str) -> None:
    """The net has teeth: each of these bugs ends some run of the first seeds."""
    function, good, bad = BUGS[name]

    with seeded_bug(function, good, bad), pytest.raises((AssertionError, Stuck)):
        live_through(range(10), operations=500, weather=HURRICANE)


@pytest.mark.soak
@pytest.mark.parametrize("name", BUGS_AT_STRIPE)
def test_a_seeded_bug_about_money_is_found(name: str) -> None:
    """Also those that only who knows what Stripe was paid can see."""
    function, good, bad = BUGS_AT_STRIPE[name]

    with seeded_bug(function, good, bad), pytest.raises((AssertionError, Stuck)):
        live_through(range(10), operations=250, weather=HURRICANE, errands=2 * ERRANDS_OFTEN)


@pytest.mark.soak
@pytest.mark.parametrize("name", RARE_BUGS)
def test_a_rare_bug_is_found_in_the_end(name: str) -> None:
    """A seed has found it once; as many as it takes do so again."""
    function, good, bad = RARE_BUGS[name]

    with seeded_bug(function, good, bad), pytest.raises((AssertionError, Stuck)):
        live_through(range(200), operations=1_000)
