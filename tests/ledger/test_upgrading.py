"""What the form before this one has written is read, charged and proved as it stands.

`before_seals.json` are the documents of one wallet as the last code without seals (ADR 0034)
left them in the emulator: free and bought credits, a charge on each of two days, a hold
that was captured, and one that is open.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from creditbase.admin.verifying import prove_whole
from creditbase.ledger.domain.proof.reading import Broken
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import lanes
from creditbase.runtime.firestore import Create, commit
from tests import clearing
from tests.ledger.wallets import LiveWallet

WRITTEN = Path(__file__).parent / "before_seals.json"
LEFT_AT = datetime(2026, 11, 2, 12, tzinfo=UTC)
NANOS = 500_000_000 + 2_000_000_000 - 120_000_000 - 30_000_000 - 7

pytestmark = pytest.mark.firestore


def read(kept: Any) -> Any:
    """Return a value of the file as Firestore has it."""
    match kept:
        case {"$at": text}:
            return datetime.fromisoformat(text)
        case dict():
            return {name: read(value) for name, value in kept.items()}
        case list():
            return [read(value) for value in kept]
    return kept


def restored(
    host: str, project: str, changed: dict[str, dict[str, Any]] | None = None
) -> LiveWallet:
    """Let a store have these documents alone, some of them changed; return their wallet."""
    clearing.empty(host, project)
    clearing.forget()
    changed = changed or {}
    documents = {path: read(fields) for path, fields in json.loads(WRITTEN.read_text()).items()}
    commit([Create(path, {**it, **changed.get(path, {})}) for path, it in documents.items()])
    wallets = [WalletRef(*path.split("/")[1::2]) for path in documents if path.count("/") == 3]
    lanes.cache_clear()
    return LiveWallet(wallets[0], LEFT_AT + timedelta(minutes=1))


@pytest.fixture
def wallet(firestore_host: str, project: str) -> LiveWallet:
    """Return the wallet as the form before has left it."""
    return restored(firestore_host, project)


def test_the_file_is_of_the_form_before() -> None:
    """Written anew by today's code, it would prove nothing."""
    assert '"seal"' not in WRITTEN.read_text()
    assert '"salt"' not in WRITTEN.read_text()


def test_it_is_charged_and_proved_and_no_old_entry_is_rewritten(wallet: LiveWallet) -> None:
    """The chain goes on from an old entry in the new form; the open hold ends, too."""
    before = wallet.entries()
    assert prove_whole(wallet.ref)[1] == len(before)

    wallet.charge("paid after", 11)
    wallet.capture("open hold", 9_000_000)
    wallet.hold("after", 5)
    wallet.void("after")
    wallet.later(days=1).charge("a day after", 13)

    entries = wallet.entries()
    assert entries[: len(before)] == before
    assert len(entries) == len(before) + 5
    assert all("seal" not in entry for entry in before)
    assert all(entry["seal"] for entry in entries[len(before) :])
    assert wallet.available() == NANOS - 11 - 9_000_000 - 13
    assert prove_whole(wallet.ref)[1] == len(entries)
    wallet.audit()


def test_what_was_answered_before_is_answered_again(wallet: LiveWallet) -> None:
    """A key that was used with the release before is used: nothing moves."""
    before = wallet.entries(), wallet.available()

    wallet.charge("paid before", 120_000_000)
    wallet.capture("ended before", 30_000_000)
    wallet.topup("pi_before", 2_000_000_000)

    assert (wallet.entries(), wallet.available()) == before


def test_an_old_entry_that_was_changed_does_not_hold(firestore_host: str, project: str) -> None:
    """The proof of an old part is no formality."""
    paths = json.loads(WRITTEN.read_text())
    entry = next(path for path in paths if path.endswith("/entries/free:0"))
    wallet = restored(firestore_host, project, {entry: {"amount_nanos": 1}})

    with pytest.raises(Broken):
        prove_whole(wallet.ref)
