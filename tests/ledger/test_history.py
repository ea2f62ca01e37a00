"""The history of a balance: every move of it once, newest first, whatever is going on."""

from datetime import timedelta
from uuid import uuid4

import pytest

from creditbase.kernel.errors import NotFound
from creditbase.kernel.trying import shard_of
from creditbase.ledger.domain.commands import GrantCredits
from creditbase.ledger.domain.decide import Decision
from creditbase.ledger.history import History, Row, load_history
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_due_crossings
from tests.ledger.builders import NOON
from tests.ledger.wallets import LiveWallet
from tests.wire import Wire

pytestmark = pytest.mark.firestore


@pytest.fixture
def wallet(wire: Wire) -> LiveWallet:
    """Return a wallet that was given 100 and spent 10 five times, with a hold between."""
    del wire
    found = LiveWallet.opened("p", str(uuid4()), nanos=0, now=NOON)
    found.topup("one", 100)
    for number in range(5):
        found.charge(f"c{number}", 10)
    found.hold("held", 20)
    return found


def moves(history: History) -> list[int]:
    """Return by how much each row moved the balance."""
    return [row.after_nanos - row.before_nanos for row in history.rows]


def test_every_move_is_a_row_and_a_hold_is_none(wallet: LiveWallet) -> None:
    """What is only set aside has not been spent: the rows add up to the balance."""
    found = load_history(wallet.ref, limit=10, now=NOON)

    assert moves(found) == [-10, -10, -10, -10, -10, 100]
    assert found.balance_nanos == sum(moves(found)) == 50


@pytest.mark.parametrize("limit", [1, 2, 4, 6, 7])
def test_pages_make_the_whole(wallet: LiveWallet, limit: int) -> None:
    """Whoever turns the pages sees each row once, by offset as by the last row seen."""
    whole = load_history(wallet.ref, limit=100, now=NOON).rows
    by_offset: list[Row] = []
    by_row: list[Row] = []
    below = None
    for offset in range(0, 8, limit):
        by_offset += load_history(wallet.ref, limit=limit, offset=offset, now=NOON).rows
        page = load_history(wallet.ref, limit=limit, below=below, now=NOON).rows
        below = page[-1].entry.row if page else below
        by_row += page

    assert by_offset == list(whole)
    assert by_row[: len(whole)] == list(whole)


def test_what_is_written_meanwhile_moves_no_row_of_the_next_page(wallet: LiveWallet) -> None:
    """A busy customer would else see rows twice, or never."""
    first = load_history(wallet.ref, limit=3, now=NOON).rows
    wallet.charge("meanwhile", 1)

    second = load_history(wallet.ref, limit=9, below=first[-1].entry.row, now=NOON).rows

    numbers = [row.entry.row for row in (*first, *second)]
    assert numbers == [6, 5, 4, 3, 2, 1]


def test_what_time_has_done_is_shown_before_it_is_written(wallet: LiveWallet) -> None:
    """The balance no longer has what lapsed, so the rows must not have it either."""
    ends_at = NOON + timedelta(minutes=5)
    wallet.run(GrantCredits("promo:1", "promo", 7, expires_at=ends_at))

    found = load_history(wallet.ref, limit=2, now=ends_at)

    assert moves(found) == [-7, 7]
    assert found.balance_nanos == 50
    assert moves(load_history(wallet.ref, limit=1, offset=1, now=ends_at)) == [7]
    assert moves(load_history(wallet.ref, limit=1, now=ends_at)) == [-7]


def test_a_page_is_bounded_in_reads(wallet: LiveWallet, wire: Wire) -> None:
    """Page 100 costs what page 1 costs: the wallet, and one query with a limit."""
    for offset in (0, 3):
        wire.reset()
        load_history(wallet.ref, limit=2, offset=offset, now=NOON)
        assert wire.counts == (2, 1, 0)
        assert [rpc.name for rpc in wire.rpcs] == ["BatchGetDocuments", "RunQuery"]


def test_a_wallet_without_rows_has_an_empty_history(wire: Wire) -> None:
    """A customer who never topped up asks for it too; who is nobody's customer may not."""
    del wire
    found = LiveWallet.opened("p", str(uuid4()), nanos=0, now=NOON)

    assert load_history(found.ref, limit=5, now=NOON) == History((), 0)
    assert load_history(found.ref, limit=5, offset=9, now=NOON) == History((), 0)
    with pytest.raises(NotFound):
        load_history(WalletRef("p", str(uuid4())), limit=5, now=NOON)


def test_a_crossing_is_written_in_the_commit_that_crosses(wire: Wire) -> None:
    """Two writes more: for whoever is to do something about it, and for the developer."""
    found = LiveWallet.opened("p", str(uuid4()), nanos=0, now=NOON)
    found.run(GrantCredits("topup:1", "topup", 100, low_nanos=50))
    found.charge("first", 40)
    wire.reset()

    told: Decision = found.charge("second", 40)

    assert [one.balance_nanos for one in told.crossings] == [20]
    assert [one.event_type for one in told.told] == ["billing.balance_low"]
    assert wire.counts == (1, 0, 4)
    due = find_due_crossings(shard=_shard_of(found), now=NOON, limit=50)
    (mine,) = [one for one in due if one.fields["customer_id"] == found.ref.customer_id]
    assert mine.fields["level"] == "low"
    assert mine.fields["below_nanos"] == 50


def _shard_of(wallet: LiveWallet) -> int:
    return shard_of(wallet.ref.crossing("low", 1).rpartition("/")[2])
