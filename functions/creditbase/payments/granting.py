"""Giving what a payment is owed: an ordinary wallet command, once per payment."""

from datetime import datetime

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.store import find_project
from creditbase.kernel.errors import Forbidden, InvalidRequest, NotFound, Unavailable
from creditbase.kernel.money import nanos_from_credits, worth_nanos
from creditbase.ledger.domain.commands import GrantCredits
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.use_cases import has_room, run
from creditbase.payments.domain import AUTOMATIC, TOPUP, WALLET, Order, Payment
from creditbase.runtime.log import alert


def grant_payment(payment: Payment, *, now: datetime) -> None:
    """Give what a payment is owed, whoever tells of it, and however often.

    Money that was paid into a wallet also sets the height below which its owner is reminded.

    Raises:
        Unavailable: the wallet does not take it now; to be repeated.
    """
    assert payment.kind == TOPUP
    command = GrantCredits(
        entry_id=payment.grant_id,
        kind="topup",
        amount_nanos=payment.granted_nanos,
        cause={
            "payment": payment.payment_id,
            "session": payment.session_id,
            "tier": payment.tier,
            "paid_cents": payment.paid_cents,
            "currency": payment.currency,
        },
        low_nanos=_low_nanos(payment),
        paid_nanos=worth_nanos(
            payment.paid_cents, payment.currency, face_nanos=payment.granted_nanos
        ),
    )
    try:
        run(WalletRef(payment.project_id, payment.customer_id), command, now=now)
    except (NotFound, Forbidden, InvalidRequest) as refusal:
        alert("wallet_refuses", "a paid grant waits for its wallet", grant=payment.grant_id)
        raise Unavailable from refusal


def check_room(ref: CustomerRef, order: Order, *, field: str) -> None:
    """Refuse to sell what the wallet could not hold: money without credits helps nobody.

    Raises:
        InvalidRequest: the wallet holds too much already.
    """
    wallet = WalletRef(ref.project_id, ref.customer_id)
    if not has_room(wallet, nanos_from_credits(order.credits)):
        raise InvalidRequest("The wallet cannot hold so much more", field=field)


def _low_nanos(payment: Payment) -> int | None:
    if payment.tier not in {WALLET, AUTOMATIC}:
        return None
    project = find_project(payment.project_id)
    return None if project is None else project.low_balance_nanos
