"""Whose Stripe customer it is: made when somebody buys, tied both ways, let go when deleted."""

import re
from datetime import datetime

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.kernel.errors import NotFound
from creditbase.payments import store, stripe_gateway
from creditbase.payments.domain import APPLIED, Buyer, Event, Outcome
from creditbase.payments.mirroring import mirror_customer
from creditbase.runtime.commit import Attempt, commit_or_retry

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def ensure_stripe_customer(ref: CustomerRef, *, now: datetime) -> Buyer:
    """Return the buyer with its Stripe customer, made now if there is none.

    Raises:
        NotFound: there is no such customer.
        Unavailable: Stripe or the store did not answer.
    """
    account = store.load_account(ref)
    customer = account.customer
    linked = customer.stripe_customer_id
    if not linked:
        made = stripe_gateway.create_customer(
            project_id=ref.project_id,
            customer_id=ref.customer_id,
            uid=customer.uid,
            email="" if ref.project_id == HUB_PROJECT_ID else customer.email,
            number=account.unlinked,
        )
        linked = _link(ref, made.stripe_customer_id, now=now)
    return Buyer(
        project_id=ref.project_id,
        customer_id=ref.customer_id,
        uid=customer.uid,
        stripe_customer_id=linked,
    )


def _link(ref: CustomerRef, stripe_customer_id: str, *, now: datetime) -> str:
    """Tie a customer to its Stripe customer and return it; the first that came stays."""

    def attempt() -> Attempt[str]:
        account = store.load_account(ref)
        linked = account.customer.stripe_customer_id
        if linked:
            return Attempt(linked, ())
        writes = store.writes_for_link(account, stripe_customer_id, now=now)
        return Attempt(stripe_customer_id, writes)

    return commit_or_retry(attempt)


def link_customer(event: Event, now: datetime) -> Outcome:
    """Link a Stripe customer by the metadata that we gave it; never by its e-mail address.

    Where that was not done yet, whatever was told of it before found nobody: it counts now.
    """
    try:
        found = stripe_gateway.load_customer(event.object_id)
    except NotFound:
        return Outcome("ignored", "no_such_customer")
    named = [found.metadata.get(name, "") for name in ("project", "customer")]
    if found.is_deleted or not all(UUID.fullmatch(name) for name in named):
        return Outcome("ignored", "not_ours")
    ref = CustomerRef(*named)
    account = store.find_account(ref)
    if account is None:
        return Outcome("ignored", "not_ours")
    if account.customer.stripe_customer_id == found.stripe_customer_id:
        return APPLIED
    if _link(ref, found.stripe_customer_id, now=now) != found.stripe_customer_id:
        return Outcome("quarantined", "mismatch:customer")
    return mirror_customer(found.stripe_customer_id, now=now)


def unlink_customer(event: Event, now: datetime) -> Outcome:
    """Let go of a customer that was deleted at Stripe: its plan ends, the next is a new one.

    Whose it was stays written down, for what Stripe may still tell of it.
    """
    ref = store.find_owner(event.object_id)
    if ref is None:
        return Outcome("ignored", "not_ours")
    try:
        if not stripe_gateway.load_customer(event.object_id).is_deleted:
            return Outcome("ignored", "not_deleted")
    except NotFound:
        pass  # more than deleted
    outcome = mirror_customer(event.object_id, now=now)

    def attempt() -> Attempt[None]:
        account = store.load_account(ref)
        if account.customer.stripe_customer_id != event.object_id:
            return Attempt(None, ())
        return Attempt(None, store.writes_for_unlink(account))

    commit_or_retry(attempt)
    return outcome
