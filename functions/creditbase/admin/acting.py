"""What an operator does to a customer: adjust, grant, freeze, thaw. Each leaves a record.

A deed is decided on the wallet as it is read, and committed with its record on the condition
that the wallet has not changed since: nothing is done without a record, and nothing twice,
whatever is repeated, lost or killed. A repeat is answered from the record.
"""

from collections.abc import Callable
from datetime import datetime

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.store import find_customer
from creditbase.admin.audit_store import find_audit, writes_for_audit
from creditbase.admin.domain.audit import Audit, Deed, check_deed, figures_for_audit, record_of
from creditbase.kernel.errors import (
    BillingError,
    IdempotencyConflict,
    InvalidRequest,
    NotFound,
)
from creditbase.kernel.ids import adjustment_entry_id
from creditbase.kernel.money import AMOUNT_NANOS_MAX
from creditbase.ledger.batch import DecidedBatch, decide_batch, parked_refusal, writes_of
from creditbase.ledger.domain.commands import Command, Deduct, Freeze, GrantCredits
from creditbase.ledger.domain.grants import GrantKind
from creditbase.ledger.domain.shadow import SwitchShadow
from creditbase.ledger.domain.wallet import BY_OPERATOR, DELETED, Wallet
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import Loaded, find_entry, find_wallet
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.settings import settings

GIVEN_KINDS: tuple[GrantKind, ...] = ("promo", "adjustment")
"""What may be given for nothing; the other kinds are bought, redeemed, or come with a plan."""


def adjust(
    deed: Deed,
    *,
    amount_nanos: int,
    owes_rest: bool = False,
    corrects: str = "",
    now: datetime,
) -> Audit:
    """Give or take credits to put something right.

    What is taken comes from what is available, what would be spent first; what is not there is
    owed where `owes_rest` says so, else it is let be. `corrects` names the entry it puts right.

    Raises:
        InvalidRequest: the amount is out of range, or what it corrects is no entry.
        NotFound: there is no such customer.
        IdempotencyConflict: the key was used for something else.
    """
    if not amount_nanos or abs(amount_nanos) > AMOUNT_NANOS_MAX:
        raise InvalidRequest("The amount is zero or out of range", field="amount_nanos")
    if amount_nanos > 0 and owes_rest:
        raise InvalidRequest("Nothing is owed of what is given", field="owes_rest")
    if corrects and not _is_entry(_wallet(deed), corrects):
        raise InvalidRequest("There is no such entry to correct", field="corrects")
    entry_id = adjustment_entry_id(deed.audit_id)
    cause = {"audit": deed.audit_id, **({"corrects": corrects} if corrects else {})}
    command: Command
    if amount_nanos > 0:
        command = GrantCredits(entry_id, "adjustment", amount_nanos, cause=cause)
    else:
        command = Deduct(entry_id, -amount_nanos, owes_rest, cause)
    return _act(deed, lambda _: command, now=now)


def give(
    deed: Deed,
    *,
    kind: GrantKind,
    amount_nanos: int,
    expires_at: datetime | None = None,
    now: datetime,
) -> Audit:
    """Give credits as a parcel of their own, which may end.

    Raises:
        InvalidRequest: the kind, the amount or the end cannot be.
        NotFound: there is no such customer.
        IdempotencyConflict: the key was used for something else.
    """
    if kind not in GIVEN_KINDS:
        raise InvalidRequest(f"kind is one of {', '.join(GIVEN_KINDS)}", field="kind")
    if not 0 < amount_nanos <= AMOUNT_NANOS_MAX:
        raise InvalidRequest("The credits are out of range", field="credits")
    entry_id = adjustment_entry_id(deed.audit_id)
    command = GrantCredits(
        entry_id, kind, amount_nanos, expires_at=expires_at, cause={"audit": deed.audit_id}
    )

    def choose(wallet: Wallet) -> Command:
        if expires_at is not None and expires_at <= max(now, wallet.at):
            raise InvalidRequest("The credits would be over already", field="expires_at")
        return command

    return _act(deed, choose, now=now)


def freeze(deed: Deed, *, now: datetime) -> Audit:
    """Stop a customer from spending; credits may still come.

    Raises:
        NotFound: there is no such customer.
        IdempotencyConflict: the key was used for something else.
    """
    return _act(deed, lambda _: Freeze(BY_OPERATOR), now=now)


def thaw(deed: Deed, *, now: datetime) -> Audit:
    """Let a customer spend again.

    Raises:
        NotFound: there is no such customer; a deleted one spends no more.
        IdempotencyConflict: the key was used for something else.
    """
    return _act(deed, lambda _: Freeze(""), now=now)


def shadow(deed: Deed, *, is_on: bool, now: datetime) -> Audit:
    """Put a customer beside another counter, or let its wallet decide for itself.

    Raises:
        NotFound: there is no such customer.
        IdempotencyConflict: the key was used for something else.
    """
    return _act(deed, lambda _: SwitchShadow(is_on=is_on), now=now)


def _is_entry(ref: WalletRef, entry_id: str) -> bool:
    # Names with dots or underscores first are none, or the store's own.
    is_name = "/" not in entry_id and not entry_id.startswith((".", "__"))
    return is_name and find_entry(ref, entry_id) is not None


def done_before(deed: Deed) -> Audit | None:
    """Return the record of a deed that was done, if it was.

    Raises:
        IdempotencyConflict: the key was used for something else.
    """
    found = find_audit(deed.audit_id)
    if found is not None and found.digest != deed.digest:
        raise IdempotencyConflict
    return found


def _act(deed: Deed, choose: Callable[[Wallet], Command], *, now: datetime) -> Audit:
    """Decide a deed on its wallet and make it true with its record, or return what it did."""
    check_deed(deed)
    ref = _wallet(deed)
    entry_id = adjustment_entry_id(deed.audit_id)

    def attempt() -> Attempt[Audit]:
        found = done_before(deed)
        if found is not None:
            return Attempt(found, ())
        if find_customer(CustomerRef(ref.project_id, ref.customer_id)) is None:
            raise NotFound("Customer not found")
        loaded = find_wallet(ref, [entry_id])
        if loaded is None or loaded.wallet.frozen == DELETED:
            raise NotFound("Customer not found")
        batch = _decided(loaded, choose(loaded.wallet), now=now)
        after, writes = writes_of(
            ref, batch, loaded.version, publish_interval_s=settings().publish_interval_s
        )
        audit = record_of(
            deed,
            now=after.at,
            entry_id=entry_id if _has(batch, entry_id) else "",
            before=figures_for_audit(loaded.wallet, after.at),
            after=figures_for_audit(after, after.at),
        )
        return Attempt(audit, [*writes, *writes_for_audit(audit)])

    return commit_or_retry(attempt)


def _decided(loaded: Loaded, command: Command, *, now: datetime) -> DecidedBatch:
    batch = decide_batch(loaded, [(command, now)])
    (outcome,) = batch.outcomes
    if isinstance(outcome, BillingError):
        raise outcome
    if batch.broken:
        raise parked_refusal()
    return batch


def _has(batch: DecidedBatch, entry_id: str) -> bool:
    return any(it.entry_id == entry_id for done in batch.accepted for it in done.entries)


def _wallet(deed: Deed) -> WalletRef:
    return WalletRef(deed.project_id, deed.customer_id)
