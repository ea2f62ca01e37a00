"""Many wallets of one database, in shards of one's choice."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from creditbase.ledger import use_cases as ledger
from creditbase.ledger.domain.balance import Balance
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_balance
from creditbase.runtime import firestore
from tests.ledger.wallets import LiveWallet
from tests.relay.desk import NOON

PROJECT = str(UUID(int=7))
CREDIT = 1_000_000


@dataclass
class Ward:
    """The wallets that a test made."""

    wallets: list[LiveWallet] = field(default_factory=list)
    broken: set[WalletRef] = field(default_factory=set)

    def wallet(
        self,
        *,
        shard: int | None = None,
        now: datetime = NOON,
        spent: int = 0,
        nanos: int = 10 * CREDIT,
    ) -> LiveWallet:
        """Return a new free wallet, of ten credits if nothing else is said."""
        customer_id = str(uuid4())
        while shard is not None and WalletRef(PROJECT, customer_id).shard != shard:
            customer_id = str(uuid4())
        made = LiveWallet.opened(PROJECT, customer_id, nanos=nanos, now=now)
        self.wallets.append(made)
        if spent:
            made.charge("spent", spent)
        return made

    def park(self, wallet: LiveWallet) -> None:
        """Park a wallet, as a broken rule would."""
        self._edit(wallet, {("state", "parked"): "a rule was broken"})

    def garble(self, wallet: LiveWallet) -> None:
        """Make a wallet that cannot even be read."""
        self._edit(wallet, {("state", "grants"): "no map"})
        self.broken.add(wallet.ref)

    def audit(self) -> None:
        """Recompute every wallet from its entries."""
        for wallet in self.wallets:
            if wallet.ref not in self.broken:
                wallet.audit()

    @staticmethod
    def _edit(wallet: LiveWallet, changes: dict[tuple[str, ...], object]) -> None:
        version = firestore.get_all([wallet.ref.wallet])[0].version
        assert version is not None
        firestore.commit([firestore.Update(wallet.ref.wallet, changes, version)])
        ledger.lanes.cache_clear()


def published(wallet: LiveWallet) -> Balance:
    """Return the published balance."""
    balance = find_balance(wallet.ref)
    assert balance is not None
    return balance


def entry_ids(wallet: LiveWallet) -> list[str]:
    """Return the ids of the wallet's entries in order."""
    return [entry["entry_id"] for entry in wallet.entries()]
