"""Which wallets of a project are in shadow mode."""

from datetime import datetime

from creditbase.ledger.paths import WalletRef, wallet_ref_of
from creditbase.runtime import firestore

Place = tuple[datetime, str]
"""Where a page ended: since when the last customer was in the mode, and its id."""


def find_shadowed(
    project_id: str, *, after: Place | None, limit: int
) -> list[tuple[WalletRef, datetime]]:
    """Return wallets that are in shadow mode, the longest first, since when; one query."""
    collection = f"projects/{project_id}/wallets"
    found = firestore.query(
        collection,
        order_by="shadow_since",
        after=None if after is None else (after[0], f"{collection}/{after[1]}"),
        limit=limit,
        only=["shadow_since"],
    )
    return [
        (wallet_ref_of(it.path), it.fields["shadow_since"])
        for it in found
        if it.fields is not None
    ]
