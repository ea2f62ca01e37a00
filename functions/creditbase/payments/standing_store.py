"""What is kept of where a customer stands, and everything that goes with it in one commit.

projects/{p}/customers/{c}   payment_issue, standing, trial, tier_subscription, tier_change
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from creditbase.accounts.domain import TierSubscription
from creditbase.accounts.store import SUBSCRIPTION_FIELD, subscription_fields
from creditbase.kernel.records import dataclass
from creditbase.payments.store import Account, account_update
from creditbase.payments.tier_moves import Change, change_fields
from creditbase.runtime.firestore import Write
from creditbase.subscriptions.domain.trials import Trial


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What is to be kept of a customer's subscriptions, and what goes with it."""

    records: Sequence[Write]
    issue: Mapping[str, Any] | None
    """The payment that failed, if one did."""
    digest: str
    """Of the standing."""
    trial: Trial | None
    held: TierSubscription | None = None
    """What the relay shows; the hub's customers have none."""
    change: Change | None = None
    """A change of tier that begins now; None where none does."""
    others: Sequence[Write] = ()
    """Claims of a trial, mails: whatever must happen together with it."""

    def has_moved(self, account: Account) -> bool:
        """Return whether the wallet is to be told something new."""
        return bool(
            self.records
            or account.payment_issue != self.issue
            or account.standing_digest != self.digest
            or account.customer.subscription != self.held
        )


def writes_for_standing(account: Account, mirrored: Mirrored) -> list[Write]:
    """Return the batch that mirrors a customer's subscriptions; none where nothing changed."""
    changes: dict[tuple[str, ...], Any] = {}
    if mirrored.has_moved(account):
        changes[("payment_issue",)] = mirrored.issue
        changes[("standing",)] = {"revision": account.revision + 1, "digest": mirrored.digest}
    if account.customer.subscription != mirrored.held:
        held = mirrored.held
        changes[(SUBSCRIPTION_FIELD,)] = subscription_fields(held) if held else None
    if mirrored.trial is not None and mirrored.trial != account.trial:
        changes[("trial",)] = asdict(mirrored.trial)
    if mirrored.change is not None:
        changes[("tier_change",)] = change_fields(mirrored.change)
    if not changes and not mirrored.others:
        return []
    return [account_update(account, changes), *mirrored.records, *mirrored.others]
