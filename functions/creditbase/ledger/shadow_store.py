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
    place = None
    if after is not None:
        place = after[0], WalletRef(project_id, after[1]).wallet
    found = firestore.query(
        f"projects/{project_id}/wallets",
        order_by="shadow_since",
        after=place,
        limit=limit,
        only=["shadow_since"],
    )
    return [
        (wallet_ref_of(it.path), it.fields["shadow_since"])
        for it in found
        if it.fields is not None
    ]
