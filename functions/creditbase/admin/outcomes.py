"""Deeds at Stripe: recorded before it is asked, and again when it is known what came of them.

No batch takes in both Stripe and the store. So the first record stands before anything is
asked, with all that is asked; whoever is cut off in between asks the same once more, under the
same key of Stripe's. A deed that has its second record is over, and answered from it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NoReturn

from creditbase.admin.acting import done_before
from creditbase.admin.audit_store import find_audit, writes_for_audit
from creditbase.admin.domain.audit import Audit, Deed, outcome_of, record_of
from creditbase.kernel.errors import Conflict, PaymentRefused
from creditbase.runtime.commit import Attempt, commit_or_retry

REFUSED = "refused"
DECLINED = "PAYMENT_REFUSED"
REASONS: Mapping[str, str] = {
    "NOTHING_TO_REFUND": "so much of this payment is not left to give back",
    "PAYMENT_DISPUTED": "a bank disputes this payment, and decides about it",
    "STRIPE_REFUSED": "nothing comes of this any more: look at the customer, and ask anew",
    DECLINED: "it cannot be paid: no card, a declined one, or a debt; nothing was charged",
    "NO_SUBSCRIPTION": (
        "there is no subscription to change: grant credits, or let them buy at Checkout"
    ),
}
"""Why nothing comes of a deed, by the codes of the hub's table."""


def begin(deed: Deed, stripe: Mapping[str, object], *, now: datetime) -> Audit:
    """Record what is about to be asked of Stripe; a twin that was faster has said what.

    Raises:
        IdempotencyConflict: the key was used for something else.
    """

    def attempt() -> Attempt[Audit]:
        found = done_before(deed)
        if found is not None:
            return Attempt(found, ())
        audit = record_of(deed, now=now, stripe=stripe)
        return Attempt(audit, writes_for_audit(audit))

    return commit_or_retry(attempt)


def find_outcome(begun: Audit) -> Audit | None:
    """Return the record of what came of a deed, once that is known.

    Raises:
        Conflict, PaymentRefused: nothing came of it.
    """
    found = find_audit(begun.outcome_id)
    if found is not None and found.stripe.get("status") == REFUSED:
        raise refusal(str(found.stripe["reason"]))
    return found


def end(begun: Audit, stripe: Mapping[str, object], *, now: datetime) -> Audit:
    """Record what came of a deed; a twin that was faster has said it."""

    def attempt() -> Attempt[Audit]:
        found = find_outcome(begun)
        if found is not None:
            return Attempt(found, ())
        audit = outcome_of(begun, stripe, now=now)
        return Attempt(audit, writes_for_audit(audit))

    return commit_or_retry(attempt)


def refuse(begun: Audit, reason: str, *, now: datetime) -> NoReturn:
    """Record that nothing came of a deed, and say so.

    Raises:
        Conflict, PaymentRefused: always.
    """
    end(begun, {"status": REFUSED, "reason": reason}, now=now)
    raise refusal(reason)


def refusal(reason: str) -> Conflict | PaymentRefused:
    """Return the refusal for a reason."""
    if reason == DECLINED:
        return PaymentRefused(REASONS[reason], reason=reason)
    return Conflict(REASONS[reason], reason=reason)
