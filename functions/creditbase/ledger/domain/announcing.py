"""What others hear of a user's wallet: another plan, new credits.

Decided from a whole batch, and not command by command: who goes to a plan and back within one
commit has changed nothing. Written only where somebody listens, as it is one more write.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from creditbase.kernel.instants import to_micros, write_seconds
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.notes import Told
from creditbase.ledger.domain.wallet import Wallet


def announcements(
    old: Wallet, new: Wallet, entries: Iterable[Entry], version: datetime
) -> Iterator[Told]:
    """Yield what is announced of a batch that makes `new` of `old`, as read at `version`.

    Of a version only one batch commits, so it names a change of plan once; a grant's entry is
    there once anyway.
    """
    before, after = old.terms, new.terms
    if before.plan_code != after.plan_code:
        facts: dict[str, object] = {
            "uid": new.owner_uid,
            "plan": after.plan_code,
            "previous_plan": before.plan_code,
        }
        yield Told("billing.plan_changed", f"plan/{to_micros(version)}", facts)
    for entry in entries:
        if entry.kind == "grant":
            cause = f"granted/{entry.entry_id}"
            yield Told("billing.credits_granted", cause, _granted(new, entry))


def _granted(wallet: Wallet, entry: Entry) -> dict[str, object]:
    facts: dict[str, object] = {
        "uid": wallet.owner_uid,
        "entry_id": entry.entry_id,
        "grant_kind": entry.cause["grant_kind"],
        "amount_nanos": entry.amount_nanos,
        "granted_at": write_seconds(entry.at),
    }
    if entry.expires_at is not None:
        facts["expires_at"] = write_seconds(entry.expires_at)
    return facts
