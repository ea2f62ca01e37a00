"""Whatever order events arrive in, and whichever of them arrives twice, the end is the same.

Promise P14, for each of the lives of `lives`. Here in process, and every order there is; over
HTTP in `test_schedules`.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from math import factorial

import pytest

from creditbase.accounts.use_cases import HUB_PROJECT_ID, ensure_project
from creditbase.catalog.models import read_catalog
from creditbase.catalog.use_cases import push_catalog, shared_cache
from creditbase.runtime.firestore import Delete, commit, query
from creditbase.subscriptions.use_cases import first_touch
from dev.layout import ROOT
from tests import figures
from tests.payments.lives import LIVES, Life
from tests.payments.orders import AGAIN, TWIN, Graph, graph_of
from tests.simulation.straight import straight
from tests.wire import Wire

BEGINS_AT = datetime(2026, 1, 15, 12, tzinfo=UTC)
EMAIL = "ada@example.com"
FINISHED = {"applied", "ignored"}
ON_THE_EMULATOR = (
    "a refund that fails later, after another that did not",
    "two live subscriptions, of which the dearer stays",
)
"""The lives that are also told over the emulator; all are on the store that is held to it."""

TOLD_ALIVE = (
    "a dispute that is won",
    "a downgrade that waits for the end of the period",
    "a trial that becomes a paid plan",
    "two live subscriptions, of which the dearer stays",
)
"""The lives that are told while they happen each time; the others in a soak."""


@pytest.fixture
def on_sale() -> Iterator[Wire]:
    """Return the wire to a new store in memory, with the catalog pushed."""
    with straight("tests.payments") as wire:
        open_shop()
        yield wire


@pytest.fixture
def on_sale_at_the_emulator(wire: Wire) -> Iterator[Wire]:
    """Return the wire, with the catalog pushed, and no card known for a trial."""
    shared_cache().forget()
    open_shop()
    forget_trials()
    yield wire
    forget_trials()


def open_shop() -> None:
    """Put plans and packs on sale."""
    ensure_project("hub", now=BEGINS_AT)
    push_catalog(HUB_PROJECT_ID, read_catalog(ROOT / "catalog.json"))


def forget_trials() -> None:
    """Let every card have its trial again: test cards are few, and shared by all tests."""
    found = query(f"projects/{HUB_PROJECT_ID}/trial_claims", limit=10_000)
    if found:
        commit([Delete(each.path) for each in found])


def graph(life: Life, wire: Wire, *, all_late: bool) -> Graph:
    """Return every order of a life, of a customer who is the same in every run."""
    ref = first_touch(f"{life.name}, late: {all_late}", now=BEGINS_AT, email=EMAIL)
    # A second event about the same change does as much wherever it is told.
    return graph_of(life, ref, wire, begins_at=BEGINS_AT, all_late=all_late, twins=all_late)


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.name)
def test_told_after_all_has_happened(life: Life, on_sale: Wire) -> None:
    """After an outage: all n! orders, and each of them with any one event twice at any place.

    Twice is the same event again, or another event about the same change. What is kept is the
    same to the last field, instants of writing aside; and so are the mails that were written.
    """
    check_told_late(life, graph(life, on_sale, all_late=True))


@pytest.mark.firestore
@pytest.mark.parametrize("name", ON_THE_EMULATOR)
def test_told_late_at_the_emulator(name: str, on_sale_at_the_emulator: Wire) -> None:
    """The same over the real store, for a few: what is in memory decides nothing itself."""
    (life,) = (life for life in LIVES if life.name == name)
    check_told_late(life, graph(life, on_sale_at_the_emulator, all_late=True))


def check_told_late(life: Life, found: Graph) -> None:
    """Demand that every order there is was found, and that all lead to the same."""
    last = found.in_order()
    names = list(life.events(last.moment))
    count, at_first = len(names), len(life.events(found.first.moment))
    # Events that a delivery of ours brings about come after some other one.
    orders = factorial(count) * at_first // count
    assert count >= 5
    assert found.count(0) == orders
    assert found.count(1, AGAIN) == found.count(1, TWIN) == orders * count * (count + 1) // 2
    assert {found.text_of(end) for end in found.ends()} == {found.text_of(last)}
    assert {last.stands(event) for event in life.events(last.moment).values()} <= FINISHED
    backwards = names[:at_first][::-1] + names[at_first:]
    found.relive(backwards)
    figures.count(
        "T1 orders of events, with each single duplicate", told_in(found, AGAIN, TWIN)
    )
    # Orders that meet in the same documents go on as one: so often an event was handled.
    handled = sum(len(ways) for ways in found.next.values())
    figures.count("T1 deliveries that all orders were found by", handled)


def told_in(found: Graph, *twice: str) -> int:
    """Return how many orders there are, with nothing twice or one thing of these kinds."""
    return found.count(0) + sum(found.count(1, kind) for kind in twice)


@pytest.mark.parametrize(
    "life",
    [
        pytest.param(life, marks=() if life.name in TOLD_ALIVE else pytest.mark.soak)
        for life in LIVES
    ],
    ids=lambda life: life.name,
)
def test_told_while_it_happens(life: Life, on_sale: Wire) -> None:
    """Between any two steps any events so far arrive, in any order; the others later or last.

    Credits of a period that was over before anything was told of it were never there, so it
    is what the customer has now that is the same.
    """
    found = graph(life, on_sale, all_late=False)

    last = found.in_order()
    moments = {node.moment.mark for node in found.nodes.values()}
    if len(moments) <= len(life.steps) + 1:  # no delivery of ours changes anything at Stripe
        assert found.count(0) == interleavings(found.sizes())
    assert found.count(1, AGAIN) > found.count(0)
    assert {found.present_of(end) for end in found.ends()} == {found.present_of(last)}


def interleavings(sizes: list[int], untold: int = 0) -> int:
    """Return in how many ways steps that tell so many events can be lived and told."""
    total = sum(interleavings(sizes, untold - 1) for _ in range(untold))
    if sizes:
        total += interleavings(sizes[1:], untold + sizes[0])
    return total or 1


def test_interleavings_are_counted_right() -> None:
    """The figure that the graph is held against, for cases that can be counted by hand."""
    assert interleavings([]) == 1
    assert interleavings([3]) == 6
    # ab: a told before b happens, or after it and then in two orders
    assert interleavings([1, 1]) == 3
