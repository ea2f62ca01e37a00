"""A batch: several commands of one wallet decided together, each with its own answer."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from creditbase.kernel.errors import (
    BillingError,
    Forbidden,
    IdempotencyConflict,
    PaymentRequired,
)
from creditbase.ledger import batch
from creditbase.ledger.batch import DecidedBatch, decide_batch
from creditbase.ledger.domain.commands import Command, Tidy
from creditbase.ledger.domain.decide import Decision
from creditbase.ledger.domain.wallet import Published, Wallet
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import Loaded
from creditbase.runtime.firestore import Create, Put, Update, Write
from tests.ledger.builders import (
    CUSTOMER,
    DAY,
    FREE,
    NOON,
    Story,
    a_capture,
    a_charge,
    a_hold,
    a_story,
    hold_id_of,
)

REF = WalletRef("project", CUSTOMER)
VERSION = NOON - timedelta(seconds=1)
PUBLISH_INTERVAL_S = 5


def decided(story: Story, *commands: Command, now: datetime = NOON) -> DecidedBatch:
    """Decide the commands together, with nothing known but the wallet."""
    loaded = Loaded(story.wallet, VERSION, {})
    return decide_batch(loaded, [(command, now) for command in commands])


def written(done: DecidedBatch) -> tuple[Wallet, list[Write]]:
    """Return the wallet after the batch, and the writes of its commit."""
    return batch.writes_of(REF, done, VERSION, publish_interval_s=PUBLISH_INTERVAL_S)


def refusals(done: DecidedBatch) -> list[type[BillingError] | None]:
    """Return the class of each refusal, None where the command was accepted."""
    return [type(o) if isinstance(o, BillingError) else None for o in done.outcomes]


def test_commands_are_decided_in_order_each_on_what_the_others_left() -> None:
    """Two hundred at once on a balance for fifty: exactly fifty (P29)."""
    done = decided(a_story(a=50), *(a_charge(1, f"k{n}") for n in range(200)))

    assert refusals(done) == [None] * 50 + [PaymentRequired] * 150
    assert len(done.accepted) == 50
    assert done.has_refusals
    assert done.broken == ""
    assert done.after.seq == done.before.seq + 50


def test_a_refusal_harms_no_other() -> None:
    """Who asks for too much is refused alone."""
    done = decided(a_story(a=50), a_charge(30, "1"), a_charge(30, "2"), a_charge(20, "3"))

    assert refusals(done) == [None, PaymentRequired, None]
    assert done.after.grants == {}


def test_the_same_key_twice_is_once() -> None:
    """Twins in flight: the second gets the first one's answer; another body is refused."""
    done = decided(
        a_story(a=50),
        a_charge(10, "k"),
        a_charge(10, "k"),
        a_charge(11, "k"),
        a_hold(5, "h"),
        a_capture(hold_id_of("h"), 5),
        a_capture(hold_id_of("h"), 5),
    )

    first, second = done.outcomes[0], done.outcomes[1]
    assert isinstance(first, Decision)
    assert isinstance(second, Decision)
    assert (first.is_replay, second.is_replay) == (False, True)
    assert second.entry == first.entry
    assert refusals(done) == [None, None, IdempotencyConflict, None, None, None]
    assert len(done.accepted) == 3
    assert done.after.grants["a"].remaining_nanos == 35


@pytest.mark.parametrize("count", [1, 2, 7])
def test_n_commands_are_one_wallet_write_and_n_entries(count: int) -> None:
    """The cost table of the design: n + 1 writes, and one precondition."""
    done = decided(a_story(a=50), *(a_charge(1, f"k{n}") for n in range(count)))
    done = replace(done, before=replace(done.before, published=Published(NOON)))
    done = replace(done, after=replace(done.after, published=Published(NOON)))

    after, writes = written(done)

    assert after.commits == done.before.commits + 1
    assert [type(write) for write in writes] == [Update, *[Create] * count]
    update = writes[0]
    assert isinstance(update, Update)
    assert update.unless_changed_since == VERSION
    assert update.changes["state", "commits"] == after.commits


@pytest.mark.parametrize(
    ("published", "wait_s", "is_published"),
    [
        (Published(NOON), 4, False),
        (Published(NOON), 5, True),
        (Published(NOON, is_settled=True), 0, True),
    ],
)
def test_a_charge_publishes_when_the_last_time_was_long_ago_or_settled(
    published: Published, wait_s: int, is_published: bool
) -> None:
    """The page follows within seconds, and a settled balance is never left standing."""
    story = a_story(a=50)
    story.wallet = replace(story.wallet, published=published)
    now = NOON + timedelta(seconds=wait_s)

    after, writes = written(decided(story, a_charge(1, "k"), now=now))

    assert [write for write in writes if isinstance(write, Put)] == writes[2:]
    assert len(writes) == (3 if is_published else 2)
    assert after.published == (Published(now) if is_published else published)


def test_what_asks_to_be_seen_is_published_in_the_same_commit() -> None:
    """A grant, a turn of the window, the last hold's end: shown with their own commit."""
    story = a_story(FREE)
    story.wallet = replace(story.wallet, published=Published(NOON))
    now = story.wallet.window.span.end_at

    after, writes = written(decided(story, a_charge(1, "k"), now=now))

    kinds = [type(write) for write in writes]
    # the wallet; the lapse, the grant and the charge; the balance
    assert kinds == [Update, Create, Create, Create, Put]
    assert after.published == Published(now)


def test_closed_days_and_windows_are_documents_of_the_same_commit() -> None:
    """They leave the wallet and arrive in their documents, or neither."""
    story = a_story(FREE)
    story.charge(1)
    now = story.wallet.window.span.end_at + DAY

    _, writes = written(decided(story, a_charge(1, "k"), a_charge(2, "l"), now=now))

    paths = [write.path for write in writes]
    assert len(paths) == len(set(paths))
    assert sum("/usage/2026-03-10" in path for path in paths) == 1
    assert sum("/periods/" in path for path in paths) == 1


@pytest.mark.parametrize(
    ("commands", "settles"),
    [
        ([Tidy(settles=True)], True),
        ([Tidy(settles=True), a_charge(1, "k")], False),
        ([Tidy()], False),
        ([Tidy(settles=True), Tidy(settles=True)], True),
    ],
)
def test_a_balance_is_settled_only_where_nothing_else_was_in_the_commit(
    commands: list[Command], settles: bool
) -> None:
    """A settled balance is served without asking, so it must be the last word."""
    after, writes = written(decided(a_story(a=50), *commands))

    (put,) = [write for write in writes if isinstance(write, Put)]
    assert put.fields["is_settled"] is after.published.is_settled is settles


# ---- what is not a decision ----------------------------------------------------------------


def test_a_broken_rule_parks_the_wallet_and_writes_nothing_else() -> None:
    """Money stays where it was before the bug."""
    story = a_story(a=50)
    story.wallet = replace(story.wallet, receivable_nanos=-1)

    done = decided(story, a_charge(1, "k"))
    after, writes = batch.writes_to_park(REF, done.before, VERSION, done.broken)

    assert done.broken == "the receivable is out of range"
    assert after == replace(done.before, commits=done.before.commits + 1, parked=done.broken)
    (update,) = writes
    assert isinstance(update, Update)
    assert set(update.changes) == {("state", "commits"), ("state", "parked"), ("parked",)}
    assert isinstance(batch.parked_refusal(), Forbidden)


def test_a_touch_changes_the_version_and_nothing_else() -> None:
    """After it, a commit that may still be on its way can no longer be applied."""
    (update,) = batch.writes_to_touch(REF, a_story(a=50).wallet, VERSION)

    assert isinstance(update, Update)
    assert set(update.changes) == {("state", "commits")}
    assert update.unless_changed_since == VERSION
