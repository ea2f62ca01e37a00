"""What other rooms ask of the ledger: run a command, read a balance, find what is due."""

import threading
import time
from collections import OrderedDict
from datetime import datetime
from functools import cache

from creditbase.kernel.errors import BillingError, NotFound
from creditbase.kernel.ids import end_entry_id, late_entry_id, parse_hold_id
from creditbase.ledger.domain.balance import Balance, balance_of
from creditbase.ledger.domain.commands import Command, Tidy
from creditbase.ledger.domain.decide import Decision
from creditbase.ledger.domain.draft import Draft, figures_of
from creditbase.ledger.domain.entries import Entry, Figures
from creditbase.ledger.domain.passing import pass_time, room_nanos
from creditbase.ledger.domain.wallet import Hold
from creditbase.ledger.lane import Lane
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_balance, find_wallet
from creditbase.runtime.rehearsal import is_rehearsing
from creditbase.runtime.settings import settings

LANES_MAX = 5_000
"""Wallets that one process keeps a queue and a snapshot for; the longest unused go first."""


class Lanes:
    """The lanes of this process. A lane in use is never forgotten."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lanes: OrderedDict[WalletRef, Lane] = OrderedDict()

    def run(
        self, ref: WalletRef, command: Command, *, now: datetime, deadline_s: float
    ) -> Decision:
        """Run a command in its wallet's lane and return what it came to."""
        with self._lock:
            lane = self._lanes.get(ref)
            if lane is None:
                lane = self._lanes[ref] = Lane(
                    ref,
                    waiting_max=max(1, settings().threads // 2),
                    publish_interval_s=settings().publish_interval_s,
                )
            self._lanes.move_to_end(ref)
            lane.enter()
            self._forget_idle()
        try:
            outcome = lane.run(command, now=now, deadline_s=deadline_s)
        finally:
            lane.leave()
        if isinstance(outcome, BillingError):
            raise outcome
        return outcome

    def _forget_idle(self) -> None:
        if len(self._lanes) <= LANES_MAX:
            return
        for ref in list(self._lanes)[: len(self._lanes) - LANES_MAX]:
            if self._lanes[ref].is_idle:
                del self._lanes[ref]


@cache
def lanes() -> Lanes:
    """Return this process's lanes. Tests call `cache_clear` to start cold."""
    return Lanes()


def run(ref: WalletRef, command: Command, *, now: datetime) -> Decision:
    """Decide a command on a wallet and make it durable; repeating it is safe.

    Raises:
        BillingError: the refusal, as `ledger.domain.decide` lists them.
        NotFound: there is no such wallet.
        Contention, Unavailable: no definite outcome in time; the same command tells later.
    """
    deadline_s = time.monotonic() + settings().deadline_s
    # In a lane of its own nobody else would commit what is only rehearsed.
    own = Lanes() if is_rehearsing() else lanes()
    return own.run(ref, command, now=now, deadline_s=deadline_s)


def load_balance(
    ref: WalletRef, *, now: datetime, published: Balance | None = None
) -> tuple[Balance, bool]:
    """Return the balance and whether the published one served (one read; else one more).

    `published` is what the caller has just read of it; it is read now if there is none.

    Raises:
        NotFound: there is no such wallet.
    """
    published = published or find_balance(ref)
    if published is not None and published.is_fresh(now):
        return published, True
    loaded = find_wallet(ref)
    if loaded is None:
        raise NotFound("Customer not found")
    return balance_of(loaded.wallet, now=now), False


def has_room(ref: WalletRef, amount_nanos: int) -> bool:
    """Return whether a wallet may hold so much more; one that is not there yet may."""
    loaded = find_wallet(ref)
    return loaded is None or amount_nanos <= room_nanos(loaded.wallet)


def sync_balance(ref: WalletRef, *, now: datetime) -> Balance:
    """Work the balance out from the wallet itself and publish it, settled.

    A commit conditioned on the wallet: no charge slips in between unseen.

    Raises:
        NotFound: there is no such wallet.
        Contention, Unavailable: not done; safe to repeat.
    """
    wallet = run(ref, Tidy(settles=True), now=now).wallet
    return balance_of(wallet, now=wallet.at, is_settled=True)


def load_hold(ref: WalletRef, hold_id: str, *, now: datetime) -> tuple[Hold | Entry, Figures]:
    """Return an open hold, or the entry that ended it, as it stands at `now`; one RPC.

    A hold whose time is over counts as expired, whether or not that was written yet.

    Raises:
        NotFound: there is no such hold in this wallet.
    """
    reference = parse_hold_id(hold_id)
    assert reference is not None
    end_id, late_id = end_entry_id(hold_id), late_entry_id(hold_id)
    loaded = find_wallet(ref, [end_id, late_id])
    if loaded is None:
        raise NotFound("Hold not found")
    draft = Draft(loaded.wallet, max(now, loaded.wallet.at))
    pass_time(draft)
    figures = figures_of(draft.wallet, draft.at)
    hold = draft.wallet.holds.get(hold_id)
    if hold is not None:
        return hold, figures
    just_ended = {entry.entry_id: entry for entry in draft.entries}
    ended = loaded.known[late_id] or just_ended.get(end_id) or loaded.known[end_id]
    if ended is None:
        raise NotFound("Hold not found")
    return ended, figures
