"""The mirror of Stripe. Nobody else spells these paths.

checkout_sessions/{cs}    what we asked for, and how far it has come
payments/{pi}             what was paid, and the grant that it is owed
stripe_customers/{cus}    whose Stripe customer it is
projects/{p}/customers/{c}   stripe_customer_id, topup (the newest intent), mirrored (a count),
                             tier_change (the newest) …

Every change of the mirror also counts `mirrored` up in the customer's document, conditioned on
the version read before Stripe was asked, so that a slow answer never overwrites a newer one.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from creditbase.accounts.domain import Customer, CustomerRef
from creditbase.accounts.store import customer_from, customer_path
from creditbase.kernel.errors import NotFound
from creditbase.kernel.records import dataclass
from creditbase.payments.domain import (
    SUBSCRIPTION,
    TOPUP,
    Intent,
    Order,
    Payment,
    Return,
    SessionRecord,
)
from creditbase.payments.tier_moves import Change, change_fields, change_from
from creditbase.runtime.firestore import (
    Create,
    Put,
    Snapshot,
    Update,
    Version,
    Write,
    count_documents,
    get_all,
    query,
)
from creditbase.subscriptions.domain.trials import Trial

# ---- the customer's side ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Account:
    """A customer with what payments keeps in its document."""

    customer: Customer
    intents: Mapping[str, Intent]
    """The newest purchase of each kind."""
    mirrored: int
    version: Version
    payment_issue: Mapping[str, Any] | None = None
    unlinked: int = 0
    """How many Stripe customers of it were deleted at Stripe."""
    revision: int = 0
    """Counts changes of the standing that the wallet is told."""
    standing_digest: str = ""
    """Of the newest standing; empty before the first."""
    trial: Trial | None = None
    """The first that the customer had."""
    change: Change | None = None
    """The newest change of tier."""
    auto_topup: Mapping[str, Any] | None = None
    """How the wallet tops itself up, as the customer's document keeps it."""

    def intent_of(self, kind: str) -> Intent | None:
        """Return the newest purchase of a kind, if there ever was one."""
        return self.intents.get(kind)


def load_account(ref: CustomerRef) -> Account:
    """Return the customer and its newest top-up.

    Raises:
        NotFound: there is no such customer.
    """
    found = find_account(ref)
    if found is None:
        raise NotFound("Customer not found")
    return found


def find_account(ref: CustomerRef) -> Account | None:
    """Return the customer and its newest top-up, if there is one."""
    snapshot = get_all([customer_path(ref.project_id, ref.customer_id)])[0]
    if snapshot.fields is None or snapshot.version is None:
        return None
    kept = snapshot.fields
    return Account(
        customer=customer_from(ref, kept),
        intents={
            kind: _intent_from(kept[kind]) for kind in (TOPUP, SUBSCRIPTION) if kind in kept
        },
        mirrored=kept.get("mirrored", 0),
        version=snapshot.version,
        payment_issue=kept.get("payment_issue"),
        unlinked=kept.get("unlinked", 0),
        revision=kept.get("standing", {}).get("revision", 0),
        standing_digest=kept.get("standing", {}).get("digest", ""),
        trial=Trial(**kept["trial"]) if kept.get("trial") else None,
        change=change_from(kept["tier_change"]) if kept.get("tier_change") else None,
        auto_topup=kept.get("auto_topup"),
    )


def writes_for_link(account: Account, stripe_customer_id: str, *, now: datetime) -> list[Write]:
    """Return the batch that ties a customer to its Stripe customer, both ways."""
    customer = account.customer
    link = {
        "project_id": customer.project_id,
        "customer_id": customer.customer_id,
        "created_at": now,
    }
    return [
        account_update(account, {("stripe_customer_id",): stripe_customer_id}),
        Put(f"stripe_customers/{stripe_customer_id}", link),
    ]


def writes_for_adopted(
    account: Account, stripe_customer_id: str, *, is_known: bool, now: datetime
) -> list[Write]:
    """Return the batch of `writes_for_link`, which fails if another got the Stripe customer.

    `is_known`: it was read as this customer's own.
    """
    update, link = writes_for_link(account, stripe_customer_id, now=now)
    assert isinstance(link, Put)
    return [update] if is_known else [update, Create(link.path, link.fields)]


def writes_for_unlink(account: Account) -> list[Write]:
    """Return the write that lets go of a Stripe customer that is no more."""
    changes: dict[tuple[str, ...], Any] = {
        ("stripe_customer_id",): "",
        ("unlinked",): account.unlinked + 1,
    }
    return [account_update(account, changes)]


def writes_for_intent(account: Account, intent: Intent) -> list[Write]:
    """Return the write that counts a new intent, or fails if another was counted first."""
    return [account_update(account, {(intent.order.kind,): _intent_fields(intent)})]


def writes_for_change(account: Account, change: Change) -> list[Write]:
    """Return the write that keeps a change of tier, or fails if the customer has changed."""
    return [account_update(account, {("tier_change",): change_fields(change)})]


def writes_for_open_session(record: SessionRecord) -> list[Write]:
    """Return the write that records a session without a customer."""
    assert record.finds_customer
    return [Create(_session(record.session_id), asdict(record))]


def writes_for_found_customer(
    record: SessionRecord, ref: CustomerRef, stripe_customer_id: str, *, now: datetime
) -> list[Write]:
    """Return the writes that say who paid a session that asked for it."""
    found = replace(record, customer_id=ref.customer_id, stripe_customer_id=stripe_customer_id)
    link = {
        "project_id": ref.project_id,
        "customer_id": ref.customer_id,
        "created_at": now,
    }
    return [
        Put(_session(record.session_id), asdict(found)),
        Create(f"stripe_customers/{stripe_customer_id}", link),
    ]


def writes_for_session(account: Account, intent: Intent, record: SessionRecord) -> list[Write]:
    """Return the batch that records a session, and ends its intent where it is the newest."""
    changes: dict[tuple[str, ...], Any] = {}
    if account.intent_of(record.kind) == intent:
        changes[(record.kind, "session_id")] = record.session_id
    return [
        account_update(account, changes),
        Create(_session(record.session_id), asdict(record)),
    ]


def account_update(account: Account, changes: Mapping[tuple[str, ...], Any]) -> Update:
    """Return the write that changes the customer, or fails if anybody else did meanwhile."""
    customer = account.customer
    return Update(
        customer_path(customer.project_id, customer.customer_id),
        {**changes, ("mirrored",): account.mirrored + 1},
        unless_changed_since=account.version,
    )


def _intent_fields(intent: Intent) -> dict[str, Any]:
    fields = {"number": intent.number, "session_id": intent.session_id, **asdict(intent.order)}
    return fields if intent.begun_at is None else {**fields, "begun_at": intent.begun_at}


def _intent_from(kept: Mapping[str, Any]) -> Intent:
    order = {name: kept[name] for name in Order.__dataclass_fields__ if name in kept}
    return Intent(kept["number"], Order(**order), kept["session_id"], kept.get("begun_at"))


# ---- the mirror ------------------------------------------------------------------------------


def find_session(session_id: str) -> SessionRecord | None:
    """Return what we wrote down of a session, if we asked for it."""
    fields = get_all([_session(session_id)])[0].fields
    return None if fields is None else SessionRecord(**fields)


@dataclass(frozen=True, slots=True)
class Known:
    """A session's record and its payment as one read saw them."""

    record: SessionRecord
    payment: Payment | None


def load_known(session_id: str, payment_id: str) -> Known:
    """Return the session's record, and the payment if it is written down already."""
    record, payment = get_all([_session(session_id), _payment(payment_id or session_id)])
    assert record.fields is not None
    return Known(
        SessionRecord(**record.fields),
        None if payment.fields is None else _payment_from(payment.fields),
    )


def find_payment(payment_id: str) -> Payment | None:
    """Return a payment that is written down, if it is."""
    fields = get_all([_payment(payment_id)])[0].fields
    return None if fields is None else _payment_from(fields)


def writes_for_payment(
    account: Account,
    payment: Payment,
    others: Sequence[Write] = (),
    changes: Mapping[tuple[str, ...], Any] | None = None,
) -> list[Write]:
    """Return the batch that writes a payment down as it now is, one writer at a time.

    `others` is what must happen together with it, a mail, say; `changes` what of the customer.
    """
    return [
        account_update(account, changes or {}),
        Put(_payment(payment.payment_id), _payment_fields(payment)),
        *others,
    ]


def _payment_from(fields: Mapping[str, Any]) -> Payment:
    returns = tuple(Return(**step) for step in fields.get("returns", ()))
    kept = {name: value for name, value in fields.items() if name != "disputed_cents"}
    return Payment(**{**kept, "returns": returns})


def _payment_fields(payment: Payment) -> dict[str, Any]:
    kept = {**asdict(payment), "returns": [asdict(step) for step in payment.returns]}
    disputed_cents = payment.returns[-1].disputed_cents if payment.returns else 0
    # Left out of all others, so that finding the disputed ones costs the rest no index.
    return {**kept, "disputed_cents": disputed_cents} if disputed_cents else kept


def find_disputed(
    project_id: str, *, after: tuple[int, str] | None, limit: int
) -> list[tuple[Payment, int]]:
    """Return payments of a project that banks dispute, and how many cents, the most first."""
    found = query(
        "payments",
        where=[("project_id", "==", project_id), ("disputed_cents", ">", 0)],
        order_by="disputed_cents",
        is_newest_first=True,
        limit=limit,
        after=None if after is None else (after[0], _payment(after[1])),
    )
    return [
        (_payment_from(it.fields), it.fields["disputed_cents"])
        for it in found
        if it.fields is not None
    ]


def count_disputed(project_id: str) -> int:
    """Return how many payments of a project banks dispute."""
    return count_documents(
        "payments", where=[("project_id", "==", project_id), ("disputed_cents", ">", 0)]
    )


def writes_for_mirror(
    account: Account, known: Known, record: SessionRecord, payment: Payment | None
) -> list[Write]:
    """Return the batch that brings the mirror up to date; nothing where it is already."""
    writes: list[Write] = []
    if record != known.record:
        path = _session(record.session_id)
        writes.append(Put(path, asdict(record)))
    if payment is not None and known.payment is None:
        writes.append(Create(_payment(payment.payment_id), _payment_fields(payment)))
    return [account_update(account, {}), *writes] if writes else []


def find_owner(stripe_customer_id: str) -> CustomerRef | None:
    """Return whose Stripe customer it is, if it is one of ours."""
    return find_owners([stripe_customer_id]).get(stripe_customer_id)


def find_owners(stripe_customer_ids: Iterable[str]) -> dict[str, CustomerRef]:
    """Return whose Stripe customers they are, of those that are ours; by one RPC."""
    names = [name for name in dict.fromkeys(stripe_customer_ids) if name]
    found = get_all([_payer(name) for name in names]) if names else []
    return {
        name: CustomerRef(snapshot.fields["project_id"], snapshot.fields["customer_id"])
        for name, snapshot in zip(names, found, strict=True)
        if snapshot.fields is not None
    }


def is_erased_payer(stripe_customer_id: str) -> bool:
    """Return whether a Stripe customer was that of a person who was erased."""
    if not stripe_customer_id:
        return False
    fields = get_all([_payer(stripe_customer_id)], only=["erased_at"])[0].fields
    return bool(fields and fields.get("erased_at"))


def find_payers(customer_id: str, *, limit: int) -> list[Snapshot]:
    """Return the Stripe customers that a customer ever had."""
    return query("stripe_customers", where=[("customer_id", "==", customer_id)], limit=limit)


def find_sessions_of(customer_id: str, *, after: str, limit: int) -> list[Snapshot]:
    """Return a customer's sessions, by id, beyond one."""
    return query(
        "checkout_sessions",
        where=[("customer_id", "==", customer_id)],
        order_by="customer_id",
        limit=limit,
        after=(customer_id, _session(after)) if after else None,
    )


def find_payments_of(customer_id: str, *, after: str, limit: int) -> list[Snapshot]:
    """Return a customer's payments, by id, beyond one."""
    return query(
        "payments",
        where=[("customer_id", "==", customer_id)],
        order_by="customer_id",
        limit=limit,
        after=(customer_id, _payment(after)) if after else None,
    )


def writes_to_mark_payers(found: Sequence[Snapshot], at: datetime) -> list[Write]:
    """Return the writes that say of Stripe customers that their person was erased."""
    return [
        Update(one.path, {("erased_at",): at}, unless_changed_since=one.version)
        for one in found
        if one.version is not None and "erased_at" not in (one.fields or {})
    ]


def writes_to_empty_sessions(found: Sequence[Snapshot]) -> list[Write]:
    """Return the writes that take the user out of sessions."""
    changes: dict[tuple[str, ...], Any] = {("uid",): "", ("is_erased",): True}
    return [
        Update(one.path, changes, unless_changed_since=one.version)
        for one in found
        if one.version is not None and not (one.fields or {}).get("is_erased")
    ]


def find_known_payments(payment_ids: Sequence[str]) -> set[str]:
    """Return which of these payments are written down, by one RPC."""
    paths = [_payment(name) for name in payment_ids]
    found = get_all(paths, only=["kind"]) if paths else []
    return {name for name, one in zip(payment_ids, found, strict=True) if one.exists}


def _payer(stripe_customer_id: str) -> str:
    return f"stripe_customers/{stripe_customer_id}"


def _session(session_id: str) -> str:
    return f"checkout_sessions/{session_id}"


def _payment(payment_id: str) -> str:
    return f"payments/{payment_id}"
