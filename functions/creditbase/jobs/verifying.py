"""The job `verify_ledger`: wallets are proved while they live, and parked where they break."""

import logging
import time
from datetime import datetime

from creditbase.admin.verify_rounds import verify_ledgers
from creditbase.jobs.use_cases import Report
from creditbase.kernel.records import dataclass

log = logging.getLogger(__name__)

JOB = "verify_ledger"
WALLETS_PER_RUN_MAX = 20_000
RUN_S_MAX = 420
"""After so many seconds no wallet is begun: the function ends at 540."""


@dataclass(frozen=True, slots=True)
class Verification(Report):
    """What a run did, and how much it read."""

    entries: int = 0
    broken: int = 0

    def facts(self) -> dict[str, object]:
        """Return the report as a line of the log has it."""
        own = {"entries": self.entries, "broken": self.broken}
        # A class with slots is made anew, which `super()` alone does not know.
        return {**super(Verification, self).facts(), **own}  # noqa: UP008 - see above


def verify_ledger(now: datetime, *, limit: int = WALLETS_PER_RUN_MAX) -> Report:
    """Prove what changed since the last run, and a part of everything."""
    run = verify_ledgers(now, until_s=time.monotonic() + RUN_S_MAX, limit=limit)
    report = Verification(
        JOB,
        done=run.wallets,
        failed=run.failed + run.broken,
        is_complete=run.is_complete,
        entries=run.entries,
        broken=run.broken,
    )
    log.info("job done", extra=report.facts())
    return report
