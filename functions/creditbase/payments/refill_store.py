"""Automatic top-ups, as a customer's document keeps them under `auto_topup`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from creditbase.payments.refilling import OFF, AutoTopup, Refill, RefillSettings
from creditbase.payments.store import Account, account_update
from creditbase.runtime.firestore import Write

AUTO_TOPUP: tuple[str, ...] = ("auto_topup",)


def auto_topup_of(account: Account) -> AutoTopup:
    """Return what a customer has set, and how far that has come; off where nothing is."""
    return OFF if account.auto_topup is None else _read(account.auto_topup)


def writes_for_auto_topup(
    account: Account, kept: AutoTopup, others: Sequence[Write] = ()
) -> list[Write]:
    """Return the batch that keeps it, one writer at a time; nothing where it is kept already.

    `others` is what must happen together with it.
    """
    if kept == auto_topup_of(account) and not others:
        return []
    return [account_update(account, changes_of(account, kept)), *others]


def changes_of(account: Account, kept: AutoTopup) -> dict[tuple[str, ...], Any]:
    """Return what of the customer's document that changes, for a batch that has it anyway."""
    return {} if kept == auto_topup_of(account) else {AUTO_TOPUP: asdict(kept)}


def _read(fields: Mapping[str, Any]) -> AutoTopup:
    refill = fields["in_flight"]
    parts = {
        "settings": RefillSettings(**fields["settings"]),
        "in_flight": None if refill is None else Refill(**refill),
    }
    return AutoTopup(**{**fields, **parts})
