"""Checkout sessions that we asked for: written down, or left behind with their number."""

from dataclasses import dataclass

from creditbase.accounts.domain import CustomerRef
from creditbase.payments import store
from creditbase.payments.domain import Intent, Order, SessionRecord, StripeSession
from creditbase.runtime.commit import Attempt, commit_or_retry


@dataclass(frozen=True, slots=True)
class StartedTopup:
    """A session to pay in."""

    session: StripeSession
    order: Order


def abandon(ref: CustomerRef, intent: Intent) -> None:
    """Leave a number behind under which nobody will get a session any more."""

    def attempt() -> Attempt[None]:
        account = store.load_account(ref)
        if account.intent_of(intent.order.kind) != intent:
            return Attempt(None, ())
        ended = Intent(intent.number, intent.order, session_id="abandoned")
        return Attempt(None, store.writes_for_intent(account, ended))

    commit_or_retry(attempt)


def record_session(ref: CustomerRef, intent: Intent, record: SessionRecord) -> None:
    """Write a session down before its address is given to anybody."""

    def attempt() -> Attempt[None]:
        account = store.load_account(ref)
        if store.find_session(record.session_id) is not None:
            return Attempt(None, ())  # a twin was first, or our own reply was lost
        return Attempt(None, store.writes_for_session(account, intent, record))

    commit_or_retry(attempt)
