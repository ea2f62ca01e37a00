"""What was used of a window that was left: it is asked for when its money is given back."""

from datetime import timedelta

import pytest

from creditbase.kernel.errors import NotFound
from creditbase.kernel.windows import Window
from creditbase.ledger.domain.commands import ChangeTerms, Tidy
from creditbase.ledger.domain.wallet import Terms
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import load_left_window
from tests.ledger.conftest import NOON
from tests.ledger.wallets import LiveWallet

pytestmark = pytest.mark.firestore

HOUR, MONTH = timedelta(hours=1), timedelta(days=30)
FIRST, SECOND = Window(NOON, NOON + MONTH), Window(NOON + HOUR, NOON + HOUR + MONTH)


def on(origin: str) -> Terms:
    """Return terms with a limit of ten nanos."""
    return Terms("tier", window="period", included="limited", limit_nanos=10, origin=origin)


def test_a_window_is_found_wherever_it_is_kept(wallet: LiveWallet) -> None:
    """Not while it runs; then in the wallet, where held work counts; then by itself."""
    wallet.run(ChangeTerms(on("one"), FIRST))
    wallet.charge("spent", 4)
    wallet.hold("held", 3)
    terms, running = load_left_window(wallet.ref, FIRST)
    assert (terms.origin, running) == ("one", None)

    later = wallet.later(minutes=5)
    later.run(ChangeTerms(on("two"), SECOND))
    later.charge("elsewhere", 9)
    terms, left = load_left_window(wallet.ref, FIRST)
    assert left is not None
    assert (terms.origin, left.included_spent_nanos, left.included_held_nanos) == ("two", 4, 3)

    wallet.later(days=31).run(Tidy())
    _, closed = load_left_window(wallet.ref, FIRST)
    assert closed is not None
    assert (closed.included_spent_nanos, closed.included_held_nanos) == (4, 0)


def test_a_window_in_which_nothing_was_counted_is_nowhere(wallet: LiveWallet) -> None:
    """Nor is one of a wallet that there is not."""
    wallet.run(ChangeTerms(on("one"), FIRST))
    wallet.later(minutes=5).run(ChangeTerms(on("two"), SECOND))

    assert load_left_window(wallet.ref, FIRST)[1] is None
    with pytest.raises(NotFound):
        load_left_window(WalletRef(wallet.ref.project_id, "nobody"), FIRST)
