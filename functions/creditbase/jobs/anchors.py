"""The job `anchor_ledger`: one hash for all ledgers, once a day, stored and logged. ADR 0034.

The line in the log is a second keeper: whoever could write the store anew would have to write
the logs anew, too.
"""

import logging
import time
from datetime import datetime

from creditbase.jobs.use_cases import Report
from creditbase.ledger import anchoring

log = logging.getLogger(__name__)

JOB = "anchor_ledger"
WALLETS_PER_RUN_MAX = 2_000_000
RUN_S_MAX = 480
"""After so many seconds no step is begun: the function ends at 540."""


def anchor_ledger(now: datetime, *, limit: int = WALLETS_PER_RUN_MAX) -> Report:
    """Make the anchor of the day, or as much of it as one run may."""
    made = anchoring.anchor_ledger(now, until_s=time.monotonic() + RUN_S_MAX, limit=limit)
    if made.anchor is not None:
        facts = {**made.anchor.shown(), "wallets_count": made.wallets_count}
        log.info("ledger anchored", extra={"anchor": facts})
    report = Report(JOB, done=made.wallets, failed=0, is_complete=made.is_complete)
    log.info("job done", extra=report.facts())
    return report
