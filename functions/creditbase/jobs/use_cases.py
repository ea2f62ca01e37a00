"""What the scheduled functions do: bounded, resumable, idempotent.

Each looks for what is due in every shard of its index, oldest first, and runs the same
ledger command as anybody would. What fails is logged, looked past and left for the next
run; what is done is no longer due, so a killed run is simply continued by the next.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial

from creditbase.jobs.sparing import try_one
from creditbase.kernel.money import ceil_div
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.commands import Tidy
from creditbase.ledger.paths import SHARDS, WalletRef
from creditbase.ledger.store import find_due_balances, find_due_wallets
from creditbase.ledger.use_cases import run

log = logging.getLogger(__name__)

WALLETS_PER_RUN_MAX = 1_000

FAILED_PER_SHARD_MAX = 200
"""How many wallets that cannot be tidied, a parked one say, a run looks past in a shard."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did. `is_complete` is False where more may be due than it could take."""

    job: str
    done: int
    failed: int
    is_complete: bool

    @property
    def is_smooth(self) -> bool:
        """Return whether nothing in it is worth a second look."""
        return self.failed == 0

    def facts(self) -> dict[str, object]:
        """Return the report as a line of the log has it."""
        return {
            "job": self.job,
            "done": self.done,
            "failed": self.failed,
            "complete": self.is_complete,
        }


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


def _tidy_due(job: str, find: FindDue, *, now: datetime, limit: int) -> Report:
    most = ceil_div(limit, SHARDS)
    shards = [_tidy_shard(job, find, shard, now=now, most=most) for shard in range(SHARDS)]
    report = Report(
        job,
        done=sum(shard.done for shard in shards),
        failed=sum(shard.failed for shard in shards),
        is_complete=all(shard.is_complete for shard in shards),
    )
    log.info("job done", extra=report.facts())
    return report


def _tidy_shard(job: str, find: FindDue, shard: int, *, now: datetime, most: int) -> Report:
    """Tidy at most so many of a shard. What fails stays due, and is looked past."""
    done = 0
    failed: set[WalletRef] = set()
    while done < most and len(failed) < FAILED_PER_SHARD_MAX:
        asked = most - done + len(failed)
        found = find(shard, asked)
        for ref in found:
            if ref in failed:
                continue
            if try_one(
                partial(_tidy, ref, now=now), otherwise=False, job=job, wallet=ref.wallet_id
            ):
                done += 1
            else:
                failed.add(ref)
        if len(found) < asked:
            return Report(job, done, len(failed), is_complete=True)
    return Report(job, done, len(failed), is_complete=False)


def _tidy(ref: WalletRef, *, now: datetime) -> bool:
    run(ref, Tidy(settles=True), now=now)
    return True
