"""The end of a Checkout session that nobody pays for: its time is over, or it is called off."""

from stripe_local import setting_up
from stripe_local.account import Account
from stripe_local.events import BY_ITSELF, Cause
from stripe_local.wire.errors import InvalidState
from stripe_local.wire.resource import Resource


def expire(account: Account, session: Resource, cause: Cause) -> Resource:
    """End an open session without a payment.

    Raises:
        InvalidState: it is not open any more.
    """
    require_open(session, "expired")
    account.agenda.cancel("expire", session["id"])
    session.update(status="expired", url=None)
    account.record("checkout.session.expired", session, cause)
    _cancel_payment(account, session)
    return session


def plan_expiry(account: Account, session: Resource) -> None:
    """Plan the end of a session that nobody pays for."""
    account.agenda.plan(
        "expire",
        session["id"],
        session["expires_at"],
        lambda: _expire_by_itself(account, session),
    )


def _expire_by_itself(account: Account, session: Resource) -> None:
    expire(account, session, BY_ITSELF)


def _cancel_payment(account: Account, session: Resource) -> None:
    """Let nobody pay any more what was tried and did not succeed, or keep a card."""
    setup = account.store.find("setup_intent", session["setup_intent"])
    if setup is not None:
        setting_up.cancel(account, setup, BY_ITSELF)
    intent = account.store.find("payment_intent", account.baskets[session["id"]].intent_id)
    if intent is None:
        return
    intent.update(
        canceled_at=account.now_s(),
        cancellation_reason="automatic",
        next_action=None,
        status="canceled",
    )
    account.record("payment_intent.canceled", intent, BY_ITSELF)


def require_open(session: Resource, wish: str) -> None:
    """Refuse what can only be done with a session that is open.

    Raises:
        InvalidState: it is complete or expired.
    """
    if session["status"] != "open":
        raise InvalidState(
            f'Only Checkout Sessions with a status in ["open"] can be {wish}. This Checkout '
            f"Session has a status of {session['status']}."
        )
