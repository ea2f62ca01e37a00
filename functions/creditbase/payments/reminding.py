"""Reminding a customer that the balance is low: once for each time that it fell."""

from dataclasses import dataclass
from datetime import datetime

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.store import find_project
from creditbase.kernel.ids import low_balance_id
from creditbase.kernel.money import cents_remaining, write_money
from creditbase.payments import store
from creditbase.payments.noticing import Sender, mails_for
from creditbase.payments.wallet_topups import CURRENCY, last_topup
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.subscriptions.domain.notices import Notice


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
    facts = {
        "balance": write_money(cents_remaining(low.balance_nanos), CURRENCY),
        "threshold": write_money(cents_remaining(low.below_nanos), CURRENCY),
    }
    notice = Notice(low_balance_id(ref.customer_id, low.number), "low_balance", facts)

    def attempt() -> Attempt[None]:
        account = store.find_account(ref)
        project = find_project(ref.project_id)
        if account is None or account.customer.deleted_at is not None or project is None:
            return Attempt(None, ())
        last = last_topup(account)
        sender = Sender(project.name, last.cancel_url if last is not None else "")
        mails = mails_for(account, [notice], payer_email="", now=now, sender=sender)
        writes = [store.account_update(account, {}), *mails] if mails else []
        return Attempt(None, writes)

    commit_or_retry(attempt)
