"""`/admin/health`: the jobs, the roll-up, the queues, and wallets that stand still."""

from datetime import datetime

from creditbase.admin.health import NAMED_MAX, Health, look
from creditbase.admin.runs_store import Run, Runs
from creditbase.hub.admin_door import admin_of
from creditbase.hub.door import HUB
from creditbase.kernel.instants import write_seconds
from creditbase.ledger.paths import WalletRef
from creditbase.runtime.backlog import Backlog
from creditbase.runtime.http import Call, Reply, endpoint

Json = dict[str, object]


@endpoint("admin_health", door=HUB)
def admin_health(call: Call) -> Reply:
    """Show what the jobs did last, what waits, and what stands still; some twenty reads."""
    admin_of(call)
    return Reply(body=_body(look(call.now), call.now))


def _body(found: Health, now: datetime) -> Json:
    roll_up: Json = {"is_under_way": found.is_rolling}
    if found.rolled_up_at is not None:
        roll_up["as_of"] = write_seconds(found.rolled_up_at)
        roll_up["lag_s"] = _age_s(found.rolled_up_at, now)
    verified: Json = {
        "is_under_way": found.verified.round is not None,
        "wallets": found.verified.rounded_wallets,
        "broken": found.verified.rounded_broken,
    }
    for name, at in (
        ("looked_at", found.verified.looked_at),
        ("rounded_at", found.verified.rounded_at),
    ):
        if at is not None:
            verified[name] = write_seconds(at)
    events: Json = {**found.events}
    if found.events_due_since is not None:
        events["due_since"] = write_seconds(found.events_due_since)
    parked = [{**_named(it.ref), "reason": it.reason} for it in found.parked[:NAMED_MAX]]
    overdue = [
        {**_named(it.ref), "due_at": write_seconds(it.due_at)}
        for it in found.overdue[:NAMED_MAX]
    ]
    return {
        "generated_at": write_seconds(now),
        "jobs": [_job(runs) for runs in found.runs],
        "roll_up": roll_up,
        "anchors": {"newest": found.anchored} if found.anchored else {},
        "verification": verified,
        "inbox": events,
        "outboxes": [_backlog(backlog) for backlog in found.backlogs],
        "parked_wallets": {"wallets": parked, "are_all": len(found.parked) <= NAMED_MAX},
        "overdue_holds": {"wallets": overdue, "are_all": len(found.overdue) <= NAMED_MAX},
    }


def _named(ref: WalletRef) -> Json:
    return {"project_id": ref.project_id, "customer_id": ref.customer_id}


def _job(runs: Runs) -> Json:
    row: Json = {"name": runs.job}
    if runs.last is not None:
        row["last_run"] = _run(runs.last)
    if runs.trouble is not None:
        row["last_trouble"] = _run(runs.trouble)
    return row


def _run(run: Run) -> Json:
    return {
        "at": write_seconds(run.at),
        "done": run.done,
        "failed": run.failed,
        "is_complete": run.is_complete,
        "facts": dict(run.facts),
    }


def _backlog(backlog: Backlog) -> Json:
    row: Json = {"name": backlog.name, "waiting": backlog.waiting}
    if backlog.due_since is not None:
        row["due_since"] = write_seconds(backlog.due_since)
    return row


def _age_s(at: datetime, now: datetime) -> int:
    return max(0, int((now - at).total_seconds()))
