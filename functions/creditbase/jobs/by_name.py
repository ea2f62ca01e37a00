"""Every job by its name, as the command line runs them."""

from collections.abc import Callable
from datetime import datetime

from creditbase.jobs import use_cases
from creditbase.jobs.anchors import anchor_ledger
from creditbase.jobs.crossings import answer_crossings
from creditbase.jobs.deliveries import deliver_webhooks
from creditbase.jobs.erasing import erase_customers
from creditbase.jobs.inbox import drain_inbox
from creditbase.jobs.outbox import deliver_outbox
from creditbase.jobs.reconcile import reconcile_stripe
from creditbase.jobs.rollup import roll_up_usage
from creditbase.jobs.scheduled import keep_report
from creditbase.jobs.use_cases import Report
from creditbase.jobs.verifying import verify_ledger

JOBS: dict[str, Callable[..., Report]] = {
    **use_cases.JOBS,
    "anchor-ledger": anchor_ledger,
    "answer-crossings": answer_crossings,
    "deliver-outbox": deliver_outbox,
    "deliver-webhooks": deliver_webhooks,
    "drain-inbox": drain_inbox,
    "erase-customers": erase_customers,
    "reconcile-stripe": reconcile_stripe,
    "roll-up-usage": roll_up_usage,
    "verify-ledger": verify_ledger,
}


def run_job(name: str, *, now: datetime, **options: bool) -> Report:
    """Run a job by its name, bounded as always. Only `reconcile-stripe` has options."""
    report = JOBS[name](now, **options)
    if not options.get("is_dry"):
        keep_report(report, now)
    return report
