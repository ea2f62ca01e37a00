"""Reminding a customer that the balance is low: once for each time that it fell."""

from datetime import datetime

from creditbase.accounts.domain import CustomerRef
from creditbase.kernel.money import cents_remaining, write_money
from creditbase.kernel.records import dataclass
from creditbase.payments import store
from creditbase.payments.noticing import mails_for, sender_of
from creditbase.payments.wallet_topups import CURRENCY
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.subscriptions.domain.notices import low_balance_notice


@dataclass(frozen=True, slots=True)
class LowBalance:
    """That a balance fell below its height, for the so-manieth time."""

    number: int
    below_nanos: int
    balance_nanos: int


def remind(ref: CustomerRef, low: LowBalance, *, now: datetime) -> None:
    """Write the customer a mail. Who has no address, or is gone, gets none.

    Raises:
        Unavailable, Contention: not written; to be repeated, it is written once.
    """
    notice = low_balance_notice(
        ref.customer_id,
        low.number,
        balance=write_money(cents_remaining(low.balance_nanos), CURRENCY),
        threshold=write_money(cents_remaining(low.below_nanos), CURRENCY),
    )

    def attempt() -> Attempt[None]:
        account = store.find_account(ref)
        if account is None or account.customer.deleted_at is not None:
            return Attempt(None, ())
        sender = sender_of(account)
        mails = mails_for(account, [notice], payer_email="", now=now, sender=sender)
        writes = [store.account_update(account, {}), *mails] if mails else []
        return Attempt(None, writes)

    commit_or_retry(attempt)
