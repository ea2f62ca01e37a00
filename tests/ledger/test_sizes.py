"""Sizes: the hot document stays far from the store's limit, whatever is in it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbase.kernel.errors import TooManyHolds
from creditbase.ledger.domain.cells import Cell
from creditbase.ledger.domain.commands import MeteredUsage
from creditbase.ledger.domain.grants import Grant
from creditbase.ledger.domain.sizes import WALLET_BYTES_MAX, wallet_bytes
from creditbase.ledger.domain.wallet import COUNT_MAX, Metered, Tally, Wallet, WindowCount
from creditbase.ledger.encoding import write_wallet
from tests.kernel.profiles import STORIES
from tests.ledger.builders import DAY, NOON, FlatRate, Story, a_hold, a_story, hold_id_of

STORE_BYTES_MAX = 1_048_576
LONG = "m" * 100
FULL_TALLY = Tally(1, 2, 3, 4, 5, 6, 7)


def stored_bytes(value: object) -> int:
    """Return what Firestore counts for a value, by its published rules."""
    if isinstance(value, str):
        return len(value.encode()) + 1
    if isinstance(value, Mapping):
        return sum(len(name.encode()) + 1 + stored_bytes(part) for name, part in value.items())
    if isinstance(value, list | tuple):
        return sum(stored_bytes(part) for part in value)
    if value is None or isinstance(value, bool):
        return 1
    assert isinstance(value, int | datetime)
    return 8


@pytest.fixture(scope="module")
def full() -> Story:
    """Return a wallet without room for another hold."""
    story = a_story(a=1000)
    story.do(a_hold(1, "first", ttl_s=86_400, model=LONG))
    story.do(a_hold(0, "second", ttl_s=86_400, model=LONG))
    hold = story.wallet.holds[hold_id_of("second")]
    one = wallet_bytes(story.wallet) - wallet_bytes(
        replace(story.wallet, holds={"first": story.wallet.holds[hold_id_of("first")]})
    )
    room = (WALLET_BYTES_MAX - wallet_bytes(story.wallet)) // one
    ids = [hold_id_of(f"more-{number}") for number in range(room - 1)]
    more = {hold_id: replace(hold, hold_id=hold_id) for hold_id in ids}
    story.wallet = replace(story.wallet, holds={**story.wallet.holds, **more})
    story.do(a_hold(0, "last", ttl_s=86_400, model=LONG))
    return story


def test_a_full_wallet_refuses_another_hold_and_says_when_to_come_back(full: Story) -> None:
    """512 kB is the limit: below it every hold is taken, above it none."""
    size = wallet_bytes(full.wallet)
    assert size <= WALLET_BYTES_MAX

    with pytest.raises(TooManyHolds) as caught:
        full.do(a_hold(0, "one more", ttl_s=86_400, model=LONG))
    assert caught.value.retry_after_s > 0
    assert len(full.wallet.holds) > 500
    assert stored_bytes({"state": write_wallet(full.wallet)}) <= size


def test_a_full_wallet_still_charges_and_ends_holds(full: Story) -> None:
    """Only what makes it grow is refused; the end of a hold makes room."""
    story = Story(full.wallet, full.now, dict(full.entries), keys=1_000)
    story.charge(1)

    story.void(hold_id_of("first"))
    story.void(hold_id_of("second"))

    assert story.do(a_hold(0, "again", ttl_s=86_400, model=LONG)).entry is not None


def test_usage_so_far_needs_room_too(full: Story) -> None:
    """Receipts of running work are kept in the wallet, so they are counted as well."""
    story = Story(full.wallet, full.now, dict(full.entries), keys=2_000)
    hold_id = hold_id_of("first")
    until = NOON + DAY
    usage = {f"pool{n}_tokens": n for n in range(60)}

    with pytest.raises(TooManyHolds):
        story.extend(hold_id, until, MeteredUsage(usage, FlatRate()))
    assert story.extend(hold_id, until).accrued_nanos == 0


NAMES = st.text(min_size=1, max_size=60)
METERED = st.builds(
    Metered,
    model=NAMES,
    provider=st.text(max_size=20),
    quantities=st.dictionaries(NAMES, st.integers(0, 2**53), max_size=6),
    pricing=st.dictionaries(
        NAMES,
        st.one_of(NAMES, st.integers(), st.lists(NAMES, max_size=3), st.none()),
        max_size=4,
    ),
)


@STORIES
@given(st.lists(METERED, max_size=4), st.lists(NAMES, max_size=12, unique=True))
def test_the_size_is_never_below_the_true_one(metered: list[Metered], names: list[str]) -> None:
    """An estimate that is too low would let a document grow beyond what the store takes."""
    wallet = a_story(a=9, b=9).wallet
    story = Story(wallet)
    story.hold(18)
    tallies = dict.fromkeys(names, FULL_TALLY)
    (hold,) = story.wallet.holds.values()
    window = replace(story.wallet.window, tallies=tallies)
    crowded: Wallet = replace(
        story.wallet,
        window=window,
        closing=(window, WindowCount(window.span, None, tallies)),
        today=replace(wallet.today, cells={Cell(it, it, "p"): FULL_TALLY for it in names}),
        holds={str(n): replace(hold, metered=part) for n, part in enumerate(metered)},
        grants={
            name: Grant(name, "adjustment", 50, NOON, NOON, 1, 1, 1, returned_by="r" + name)
            for name in names
            if name.isascii()
        },
    )

    assert stored_bytes({"state": write_wallet(crowded)}) <= wallet_bytes(crowded)


def test_the_limit_leaves_room_for_everything_else() -> None:
    """Counters of all models at their longest still fit beside a wallet full of holds."""
    tallies = {f"{n:03}" + LONG: FULL_TALLY for n in range(201)}
    wallet = a_story().wallet
    window = replace(wallet.window, tallies=tallies)
    cells = {Cell(name, "p" * 60, "c" * 60): it for name, it in tallies.items()}
    today = replace(wallet.today, cells=cells)
    crowded = replace(wallet, window=window, closing=(window,), today=today)

    assert WALLET_BYTES_MAX + wallet_bytes(crowded) < STORE_BYTES_MAX


def test_counters_stop_where_a_reader_would_no_longer_take_them_exactly() -> None:
    """Absurd quantities on free usage must not block the wallet; money is never cut."""
    absurd = Metered("m", cost_nanos=COUNT_MAX, quantities={"requests": COUNT_MAX, "images": 1})
    tally = Tally.of(absurd, 5).joined(Tally.of(absurd, 6))

    assert tally == Tally(requests=COUNT_MAX, amount_nanos=11, cost_nanos=COUNT_MAX, images=2)


def test_a_wallet_of_forty_models_is_some_twelve_kilobytes() -> None:
    """What a busy customer's document has: a month, a day, and both by model."""
    story = a_story(a=10**9)
    for number in range(400):
        name = f"gemini-2.5-flash-{number % 40:02}"
        usage = {"input_tokens": 10**6 + number, "output_tokens": 10**5}
        story.charge(10**5, Metered(name, "google", 10**4, usage))

    kept = stored_bytes({"state": write_wallet(story.wallet)})
    assert len(story.wallet.today.cells) == 40
    assert 10_000 < kept < 13_000
    assert wallet_bytes(story.wallet) < 20_000
