"""Where the ledger keeps its documents. The only module that spells these paths."""

import hashlib
from functools import lru_cache

from creditbase.kernel import trying
from creditbase.kernel.instants import write_exact
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.wallet import WindowCount

SHARDS = trying.SHARDS
"""Over how many values the due-time indexes are spread, so that none is a hot spot."""


@dataclass(frozen=True, slots=True)
class WalletRef:
    """Which wallet: the customer's, in the project."""

    project_id: str
    customer_id: str

    @property
    def wallet_id(self) -> str:
        """Return the id that every entry carries, so that a chain belongs to one wallet."""
        return f"{self.project_id}/{self.customer_id}"

    @property
    def wallet(self) -> str:
        """Return the hot document's path."""
        return f"projects/{self.project_id}/wallets/{self.customer_id}"

    @property
    def balance(self) -> str:
        """Return the published balance's path."""
        return f"projects/{self.project_id}/balances/{self.customer_id}"

    @property
    def shard(self) -> int:
        """Return the shard of the due-time indexes that this wallet belongs to."""
        return _shard_of(self.customer_id)

    def crossing(self, level: str, number: int) -> str:
        """Return the path of what is to be done about a crossing."""
        return f"crossings/{self.customer_id}:{level}:{number}"

    def entry(self, entry_id: str) -> str:
        """Return the path of an entry."""
        return f"{self.wallet}/entries/{entry_id}"

    def day(self, date: str) -> str:
        """Return the path of a closed day."""
        return f"{self.wallet}/usage/{date}"

    def period(self, window: WindowCount) -> str:
        """Return the path of a closed window."""
        return f"{self.wallet}/periods/{write_exact(window.span.start_at)}"


@lru_cache(maxsize=10_000)
def _shard_of(customer_id: str) -> int:
    return hashlib.sha256(customer_id.encode()).digest()[0] % SHARDS


def wallet_ref_of(path: str) -> WalletRef:
    """Return the wallet that a wallet's or a balance's path belongs to."""
    _, project_id, _, customer_id = path.split("/")
    return WalletRef(project_id, customer_id)
