"""Erasing a person: recorded first, then done step by step, and gone on with by a job.

The record, the frozen wallet and the audit entry are one commit. Then Stripe: nothing is
billed any more before anything here is forgotten. Then the profile with its keys, and last
what is left of the person anywhere else. Every step finds out whether it was done, so whoever
is cut off begins at the first; the ledger stays, under the customer's id.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from creditbase.accounts.customer_store import Erased, KeptCustomer, find_kept_customer
from creditbase.accounts.domain import ACCOUNT, CustomerRef
from creditbase.accounts.store import project_from
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.admin.acting import done_before
from creditbase.admin.audit_store import find_audit, writes_for_audit
from creditbase.admin.domain.audit import (
    Audit,
    Deed,
    check_deed,
    figures_for_audit,
    outcome_of,
    record_of,
)
from creditbase.admin.erasure_store import (
    Erasure,
    find_erasure,
    find_kept_erasure,
    writes_to_begin,
    writes_to_go_on,
)
from creditbase.admin.forgetting import (
    empty_entries,
    forget_mails,
    forget_payments,
    forget_told,
    hush_records,
    leave_projects,
)
from creditbase.admin.personal_store import owned_projects
from creditbase.kernel.errors import BillingError, Conflict, NotFound, Retryable
from creditbase.kernel.records import dataclass
from creditbase.kernel.trying import ATTEMPTS_MAX, rest_after
from creditbase.kernel.windows import months_after
from creditbase.ledger.batch import decide_batch, writes_of
from creditbase.ledger.domain.commands import Freeze
from creditbase.ledger.domain.wallet import DELETED, Wallet
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.payments.leaving import end_billing
from creditbase.runtime.clock import real_now
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.firestore import Write
from creditbase.runtime.log import alert
from creditbase.runtime.settings import settings
from creditbase.runtime.sign_ins import delete_sign_in
from creditbase.subscriptions.relay_customers import delete_customer

LEASE = timedelta(minutes=5)
"""How long the job leaves an erasure alone that somebody has just begun."""
TOLD_REST = timedelta(hours=1)
"""When it is looked again whether the project was told."""
OBJECTIONS = {
    "MONEY_OWED": "Something is owed; it is paid, or forgiven by the operator, first",
    "CREDITS_LEFT": "Credits are left that were paid for: give them up, or have them refunded",
    "CALLS_RUNNING": "Calls are still under way; ask again when they have ended",
    "OWNS_PROJECTS": "Projects have no other owner; put them away, or give them one, first",
}
"""Why somebody is not erased who is not made to be, by the codes of the hub's table."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Consent:
    """What may be lost by an erasure: what was paid for, or, by force, anything."""

    forfeits_credits: bool = False
    is_forced: bool = False


@dataclass(frozen=True, slots=True)
class Erasing:
    """How far an erasure is: `is_erased` once nothing here names the person any more."""

    audit_id: str
    is_erased: bool


def erase(deed: Deed, consent: Consent, *, now: datetime) -> Erasing:
    """Erase a customer, or go on with it, and return how far that came.

    Where Stripe or the store does not answer, what was begun is finished by a job.

    Raises:
        InvalidRequest: the deed has no reason or no key.
        NotFound: there is no such customer, or it was erased.
        Conflict: something is owed, left or under way; with the reason.
        IdempotencyConflict: the key was used for something else.
        Unavailable, Contention: not known to be begun; to be repeated.
    """
    check_deed(deed)
    erasure = commit_or_retry(lambda: _begin(deed, consent, now=now))
    try:
        erasure = go_on(erasure, now=now)
    except Retryable as failure:
        log.warning("an erasure is left to the job", extra={"code": failure.code})
    return _told(erasure)


def is_erased(ref: CustomerRef) -> bool:
    """Return whether a customer was erased, and nothing is left to do."""
    found = find_erasure(ref.customer_id)
    return found is not None and found.ref == ref and found.erased_at is not None


def record_of_erasure(erasing: Erasing) -> Audit:
    """Return what stands in the audit: what came of it, once it is over, else its beginning."""
    begun = find_audit(erasing.audit_id)
    assert begun is not None
    return find_audit(begun.outcome_id) or begun


def _told(erasure: Erasure) -> Erasing:
    return Erasing(erasure.audit_id, is_erased=erasure.erased_at is not None)


# ---- beginning -------------------------------------------------------------------------------


def _begin(deed: Deed, consent: Consent, *, now: datetime) -> Attempt[Erasure]:
    """Return the erasure, begun now if it was not; a repeat, and a twin, join it."""
    ref = CustomerRef(deed.project_id, deed.customer_id)
    wallet = WalletRef(ref.project_id, ref.customer_id)
    known = find_erasure(ref.customer_id)
    if known is not None and known.ref == ref:
        if known.erased_at is not None and done_before(deed) is None:
            raise NotFound("Customer not found")
        return Attempt(known, ())
    found = find_kept_customer(ref)
    loaded = find_wallet(wallet)
    if found is None or loaded is None or found.customer.external_id == ACCOUNT:
        raise NotFound("Customer not found")
    uid = found.customer.external_id if ref.project_id == HUB_PROJECT_ID else ""
    if not consent.is_forced:
        _check_left(loaded.wallet, uid, consent, now=now)
    erasure = Erasure(
        project_id=ref.project_id,
        customer_id=ref.customer_id,
        uid=uid,
        audit_id=deed.audit_id,
        begun_at=now,
        due_at=now + LEASE,
    )
    batch = decide_batch(loaded, [(Freeze(DELETED), now)])
    for outcome in batch.outcomes:
        if isinstance(outcome, BillingError):
            raise outcome
    after, frozen = writes_of(
        wallet, batch, loaded.version, publish_interval_s=settings().publish_interval_s
    )
    audit = record_of(
        deed,
        now=after.at,
        before=figures_for_audit(loaded.wallet, after.at),
        after=figures_for_audit(after, after.at),
    )
    return Attempt(erasure, [*writes_to_begin(erasure), *frozen, *writes_for_audit(audit)])


def _check_left(wallet: Wallet, uid: str, consent: Consent, *, now: datetime) -> None:
    reason = _objection(wallet, consent, now=now) or ("OWNS_PROJECTS" if _owns(uid) else "")
    if reason:
        raise Conflict(OBJECTIONS[reason], reason=reason)


def _objection(wallet: Wallet, consent: Consent, *, now: datetime) -> str:
    """Return why a wallet cannot be left as it is; empty where it can."""
    if wallet.receivable_nanos > 0:
        return "MONEY_OWED"
    if any(now < hold.expires_at for hold in wallet.holds.values()):
        return "CALLS_RUNNING"
    paid = [grant for grant in wallet.grants.values() if grant.kind == "topup"]
    is_left = any(grant.remaining_nanos > 0 and grant.is_live(now) for grant in paid)
    return "CREDITS_LEFT" if is_left and not consent.forfeits_credits else ""


def _owns(uid: str) -> bool:
    """Return whether a live project would be without an owner."""
    projects = [project_from(one) for one in owned_projects(uid)]
    return any(
        one is not None and one.archived_at is None and len(one.owners) == 1 for one in projects
    )


# ---- going on --------------------------------------------------------------------------------


def go_on(erasure: Erasure, *, now: datetime) -> Erasure:
    """Do what is left of an erasure, as far as one run may go; once or often.

    Raises:
        Unavailable, Contention: not finished; to be repeated.
    """
    ref = erasure.ref
    found = find_kept_customer(ref)
    if found is not None:
        end_billing(ref)
        leave_projects(erasure.uid, found.customer.email, now=now)
        _forget_profile(found, now=now)
    forget_payments(ref, now=now)
    forget_mails(ref)
    hush_records(ref)
    wallet = WalletRef(ref.project_id, ref.customer_id)
    after = empty_entries(wallet, after=erasure.entries_after)
    if after is not None:
        return _keep(replace(erasure, entries_after=after, due_at=now))
    if erasure.uid:
        delete_sign_in(erasure.uid)
    is_told = forget_told(ref)
    done = replace(
        erasure,
        uid="",
        entries_after="",
        erased_at=erasure.erased_at or now,
        due_at=None if is_told else now + TOLD_REST,
    )
    return _keep(done)


def try_again(erasure: Erasure, *, now: datetime) -> bool:
    """Go on with an erasure that was left; return False where it is not over yet.

    Each attempt is counted before it is made, and rests longer.

    Raises:
        Unavailable, Contention: not finished; it rests.
    """
    attempts = erasure.attempts + 1
    if attempts > ATTEMPTS_MAX and erasure.erased_at is None:
        alert(
            "erasure_stuck",
            "a person cannot be erased",
            customer=erasure.customer_id,
            attempts=attempts,
        )
    rest = rest_after(min(attempts, ATTEMPTS_MAX))
    counted = _keep(replace(erasure, attempts=attempts, due_at=now + rest))
    return go_on(counted, now=now).due_at is None


def _forget_profile(found: KeptCustomer, *, now: datetime) -> None:
    """Delete the customer with its keys; its name keeps when that was."""
    customer = found.customer
    erased = Erased(at=real_now(), free_again_at=months_after(now, 1))
    try:
        delete_customer(customer.project_id, customer.customer_id, now=now, erased=erased)
    except NotFound:
        return  # a twin was faster


def _keep(after: Erasure) -> Erasure:
    """Keep how far it came, with the record of it once it is over; never step back."""

    def attempt() -> Attempt[Erasure]:
        kept = find_kept_erasure(after.customer_id)
        assert kept is not None
        if kept.erasure.due_at is None:
            return Attempt(kept.erasure, ())  # a twin has finished it
        writes = writes_to_go_on(kept, after)
        if after.erased_at is not None and kept.erasure.erased_at is None:
            writes = [*writes, *_outcome(after, after.erased_at)]
        return Attempt(after, writes)

    return commit_or_retry(attempt)


def _outcome(erasure: Erasure, at: datetime) -> list[Write]:
    begun = find_audit(erasure.audit_id)
    assert begun is not None
    return writes_for_audit(outcome_of(begun, {"status": "erased"}, now=at))
