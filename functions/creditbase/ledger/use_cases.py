"""What other rooms ask of the ledger: run a command, read a balance, find what is due."""

import threading
import time
from collections import OrderedDict
from datetime import datetime
from functools import cache

from creditbase.kernel.errors import BillingError, NotFound
from creditbase.ledger.domain.balance import Balance, balance_of
from creditbase.ledger.domain.commands import Command
from creditbase.ledger.domain.decide import Decision
from creditbase.ledger.lane import Lane
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_balance, find_wallet
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
        for ref in list(self._lanes)[: max(0, len(self._lanes) - LANES_MAX)]:
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
    return lanes().run(ref, command, now=now, deadline_s=deadline_s)


def load_balance(ref: WalletRef, *, now: datetime) -> tuple[Balance, bool]:
    """Return the balance and whether the published one served (one read; else one more).

    Raises:
        NotFound: there is no such wallet.
    """
    published = find_balance(ref)
    if published is not None and published.is_fresh(now):
        return published, True
    loaded = find_wallet(ref)
    if loaded is None:
        raise NotFound("Customer not found")
    return balance_of(loaded.wallet, now=now), False
