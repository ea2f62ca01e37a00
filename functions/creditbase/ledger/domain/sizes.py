"""How large a wallet is as a document: Firestore's counting, in bytes.

Source: DESIGN section 4, "Documents": a wallet is bounded at 512 kB encoded, so that a
commit stays far from Firestore's 1 MiB however many holds are open.
"""

from collections.abc import Mapping

from creditbase.ledger.domain.grants import Grant
from creditbase.ledger.domain.wallet import Hold, Metered, Tallies, Wallet

WALLET_BYTES_MAX = 512_000
BASE_BYTES = 4_096
"""Scalars, names, terms and the document's own overhead, generously."""
GRANT_BYTES = 300
HOLD_BYTES = 330
DRAW_BYTES = 90
TALLY_BYTES = 150
WINDOW_BYTES = 170
BUDGET_BYTES = 60
COMPARED_BYTES = 230


def wallet_bytes(wallet: Wallet) -> int:
    """Return an upper bound of the encoded size, cheap enough for every new hold."""
    size = BASE_BYTES + sum(_grant_bytes(grant) for grant in wallet.grants.values())
    size += sum(_hold_bytes(hold) for hold in wallet.holds.values())
    for counted in (wallet.window, *wallet.closing):
        size += WINDOW_BYTES + _tallies_bytes(counted.tallies) + _tallies_bytes(counted.days)
        size += sum(BUDGET_BYTES + len(name.encode()) for name in counted.budgets)
    size += sum(COMPARED_BYTES + len(model.encode()) for model in wallet.today.compared)
    return size + sum(TALLY_BYTES + len(cell.key.encode()) for cell in wallet.today.cells)


def _grant_bytes(grant: Grant) -> int:
    return GRANT_BYTES + 2 * len(grant.grant_id) + len(grant.returned_by or "")


def _hold_bytes(hold: Hold) -> int:
    size = (
        HOLD_BYTES
        + 2 * len(hold.hold_id)
        + len(hold.budget.encode())
        + _metered_bytes(hold.metered)
    )
    return size + sum(DRAW_BYTES + len(draw.source) for draw in hold.draws)


def _metered_bytes(metered: Metered) -> int:
    size = len(metered.model.encode()) + len(metered.provider.encode())
    return size + _value_bytes(metered.quantities) + _value_bytes(metered.pricing)


def _tallies_bytes(tallies: Tallies) -> int:
    return sum(TALLY_BYTES + len(model.encode()) for model in tallies)


def _value_bytes(value: object) -> int:
    if isinstance(value, Mapping):
        return sum(len(name.encode()) + 1 + _value_bytes(part) for name, part in value.items())
    if isinstance(value, list | tuple):
        return sum(_value_bytes(part) for part in value)
    return len(value.encode()) + 1 if isinstance(value, str) else 8
