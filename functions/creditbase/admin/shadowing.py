"""What shadow mode has found out, of one customer or of all that are in it; and its default.

A customer is put into the mode and taken out of it by `acting.shadow`.
"""

import uuid
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime

from creditbase.accounts.store import project_from, project_path
from creditbase.admin.acting import done_before
from creditbase.admin.audit_store import writes_for_audit
from creditbase.admin.domain.audit import Audit, Deed, check_deed, record_of
from creditbase.admin.domain.shadow import ShadowReport, dates_of, report_of
from creditbase.kernel.errors import InvalidRequest, NotFound
from creditbase.kernel.instants import read, write_exact
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.shadow import Compared
from creditbase.ledger.domain.wallet import DELETED
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.shadow_store import Place, find_shadowed
from creditbase.ledger.store import load_days
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.firestore import Update, get_all

PAGE = 20
"""Customers on a page: each is one read of its wallet and of every day that is asked about."""


@dataclass(frozen=True, slots=True)
class ShadowPage:
    """Customers who are in shadow mode, the longest first, and where the next page begins."""

    reports: tuple[ShadowReport, ...]
    next_cursor: str = ""


def load_shadow(ref: WalletRef, *, days: int, now: datetime) -> ShadowReport:
    """Return what was compared of a customer in the newest days; one RPC.

    Raises:
        NotFound: there is no such customer.
    """
    wallet, closed = load_days(ref, dates_of(days, now))
    if wallet is None or wallet.frozen == DELETED:
        raise NotFound("Customer not found")
    counted = [*closed, wallet.today]
    since = wallet.shadow_since
    return report_of(ref.customer_id, counted, since=since, days=days, now=now)


def load_shadows(project_id: str, *, days: int, cursor: str = "", now: datetime) -> ShadowPage:
    """Return a page of the customers of a project that are in shadow mode.

    Raises:
        InvalidRequest: the cursor is none.
    """
    found = find_shadowed(project_id, after=_place(cursor), limit=PAGE + 1)
    shown = found[:PAGE]
    reports: list[ShadowReport] = []
    for ref, _ in shown:
        with suppress(NotFound):  # deleted this very moment
            reports.append(load_shadow(ref, days=days, now=now))
    if len(found) <= PAGE:
        return ShadowPage(tuple(reports))
    ref, since = shown[-1]
    return ShadowPage(tuple(reports), f"{write_exact(since)}/{ref.customer_id}")


def _place(cursor: str) -> Place | None:
    if not cursor:
        return None
    since, _, customer_id = cursor.partition("/")
    try:
        return read(since), str(uuid.UUID(customer_id))
    except ValueError:
        raise InvalidRequest("This is no cursor", field="cursor") from None


def shown(report: ShadowReport) -> dict[str, object]:
    """Return a report as it is shown, by the endpoints and by the command line."""
    return {
        "customer_id": report.customer_id,
        "since": None if report.since is None else write_exact(report.since),
        "days": report.days,
        "agreed_days": report.agreed_days,
        "is_ready": report.is_ready,
        "total": _counters(report.total),
        "lines": [
            {"date": line.date, "model": line.model, **_counters(line.compared)}
            for line in report.lines
        ],
    }


def _counters(compared: Compared) -> dict[str, object]:
    return {**asdict(compared)}


def set_default(deed: Deed, *, is_on: bool, now: datetime) -> Audit:
    """Let customers who are new in a project begin in shadow mode, or no more.

    Those who are there already stay as they are.

    Raises:
        NotFound: there is no such project.
        IdempotencyConflict: the key was used for something else.
    """
    check_deed(deed)

    def attempt() -> Attempt[Audit]:
        done = done_before(deed)
        if done is not None:
            return Attempt(done, ())
        found = get_all([project_path(deed.project_id)])[0]
        project = project_from(found)
        if project is None or found.version is None:
            raise NotFound("Project not found")
        audit = record_of(
            deed,
            now=now,
            before={"shadow_default": project.shadow_default},
            after={"shadow_default": is_on},
        )
        change = Update(found.path, {("shadow_default",): is_on}, found.version)
        return Attempt(audit, [change, *writes_for_audit(audit)])

    return commit_or_retry(attempt)
