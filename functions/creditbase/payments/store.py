"""The mirror of Stripe and its inbox. Nobody else spells these paths.

checkout_sessions/{cs}    what we asked for, and how far it has come
payments/{pi}             what was paid, and the grant that it is owed
stripe_customers/{cus}    whose Stripe customer it is
stripe_events/{evt}       the inbox; goes after 90 days
projects/{p}/customers/{c}   stripe_customer_id, topup (the newest intent), mirrored (a count)

Every change of the mirror also counts `mirrored` up in the customer's document, conditioned on
the version read before Stripe was asked, so that a slow answer never overwrites a newer one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from creditbase.accounts.domain import Customer, CustomerRef
from creditbase.accounts.store import customer_from, customer_path
from creditbase.kernel.errors import NotFound
from creditbase.payments.domain import (
    EVENT_LIFETIME,
    SUBSCRIPTION,
    TOPUP,
    Event,
    Intent,
    Order,
    Outcome,
    Payment,
    Return,
    SessionRecord,
)
from creditbase.payments.retrying import retry_after, shard_of
from creditbase.runtime.firestore import (
    Create,
    Put,
    Snapshot,
    Update,
    Version,
    Write,
    get_all,
    query,
)

PAYLOAD_CHARACTERS_MAX = 200_000
"""A longer payload is not kept: the object is asked for again anyway."""


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
    revision: int = 0
    """Counts changes of the standing that the wallet is told."""
    standing_digest: str = ""
    """Of the newest standing; empty before the first."""

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
        revision=kept.get("standing", {}).get("revision", 0),
        standing_digest=kept.get("standing", {}).get("digest", ""),
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
        _account_update(account, {("stripe_customer_id",): stripe_customer_id}),
        Put(f"stripe_customers/{stripe_customer_id}", link),
    ]


def writes_for_intent(account: Account, intent: Intent) -> list[Write]:
    """Return the write that counts a new intent, or fails if another was counted first."""
    return [_account_update(account, {(intent.order.kind,): _intent_fields(intent)})]


def writes_for_session(account: Account, intent: Intent, record: SessionRecord) -> list[Write]:
    """Return the batch that records a session, and ends its intent where it is the newest."""
    changes: dict[tuple[str, ...], Any] = {}
    if account.intent_of(record.kind) == intent:
        changes[(record.kind, "session_id")] = record.session_id
    return [
        _account_update(account, changes),
        Create(_session(record.session_id), asdict(record)),
    ]


def _account_update(account: Account, changes: Mapping[tuple[str, ...], Any]) -> Update:
    customer = account.customer
    return Update(
        customer_path(customer.project_id, customer.customer_id),
        {**changes, ("mirrored",): account.mirrored + 1},
        unless_changed_since=account.version,
    )


def _intent_fields(intent: Intent) -> dict[str, Any]:
    return {"number": intent.number, "session_id": intent.session_id, **asdict(intent.order)}


def _intent_from(kept: Mapping[str, Any]) -> Intent:
    order = {name: kept[name] for name in Order.__dataclass_fields__ if name in kept}
    return Intent(kept["number"], Order(**order), kept["session_id"])


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


def writes_for_payment(account: Account, payment: Payment) -> list[Write]:
    """Return the batch that writes a payment down as it now is, one writer at a time."""
    return [
        _account_update(account, {}),
        Put(_payment(payment.payment_id), _payment_fields(payment)),
    ]


def _payment_from(fields: Mapping[str, Any]) -> Payment:
    returns = tuple(Return(**step) for step in fields.get("returns", ()))
    return Payment(**{**fields, "returns": returns})


def _payment_fields(payment: Payment) -> dict[str, Any]:
    return {**asdict(payment), "returns": [asdict(step) for step in payment.returns]}


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
    return [_account_update(account, {}), *writes] if writes else []


def find_owner(stripe_customer_id: str) -> CustomerRef | None:
    """Return whose Stripe customer it is, if it is one of ours."""
    fields = get_all([f"stripe_customers/{stripe_customer_id}"])[0].fields
    return None if fields is None else CustomerRef(fields["project_id"], fields["customer_id"])


def writes_for_standing(
    account: Account, records: Sequence[Write], issue: Mapping[str, Any] | None, digest: str
) -> list[Write]:
    """Return the batch that mirrors a customer's subscriptions; nothing where nothing changed.

    `issue` is the payment that failed, or None; `digest` is of the standing.
    """
    if not records and account.payment_issue == issue and account.standing_digest == digest:
        return []
    changes: dict[tuple[str, ...], Any] = {
        ("payment_issue",): issue,
        ("standing",): {"revision": account.revision + 1, "digest": digest},
    }
    return [_account_update(account, changes), *records]


def _session(session_id: str) -> str:
    return f"checkout_sessions/{session_id}"


def _payment(payment_id: str) -> str:
    return f"payments/{payment_id}"


# ---- the inbox -------------------------------------------------------------------------------


FINISHED = frozenset({"applied", "ignored", "quarantined"})
"""How an event ends. A `stored` one is still tried, a `dead` one only if it is sent again."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An event of the inbox: finished, or with the version that finishing it needs."""

    is_finished: bool
    version: Version


def find_event(event_id: str) -> Stored | None:
    """Return how far an event has come, if it was ever stored."""
    snapshot = get_all([_event(event_id)])[0]
    if snapshot.fields is None or snapshot.version is None:
        return None
    return Stored(snapshot.fields["status"] in FINISHED, snapshot.version)


@dataclass(frozen=True, slots=True)
class Waiting:
    """An unfinished event of the inbox: how often it was tried, and the version read."""

    event: Event
    attempts: int
    version: Version


def find_due_events(*, shard: int, now: datetime, limit: int) -> list[Waiting]:
    """Return unfinished events of a shard that want to be tried, the longest due first."""
    found = query(
        "stripe_events",
        where=[("shard", "==", shard), ("next_try_at", "<=", now)],
        order_by="next_try_at",
        limit=limit,
    )
    return [_waiting(snapshot) for snapshot in found]


def find_waiting(event_id: str) -> Waiting | None:
    """Return the event as it stands, if it is still tried."""
    snapshot = get_all([_event(event_id)])[0]
    if snapshot.fields is None or snapshot.fields["status"] != "stored":
        return None
    return _waiting(snapshot)


def _waiting(snapshot: Snapshot) -> Waiting:
    assert snapshot.fields is not None
    assert snapshot.version is not None
    kept = snapshot.fields
    event = Event(
        event_id=snapshot.path.rpartition("/")[2],
        type=kept["type"],
        is_live=kept["livemode"],
        account=kept["account"],
        api_version=kept["api_version"],
        object_id=kept["object_id"],
        object_type=kept["object_type"],
        payload=kept["payload"],
    )
    return Waiting(event, kept["attempts"], snapshot.version)


def writes_for_arrival(event: Event, *, now: datetime) -> list[Write]:
    """Return the write that stores an event, or fails if it was stored before."""
    fits = len(event.payload) <= PAYLOAD_CHARACTERS_MAX
    fields = {
        "type": event.type,
        "livemode": event.is_live,
        "account": event.account,
        "api_version": event.api_version,
        "object_id": event.object_id,
        "object_type": event.object_type,
        "payload": event.payload if fits else "",
        "status": "stored",
        "reason": "",
        "received_at": now,
        "finished_at": None,
        "expires_at": now + EVENT_LIFETIME,
        "attempts": 0,
        "next_try_at": now + retry_after(0),
        "shard": shard_of(event.event_id),
    }
    return [Create(_event(event.event_id), fields)]


def writes_for_end(
    event: Event, outcome: Outcome, version: Version, *, now: datetime
) -> list[Write]:
    """Return the write that finishes an event, or fails if somebody else did."""
    changes: dict[tuple[str, ...], Any] = {
        ("status",): outcome.status,
        ("reason",): outcome.reason,
        ("finished_at",): now,
        ("next_try_at",): None,
    }
    return [Update(_event(event.event_id), changes, unless_changed_since=version)]


def writes_for_attempt(waiting: Waiting, *, now: datetime) -> list[Write]:
    """Return the write that counts an attempt before it is made, or fails if a twin did.

    Whoever dies in it has made it all the same, so that no event can kill us for ever.
    """
    attempts = waiting.attempts + 1
    changes: dict[tuple[str, ...], Any] = {
        ("attempts",): attempts,
        ("next_try_at",): now + retry_after(attempts),
    }
    path = _event(waiting.event.event_id)
    return [Update(path, changes, unless_changed_since=waiting.version)]


def writes_for_death(waiting: Waiting) -> list[Write]:
    """Return the write that gives an event up, or fails if it has changed."""
    changes: dict[tuple[str, ...], Any] = {("status",): "dead", ("next_try_at",): None}
    path = _event(waiting.event.event_id)
    return [Update(path, changes, unless_changed_since=waiting.version)]


def _event(event_id: str) -> str:
    return f"stripe_events/{event_id}"
