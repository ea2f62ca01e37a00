"""A draft: the wallet while one command is being decided, and what it has led to so far.

The only mutable thing in the core; it lives and dies inside one call of `decide`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from creditbase.kernel.records import changed, dataclass
from creditbase.ledger.domain.cells import Cell
from creditbase.ledger.domain.comparing import compared_with
from creditbase.ledger.domain.entries import Entry, EntryKind, Figures
from creditbase.ledger.domain.grants import Grant
from creditbase.ledger.domain.notes import Crossing, Told
from creditbase.ledger.domain.shadow import SHADOW
from creditbase.ledger.domain.wallet import (
    INCLUDED,
    UNSPECIFIED_MODEL,
    DayCount,
    Draw,
    Hold,
    Metered,
    Tally,
    Wallet,
    WindowCount,
)

SHOWN_KINDS = frozenset({"grant", "refund"})
"""Entries that a customer's history shows even where the balance stays as it was."""

Known = Mapping[str, Entry | None]
"""Entries that were looked for, by id: None means looked for and not there."""


@dataclass(slots=True)
class Draft:
    """A wallet being changed at one instant, with the entries and closed counts it gave."""

    wallet: Wallet
    at: datetime
    entries: list[Entry] = field(default_factory=list)
    closed_days: list[DayCount] = field(default_factory=list)
    closed_windows: list[WindowCount] = field(default_factory=list)
    crossings: list[Crossing] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    must_publish: bool = False

    def change(self, **fields: Any) -> None:
        """Replace fields of the wallet."""
        self.wallet = changed(self.wallet, **fields)

    def write(
        self, kind: EntryKind, entry_id: str, postings: Counter[str], **fields: Any
    ) -> Entry:
        """Append an entry to the chain, with the balance as it stands now."""
        wallet = self.wallet
        figures = figures_of(wallet, self.at)
        is_row = kind in SHOWN_KINDS or figures.balance_nanos != wallet.rowed_nanos
        entry = Entry(
            entry_id=entry_id,
            kind=kind,
            seq=wallet.seq + 1,
            at=self.at,
            wallet_id=wallet.wallet_id,
            prev=wallet.head,
            postings={account: nanos for account, nanos in sorted(postings.items()) if nanos},
            figures=figures,
            row=wallet.rows + 1 if is_row else 0,
            **{"window_start_at": wallet.window.span.start_at, **fields},
        ).sealed(wallet.salt)
        self.entries.append(entry)
        rowed = {"rows": entry.row, "rowed_nanos": figures.balance_nanos} if is_row else {}
        self.change(seq=entry.seq, head=entry.hash, **rowed)
        if SHADOW in entry.cause:
            self._compare(entry)
        return entry

    def _compare(self, entry: Entry) -> None:
        today, told = self.wallet.today, entry.cause[SHADOW]
        compared = compared_with(today.compared, entry.metered.model, told)
        self.change(today=changed(today, compared=compared))

    # ---- sources ---------------------------------------------------------------------------

    def put_grant(self, grant: Grant) -> None:
        """Keep the grant as it now is, or drop it once nothing is left and nothing held."""
        grants = dict(self.wallet.grants)
        if grant.is_kept(self.at):
            grants[grant.grant_id] = grant
        else:
            grants.pop(grant.grant_id, None)
        self.change(grants=grants)

    def plan_draws(self, amount_nanos: int) -> tuple[tuple[Draw, ...], int]:
        """Return what would pay an amount now, in order, and how much nothing would pay.

        The window's limit first, then grants in burn order where the terms let them.
        """
        draws: list[Draw] = []
        missing = amount_nanos
        included = self.wallet.included_remaining_nanos(self.at)
        part = missing if included is None else min(missing, included)
        if part > 0:
            draws.append(Draw(INCLUDED, INCLUDED, part))
            missing -= part
        if missing > 0 and self.wallet.terms.draws_wallet:
            usable = min(missing, self.wallet.available_nanos(self.at))
            missing -= usable
            for grant in self.wallet.live_grants(self.at):
                part = min(usable, grant.remaining_nanos)
                if part == 0:
                    break
                draws.append(Draw(grant.grant_id, grant.kind, part))
                usable -= part
            assert usable == 0
        return tuple(draws), missing

    def take(self, draws: Iterable[Draw], postings: Counter[str], *, for_hold: bool) -> None:
        """Take the draws from their sources; a hold pins them where a charge spends them."""
        for draw in draws:
            postings[account_of(draw)] -= draw.amount_nanos
            if draw.source == INCLUDED:
                window = self.wallet.window
                spent, held = window.included_spent_nanos, window.included_held_nanos
                if for_hold:
                    held += draw.amount_nanos
                else:
                    spent += draw.amount_nanos
                self.change(
                    window=changed(window, included_spent_nanos=spent, included_held_nanos=held)
                )
            else:
                grant = self.wallet.grants[draw.source]
                self.put_grant(
                    changed(
                        grant,
                        remaining_nanos=grant.remaining_nanos - draw.amount_nanos,
                        held_nanos=grant.held_nanos + (draw.amount_nanos if for_hold else 0),
                    )
                )

    # ---- counting --------------------------------------------------------------------------

    def count(
        self,
        metered: Metered,
        amount_nanos: int,
        window_start_at: datetime,
        *,
        received_nanos: int,
    ) -> None:
        """Count one request in its window and in the running day."""
        used = Tally.of(metered, amount_nanos)
        model = metered.model
        cell = Cell(model or UNSPECIFIED_MODEL, metered.provider, self.wallet.terms.plan_code)
        paid = changed(used, received_nanos=received_nanos) if received_nanos else used
        self.change(today=self.wallet.today.plus(cell, paid))
        window = self.window_of(window_start_at)
        self.put_window(window.plus(model, used, self.at))

    def window_of(self, start_at: datetime) -> WindowCount:
        """Return the running window, or the closing one that still has a hold pinned to it."""
        for window in (self.wallet.window, *self.wallet.closing):
            if window.span.start_at == start_at:
                return window
        raise AssertionError("a hold is pinned to a window that is gone")

    def put_window(self, window: WindowCount) -> None:
        """Keep the window as it now is, wherever it stands."""
        if self.wallet.window.span.start_at == window.span.start_at:
            self.change(window=window)
        else:
            self.change(
                closing=tuple(
                    window if known.span.start_at == window.span.start_at else known
                    for known in self.wallet.closing
                )
            )

    def close_windows(self) -> None:
        """Close the past windows that are over and that no open hold is pinned to any more.

        A used one that was left before its end stays: the customer may come back to it.
        """
        pinned = {hold.window_start_at for hold in self.wallet.holds.values()}
        kept: list[WindowCount] = []
        for window in self.wallet.closing:
            may_resume = window.is_used and self.at < window.span.end_at
            if may_resume or window.span.start_at in pinned:
                kept.append(window)
            elif window.is_used:
                self.closed_windows.append(window)
        if len(kept) < len(self.wallet.closing):
            self.change(closing=tuple(kept))

    def drop_hold(self, hold: Hold) -> None:
        """Take a hold out of the wallet. The end of the last one is published."""
        holds = dict(self.wallet.holds)
        del holds[hold.hold_id]
        self.change(holds=holds)
        self.must_publish = self.must_publish or not holds


def received_for(grants: Mapping[str, Grant], draws: Iterable[Draw]) -> int:
    """Return what was paid in money for the credits of the draws, rounded down for each.

    Nothing for credits that were given away. A tier's limit is taken at its face: its price
    pays for a span of time, not for an amount.
    """
    return sum(
        draw.amount_nanos
        if draw.source == INCLUDED
        else grants[draw.source].received_nanos(draw.amount_nanos)
        for draw in draws
        if draw.source == INCLUDED or draw.source in grants
    )


def account_of(draw: Draw) -> str:
    """Return the account of the postings that a draw moves."""
    return INCLUDED if draw.source == INCLUDED else f"grant:{draw.source}"


def merged_with_alike(draft: Draft, grant: Grant) -> Grant:
    """Return the grant that new credits become a part of: one that is alike, if not bought."""
    if grant.is_paid:
        return grant
    for known in draft.wallet.grants.values():
        if known.aside_nanos is None and (known.kind, known.priority, known.expires_at) == (
            grant.kind,
            grant.priority,
            grant.expires_at,
        ):
            return changed(
                known,
                granted_nanos=known.granted_nanos + grant.granted_nanos,
                remaining_nanos=known.remaining_nanos + grant.remaining_nanos,
            )
    return grant


def by_grant(name: str, nanos_of: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """Return what a cause says under a name, by grant; nothing where there is none of it."""
    found = {grant_id: nanos for grant_id, nanos in nanos_of.items() if nanos}
    return {name: found} if found else {}


def figures_of(wallet: Wallet, at: datetime) -> Figures:
    """Return the balance as an entry and an answer show it."""
    available_nanos = wallet.available_nanos(at)
    return Figures(
        available_nanos=available_nanos,
        held_nanos=wallet.held_nanos,
        receivable_nanos=wallet.receivable_nanos,
        included_remaining_nanos=wallet.included_remaining_nanos(at),
        balance_nanos=available_nanos + wallet.pinned_nanos,
    )
