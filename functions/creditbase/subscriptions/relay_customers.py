"""A project's customers: made with a wallet, changed, listed, deleted.

A customer, its name and its wallet are made in one commit, so of many who make the same one
at once exactly one does. Source: relay-api.md 5.
"""

import json
from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime

from creditbase.accounts import customer_store as accounts
from creditbase.accounts import domain
from creditbase.accounts.customer_store import KeptName, begins_in_shadow
from creditbase.accounts.domain import Customer, CustomerRef
from creditbase.accounts.store import find_customer, writes_to_unlink
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.kernel.errors import BillingError, Conflict, NotFound
from creditbase.kernel.records import dataclass
from creditbase.ledger import store as ledger
from creditbase.ledger.batch import decide_batch, writes_of
from creditbase.ledger.domain.commands import Freeze
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import DELETED
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.salts import new_salt
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.events import Event, EventType, create_event
from creditbase.runtime.firestore import Write
from creditbase.runtime.settings import settings
from creditbase.subscriptions.domain.tier_standing import no_tier

IDENTITIES_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerOrder:
    """What a back end says of a customer. Without `metadata` what is there stays."""

    project_id: str
    external_id: str
    email: str
    request_id: str
    """Random: tells our own lost reply from somebody else's customer of the same name."""
    metadata: Mapping[str, object] | None = field(default=None)


def create_customer(order: CustomerOrder, *, now: datetime) -> Customer:
    """Make a customer with an empty wallet; it has no tier, so it can spend nothing.

    Raises:
        Conflict: the project has a customer of that external id.
        Contention, Unavailable: safe to repeat.
    """

    def attempt() -> Attempt[Customer]:
        name, found = accounts.find_by_name(order.project_id, order.external_id)
        if found is None:
            return _made(order, name, now=now)
        if found.made_by == order.request_id:
            return Attempt(found.customer, ())
        raise Conflict("A customer with this external_id exists")

    return commit_or_retry(attempt)


def upsert_customer(order: CustomerOrder, *, now: datetime) -> tuple[Customer, bool]:
    """Return the customer of an external id as it was said to be, and whether it is new.

    Raises:
        Contention, Unavailable: safe to repeat.
    """

    def attempt() -> Attempt[tuple[Customer, bool]]:
        name, found = accounts.find_by_name(order.project_id, order.external_id)
        if found is None:
            made = _made(order, name, now=now)
            return Attempt((made.answer, True), made.writes)
        kept = found.customer
        if found.made_by == order.request_id:
            return Attempt((kept, True), ())
        metadata = kept.metadata if order.metadata is None else order.metadata
        changed = replace(kept, email=order.email, metadata=metadata)
        if changed == kept and _is_same_json(metadata, kept.metadata):
            return Attempt((kept, False), ())
        changed = replace(changed, updated_at=now)
        told = _told("customer.updated", changed, order.request_id, now=now)
        writes = [*accounts.writes_for_profile(found, changed), told]
        return Attempt((changed, False), writes)

    return commit_or_retry(attempt)


def _is_same_json(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Return whether both are written alike, in whatever order: `1` and `true` are not."""
    return json.dumps(dict(one), sort_keys=True) == json.dumps(dict(other), sort_keys=True)


def _made(order: CustomerOrder, name: KeptName | None, *, now: datetime) -> Attempt[Customer]:
    customer, taken = domain.new_customer(
        project_id=order.project_id,
        external_id=order.external_id,
        now=now,
        email=order.email,
        metadata=order.metadata or {},
        generation=domain.FIRST_GENERATION if name is None else name.name.generation + 1,
    )
    ref = WalletRef(customer.project_id, customer.customer_id)
    opened = open_wallet(
        ref.wallet_id,
        owner_uid="",
        terms=no_tier(),
        now=now,
        salt=new_salt(),
        is_shadowed=begins_in_shadow(order.project_id),
    )
    writes = accounts.writes_for_new_customer(
        customer, taken, before=name, made_by=order.request_id
    )
    told = _told("customer.created", customer, now=now)
    return Attempt(customer, [*writes, *ledger.writes_to_open(ref, opened), told])


def _told(
    event_type: EventType, customer: Customer, cause: str = "", *, now: datetime
) -> Write:
    """Return the write that tells the project's developer."""
    data: dict[str, object] = {
        "customer_id": customer.customer_id,
        "external_id": customer.external_id,
    }
    if event_type != "customer.deleted":
        data |= {"email": customer.email, "metadata": dict(customer.metadata)}
    name = f"{event_type}/{customer.customer_id}/{cause}"
    event = Event(project_id=customer.project_id, event_type=event_type, cause=name, data=data)
    return create_event(event, now=now)


def load_customer(project_id: str, customer_id: str) -> Customer:
    """Return a customer of the project.

    Raises:
        NotFound: it has none of that id; another project's, and a deleted one, look the same.
    """
    found = find_customer(CustomerRef(project_id, customer_id))
    if found is None:
        raise NotFound("Customer not found")
    return found


def load_customer_by_name(project_id: str, external_id: str) -> Customer:
    """Return the project's customer of an external id.

    Raises:
        NotFound: it has none of that name, or has deleted it.
    """
    _, found = accounts.find_by_name(project_id, external_id)
    if found is None:
        raise NotFound("Customer not found")
    return found.customer


def list_customers(project_id: str) -> list[Customer]:
    """Return all customers of a project, the oldest first; its own account is none of them."""
    every = accounts.load_customers(project_id)
    found = [customer for customer in every if customer.external_id != domain.ACCOUNT]
    return sorted(found, key=lambda customer: (customer.created_at, customer.customer_id))


def delete_customer(
    project_id: str,
    customer_id: str,
    *,
    now: datetime,
    erased: accounts.Erased | None = None,
) -> None:
    """Delete a customer: its name is free again, its id never comes back.

    What stays has no personal data: the ledger, which is for ever, and a stone in the place
    of the profile. The wallet is frozen in the same commit, so nobody spends from it; a user
    of the hub is parted from it, with the keys that stood for it, and is somebody new later.
    `erased` is written of a person whose traces all go (`admin/erasing.py`).

    Raises:
        NotFound: the project has no such customer.
        Contention, Unavailable: safe to repeat.
    """
    ref = CustomerRef(project_id, customer_id)
    has_tried = False

    def attempt() -> Attempt[None]:
        nonlocal has_tried
        found = accounts.find_kept_customer(ref)
        if found is None:
            if has_tried:
                return Attempt(None, ())  # the earlier attempt, or a twin, did it
            raise NotFound("Customer not found")
        has_tried = True
        told = _told("customer.deleted", found.customer, now=now)
        parted: list[Write] = []
        if project_id == HUB_PROJECT_ID:
            uid = found.customer.external_id
            parted = writes_to_unlink(ref, uid, is_erased=erased is not None)
        gone = [*accounts.writes_to_delete(found, now, erased), *parted]
        writes = [*gone, *_frozen(ref, now=now), told]
        return Attempt(None, writes)

    commit_or_retry(attempt)


def claim_customer(
    project_id: str, *, email: str, identity: str, now: datetime
) -> tuple[Customer, bool]:
    """Link who signed in with a provider to the customer of an address; say whether it is new.

    Raises:
        NotFound: no customer of the project has this address.
        Conflict: several have it, or the identity is somebody else's.
        Contention, Unavailable: safe to repeat.
    """

    def attempt() -> Attempt[tuple[Customer, bool]]:
        found = accounts.find_by_email(project_id, email)
        if not found:
            raise NotFound("Customer not found")
        if len(found) > 1:
            raise Conflict("Several customers have this e-mail address")
        customer = found[0].customer
        owner = accounts.find_identity(project_id, identity)
        if owner == customer.customer_id:
            return Attempt((customer, False), ())
        if owner:
            raise Conflict("This identity belongs to another customer")
        if len(customer.identities) >= IDENTITIES_MAX:
            raise Conflict("This customer has as many identities as it may have")
        return Attempt((customer, True), accounts.writes_to_link(found[0], identity, now))

    return commit_or_retry(attempt)


def _frozen(ref: CustomerRef, *, now: datetime) -> list[Write]:
    wallet = WalletRef(ref.project_id, ref.customer_id)
    loaded = ledger.find_wallet(wallet)
    if loaded is None:
        return []
    batch = decide_batch(loaded, [(Freeze(DELETED), now)])
    for outcome in batch.outcomes:
        if isinstance(outcome, BillingError):
            raise outcome
    interval_s = settings().publish_interval_s
    _, writes = writes_of(wallet, batch, loaded.version, publish_interval_s=interval_s)
    return writes
