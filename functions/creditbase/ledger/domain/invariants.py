"""What must hold at every commit, checked on the way to the store, in production too.

A breach is a bug of ours. It is never written: the wallet is parked instead, so that
nothing moves until somebody has looked (promises P01-P05; Kill Bill's "park").
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TypeVar

from creditbase.kernel.money import AMOUNT_NANOS_MAX
from creditbase.ledger.domain.draft import figures_of
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.wallet import INCLUDED, Wallet

K = TypeVar("K")

FLOWS = frozenset({INCLUDED, "granted", "consumed", "expired", "refunded", "shortfall"})
"""Accounts that the wallet keeps no pot for: where credits come from and go to."""


def breach(before: Wallet, after: Wallet, entries: Iterable[Entry]) -> str:
    """Return the first rule that the step from one wallet to the next breaks, or nothing."""
    written = list(entries)
    return (
        _pots(after)
        or _pins(after)
        or _chain(before, after, written)
        or _figures(after, written)
    )


def _pots(wallet: Wallet) -> str:
    if not 0 <= wallet.receivable_nanos <= AMOUNT_NANOS_MAX:
        return "the receivable is out of range"
    total = 0
    for grant in wallet.grants.values():
        if grant.remaining_nanos < 0 or grant.held_nanos < 0:
            return f"grant {grant.grant_id} is below zero"
        calls = (grant.recalled_nanos, grant.pledged_nanos, grant.cutting_nanos)
        if min(calls) < 0 or sum(calls) > grant.held_nanos:
            return f"grant {grant.grant_id} recalls what it does not hold"
        if min(grant.forgone_nanos, grant.redeemed_nanos, grant.cut_nanos) < 0:
            return f"grant {grant.grant_id} remembers less than nothing"
        total += grant.remaining_nanos + grant.held_nanos
    if total > AMOUNT_NANOS_MAX:
        return "the grants exceed what a wallet may hold"
    return ""


def _pins(wallet: Wallet) -> str:
    """Every hold's draws add up, and each source and budget knows what is pinned on it."""
    pinned: defaultdict[tuple[str, datetime | None], int] = defaultdict(int)
    budgeted: defaultdict[tuple[datetime, str], int] = defaultdict(int)
    for hold in wallet.holds.values():
        if sum(draw.amount_nanos for draw in hold.draws) != hold.amount_nanos:
            return f"hold {hold.hold_id} does not add up"
        for draw in hold.draws:
            start_at = hold.window_start_at if draw.source == INCLUDED else None
            pinned[draw.source, start_at] += draw.amount_nanos
        if hold.budget:
            budgeted[hold.window_start_at, hold.budget] += hold.amount_nanos
    counted: defaultdict[tuple[datetime, str], int] = defaultdict(int)
    known: defaultdict[tuple[str, datetime | None], int] = defaultdict(int)
    for grant in wallet.grants.values():
        known[grant.grant_id, None] += grant.held_nanos
    for window in (wallet.window, *wallet.closing):
        known[INCLUDED, window.span.start_at] += window.included_held_nanos
        if window.included_spent_nanos < 0 or window.included_held_nanos < 0:
            return "a window's limit is below zero"
        for name, count in window.budgets.items():
            counted[window.span.start_at, name] = count.held_nanos
            if count.spent_nanos < 0 or count.held_nanos < 0:
                return f"the budget of {name} is below zero"
    if _filled(budgeted) != _filled(counted):
        return "holds and budgets disagree"
    return "" if _filled(pinned) == _filled(known) else "holds and sources disagree"


def _chain(before: Wallet, after: Wallet, entries: list[Entry]) -> str:
    """The entries follow each other without a gap, and say exactly what moved."""
    moved: defaultdict[str, int] = defaultdict(int)
    seq, head, at = before.seq, before.head, before.at
    for entry in entries:
        seq += 1
        if entry.seq != seq or entry.prev != head or entry.at < at:
            return f"entry {entry.entry_id} breaks the chain"
        if sum(entry.postings.values()) != 0:
            return f"entry {entry.entry_id} does not sum to zero"
        for account, nanos in entry.postings.items():
            moved[account] += nanos
        head, at = entry.hash, entry.at
    if (after.seq, after.head) != (seq, head) or after.at < at:
        return "the wallet's head is not its last entry"
    changed: defaultdict[str, int] = defaultdict(int, _remaining(after))
    changed["held"] = after.held_nanos - before.held_nanos
    changed["receivable"] = before.receivable_nanos - after.receivable_nanos
    for account, nanos in _remaining(before).items():
        changed[account] -= nanos
    for account in sorted({*moved, *changed} - FLOWS):
        if moved[account] != changed[account]:
            return f"the entries do not explain what became of {account}"
    return ""


def _figures(after: Wallet, entries: list[Entry]) -> str:
    """The newest entry tells the balance that the wallet has."""
    if not entries:
        return ""
    told, is_now = entries[-1].figures, figures_of(after, after.at)
    names = ("available_nanos", "held_nanos", "receivable_nanos", "balance_nanos")
    if any(getattr(told, name) != getattr(is_now, name) for name in names):
        return f"entry {entries[-1].entry_id} tells another balance than the wallet's"
    return ""


def _filled(nanos_of: Mapping[K, int]) -> dict[K, int]:
    """Return what is not nothing."""
    return {key: nanos for key, nanos in nanos_of.items() if nanos}


def _remaining(wallet: Wallet) -> dict[str, int]:
    return {f"grant:{key}": grant.remaining_nanos for key, grant in wallet.grants.items()}
