"""When `verify_ledger` runs: apart, for it alone loads what proves a ledger."""

from datetime import datetime

from creditbase.jobs import verifying
from creditbase.jobs.scheduled import scheduled
from creditbase.jobs.use_cases import Report


@scheduled("every 15 minutes", timeout_s=540)
def verify_ledger(now: datetime) -> Report:
    """Prove the wallets that changed, and a part of all."""
    return verifying.verify_ledger(now)
