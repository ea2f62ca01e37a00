"""Checkout sessions that we ask for: found, asked for, written down, left behind."""

from collections.abc import Callable
from datetime import datetime

from creditbase.accounts.domain import CustomerRef
from creditbase.kernel.errors import Conflict, NotFound, Unavailable
from creditbase.kernel.records import dataclass
from creditbase.payments import store, stripe_gateway
from creditbase.payments.domain import (
    Buyer,
    Intent,
    Order,
    SessionRecord,
    StripeSession,
    record_of,
)
from creditbase.runtime.commit import Attempt, commit_or_retry

LOOKS_MAX = 8
"""How often a purchase looks again, where others are faster or a number is used up."""

Look = Callable[[], StripeSession | Intent | None]
"""Returns the session that is there already, or the number to ask with; None: look again."""
Ask = Callable[[int], StripeSession]
"""Asks Stripe for a session, under a key made of the number."""


@dataclass(frozen=True, slots=True)
class StartedTopup:
    """A session to pay in."""

    session: StripeSession
    order: Order


def ask_for_session(
    buyer: Buyer, order: Order, *, look: Look, ask: Ask, now: datetime
) -> StripeSession:
    """Return a session to pay in. Twins and retries share one, since they share its number.

    The number of the intent is counted first, Stripe is asked under a key made of it, and
    the session is written down before its address is given to anybody.

    Raises:
        NotFound: there is no such customer.
        Unavailable: Stripe or the store did not answer; the same request may be repeated.
    """
    ref = CustomerRef(buyer.project_id, buyer.customer_id)
    for _ in range(LOOKS_MAX):
        found = look()
        if isinstance(found, StripeSession):
            return found
        if found is None:
            continue
        try:
            session = ask(found.number)
        except Conflict:
            # Stripe remembers another request, or a failure, for as long as a day.
            abandon(ref, found)
            continue
        except NotFound as failure:  # the linked customer is gone at Stripe
            raise Unavailable from failure
        _record_session(ref, found, record_of(buyer, order, session, now=now))
        if session.url:
            return session
    raise Unavailable


def session_of(intent: Intent | None) -> StripeSession | None:
    """Return the session of a purchase as Stripe shows it now, if it ever had one."""
    if intent is None or not intent.session_id.startswith("cs_"):
        return None
    try:
        return stripe_gateway.load_session(intent.session_id)
    except NotFound:
        return None


def abandon(ref: CustomerRef, intent: Intent) -> None:
    """Leave a number behind under which nobody will get a session any more."""

    def attempt() -> Attempt[None]:
        account = store.load_account(ref)
        if account.intent_of(intent.order.kind) != intent:
            return Attempt(None, ())
        ended = Intent(intent.number, intent.order, session_id="abandoned")
        return Attempt(None, store.writes_for_intent(account, ended))

    commit_or_retry(attempt)


def _record_session(ref: CustomerRef, intent: Intent, record: SessionRecord) -> None:
    """Write a session down before its address is given to anybody."""

    def attempt() -> Attempt[None]:
        account = store.load_account(ref)
        if store.find_session(record.session_id) is not None:
            return Attempt(None, ())  # a twin was first, or our own reply was lost
        return Attempt(None, store.writes_for_session(account, intent, record))

    commit_or_retry(attempt)
