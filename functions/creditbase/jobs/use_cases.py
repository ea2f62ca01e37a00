"""What the scheduled functions do: bounded, resumable, idempotent.

Each looks for what is due in every shard of its index, oldest first, and runs the same
ledger command as anybody would. What fails is logged and left for the next run; what is
done is no longer due, so a killed run is simply continued by the next.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from creditbase.kernel.errors import BillingError
from creditbase.kernel.money import ceil_div
from creditbase.ledger.domain.commands import Tidy
from creditbase.ledger.paths import SHARDS, WalletRef
from creditbase.ledger.store import find_due_balances, find_due_wallets
from creditbase.ledger.use_cases import run

log = logging.getLogger(__name__)

WALLETS_PER_RUN_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did. `is_complete` is False where more may be due than it could take."""

    job: str
    done: int
    failed: int
    is_complete: bool


FindDue = Callable[[int, int], list[WalletRef]]
"""From a shard and a limit to the wallets that are due in it."""


def sync_balances(now: datetime, *, limit: int = WALLETS_PER_RUN_MAX) -> Report:
    """Publish again, settled, every balance that may have become stale."""

    def find(shard: int, most: int) -> list[WalletRef]:
        return find_due_balances(shard=shard, now=now, limit=most)

    return _tidy_due("sync_balances", find, now=now, limit=limit)


def expire_holds(now: datetime, *, limit: int = WALLETS_PER_RUN_MAX) -> Report:
    """End the holds whose time is over, in wallets that nothing else has touched since."""

    def find(shard: int, most: int) -> list[WalletRef]:
        return find_due_wallets("holds_due_at", shard=shard, now=now, limit=most)

    return _tidy_due("expire_holds", find, now=now, limit=limit)


def reset_cycles(now: datetime, *, limit: int = WALLETS_PER_RUN_MAX) -> Report:
    """Turn the free windows that are over and were used. Idle ones are not written."""

    def find(shard: int, most: int) -> list[WalletRef]:
        return find_due_wallets("window_due_at", shard=shard, now=now, limit=most)

    return _tidy_due("reset_cycles", find, now=now, limit=limit)


JOBS: dict[str, Callable[[datetime], Report]] = {
    "sync-balances": sync_balances,
    "expire-holds": expire_holds,
    "reset-cycles": reset_cycles,
}


def run_job(name: str, *, now: datetime) -> Report:
    """Run a job by its name, as the command line and the tests do."""
    return JOBS[name](now)


def _tidy_due(job: str, find: FindDue, *, now: datetime, limit: int) -> Report:
    done = failed = 0
    is_complete = True
    most = ceil_div(limit, SHARDS)
    for shard in range(SHARDS):
        due = find(shard, most)
        is_complete = is_complete and len(due) < most
        for ref in due:
            try:
                run(ref, Tidy(settles=True), now=now)
            except BillingError as refusal:
                failed += 1
                log.warning(
                    "a wallet was left for the next run",
                    extra={"job": job, "wallet": ref.wallet_id, "code": refusal.code},
                )
            else:
                done += 1
    report = Report(job, done, failed, is_complete)
    log.info(
        "job done",
        extra={"job": job, "done": done, "failed": failed, "complete": is_complete},
    )
    return report
