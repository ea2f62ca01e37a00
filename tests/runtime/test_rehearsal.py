"""A rehearsal tells whether something would be changed, and changes nothing."""

from functools import partial
from uuid import uuid4

import pytest

from creditbase.ledger.domain.commands import Tidy
from creditbase.ledger.use_cases import lanes
from creditbase.runtime import firestore
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.firestore import Create
from creditbase.runtime.rehearsal import WouldChange, is_rehearsing, rehearse
from tests.ledger.wallets import LiveWallet
from tests.relay.desk import NOON
from tests.wire import Wire
from tests.wired import _session_wire, wire

__all__ = ["_session_wire", "wire"]
pytestmark = pytest.mark.firestore


def test_what_has_nothing_to_change_tells_what_it_comes_to() -> None:
    """Also what it refuses; and the rehearsal is over when it has."""

    def refuse() -> None:
        assert is_rehearsing()
        raise KeyError

    assert rehearse(lambda: commit_or_retry(lambda: Attempt("same", ()))) == "same"
    with pytest.raises(KeyError):
        rehearse(refuse)
    assert not is_rehearsing()


def test_a_commit_is_stopped_before_it_leaves(wire: Wire) -> None:
    """No loop takes the stop for a failure and tries again."""
    path = f"jobs/{uuid4().hex}"

    with pytest.raises(WouldChange):
        rehearse(lambda: commit_or_retry(lambda: Attempt(None, [Create(path, {"a": 1})])))

    assert wire.commits == 0
    assert not firestore.get_all([path])[0].exists


@pytest.mark.usefixtures("wire")
def test_a_wallets_command_is_stopped_and_the_wallet_works_on() -> None:
    """In a lane of its own: nobody who waits for the wallet commits it by the way."""
    lanes.cache_clear()
    wallet = LiveWallet.opened(str(uuid4()), str(uuid4()), nanos=10, now=NOON)
    wallet.charge("before", 1)

    with pytest.raises(WouldChange):
        rehearse(partial(wallet.charge, "rehearsed", 1))
    with pytest.raises(WouldChange):
        rehearse(partial(wallet.run, Tidy()))
    assert rehearse(partial(wallet.charge, "before", 1)).is_replay

    wallet.charge("after", 1)
    assert wallet.available() == 8
    wallet.audit()
