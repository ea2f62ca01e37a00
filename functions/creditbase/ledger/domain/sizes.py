"""How large a wallet is as a document: Firestore's counting, in bytes.

Source: DESIGN section 4, "Documents": a wallet is bounded at 512 kB encoded, so that a
commit stays far from Firestore's 1 MiB however many holds are open.
"""

from collections.abc import Mapping

from creditbase.ledger.domain.wallet import Grant, Hold, Tallies, Wallet

WALLET_BYTES_MAX = 512_000
BASE_BYTES = 4_096
"""Scalars, names, terms and the document's own overhead, generously."""
GRANT_BYTES = 220
HOLD_BYTES = 330
DRAW_BYTES = 90
TALLY_BYTES = 110


def wallet_bytes(wallet: Wallet) -> int:
    """Return an upper bound of the encoded size, cheap enough for every new hold."""
    size = BASE_BYTES + sum(_grant_bytes(grant) for grant in wallet.grants.values())
    size += sum(_hold_bytes(hold) for hold in wallet.holds.values())
    for counted in (wallet.window, *wallet.closing):
        size += _tallies_bytes(counted.tallies)
    return size + _tallies_bytes(wallet.today.tallies)


def _grant_bytes(grant: Grant) -> int:
    return GRANT_BYTES + 2 * len(grant.grant_id)


def _hold_bytes(hold: Hold) -> int:
    size = HOLD_BYTES + 2 * len(hold.hold_id) + len(hold.metered.model.encode())
    size += sum(DRAW_BYTES + len(draw.source) for draw in hold.draws)
    return size + _mapping_bytes(hold.metered.quantities)


def _tallies_bytes(tallies: Tallies) -> int:
    return sum(TALLY_BYTES + len(model.encode()) for model in tallies)


def _mapping_bytes(mapping: Mapping[str, int]) -> int:
    return sum(len(name) + 9 for name in mapping)
