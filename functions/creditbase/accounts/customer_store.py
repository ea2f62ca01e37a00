"""Customers with the versions that a change of them is conditioned on.

projects/{p}/customers/{c}                   profile, email_key, made_by, deleted_at
projects/{p}/customer_names/{sha256(name)}   external_id, generation, customer_id
projects/{p}/identities/{sha256(identity)}   customer_id: who signed in with a provider
"""

from dataclasses import replace
from datetime import datetime

from creditbase.accounts.domain import ACCOUNT, Customer, CustomerName, CustomerRef
from creditbase.accounts.store import (
    customer_from,
    customer_path,
    find_project,
    name_path,
    used_name,
    write_metadata,
)
from creditbase.kernel.records import dataclass
from creditbase.runtime.firestore import (
    DELETE_FIELD,
    Create,
    Delete,
    Fields,
    Snapshot,
    Update,
    Version,
    Write,
    get_all,
    page_of,
    query,
)

PAGE = 500


@dataclass(frozen=True, slots=True)
class KeptName:
    """A name that was used, now or before."""

    name: CustomerName
    version: Version


@dataclass(frozen=True, slots=True)
class KeptCustomer:
    """A customer, with its version and the request that made it."""

    customer: Customer
    version: Version
    made_by: str


def find_kept_customer(ref: CustomerRef) -> KeptCustomer | None:
    """Return the customer with its version; what is left of a deleted one is none."""
    return _kept(ref, get_all([customer_path(ref.project_id, ref.customer_id)])[0])


def find_by_name(
    project_id: str, external_id: str
) -> tuple[KeptName | None, KeptCustomer | None]:
    """Return a name that was ever used, and whose it is now.

    By two reads: a change between them changes the name too, so a commit that is conditioned
    on either fails.
    """
    snapshot = get_all([name_path(project_id, external_id)])[0]
    name = used_name(project_id, snapshot)
    if name is None or snapshot.version is None:
        return None, None
    found = None
    if name.customer_id:
        found = find_kept_customer(CustomerRef(project_id, name.customer_id))
    return KeptName(name, snapshot.version), found


def begins_in_shadow(project_id: str) -> bool:
    """Return whether a customer who is new in a project begins in shadow mode."""
    project = find_project(project_id)
    return project is not None and project.shadow_default


def find_used_name(project_id: str, external_id: str) -> CustomerName | None:
    """Return a name that was ever used; it may be free again."""
    return used_name(project_id, get_all([name_path(project_id, external_id)])[0])


def load_customers(project_id: str) -> list[Customer]:
    """Return all customers of a project, in pages of one read each."""
    collection = f"projects/{project_id}/customers"
    found: list[Customer] = []
    page = page_of(collection, after="", limit=PAGE)
    while page:
        for snapshot in page:
            kept = _kept(CustomerRef(project_id, snapshot.document_id), snapshot)
            if kept is not None:
                found.append(kept.customer)
        is_last = len(page) < PAGE
        page = [] if is_last else page_of(collection, after=page[-1].document_id, limit=PAGE)
    return found


def find_by_email(project_id: str, email: str) -> list[KeptCustomer]:
    """Return at most two customers of an e-mail address, whatever its case.

    The project's own account is none of them: its address is its founder's, who may well be
    a customer too.
    """
    found = query(
        f"projects/{project_id}/customers",
        where=[("email_key", "==", email.casefold())],
        limit=3,
    )
    kept = [_kept(CustomerRef(project_id, one.document_id), one) for one in found]
    theirs = [one for one in kept if one and one.customer.external_id != ACCOUNT]
    return theirs[:2]


def _kept(ref: CustomerRef, snapshot: Snapshot) -> KeptCustomer | None:
    if snapshot.fields is None or snapshot.version is None:
        return None
    customer = customer_from(ref, snapshot.fields)
    if customer.deleted_at is not None:
        return None
    return KeptCustomer(customer, snapshot.version, snapshot.fields.get("made_by", ""))


# ---- writes --------------------------------------------------------------------------------


def writes_for_new_customer(
    customer: Customer,
    name: CustomerName,
    *,
    before: KeptName | None = None,
    made_by: str = "",
) -> list[Write]:
    """Return the batch that makes a customer under a free name, or fails whole.

    `before` is the name as it was used before, if it was; `made_by` the request that asks.
    """
    path = name_path(name.project_id, name.external_id)
    fields = {
        "external_id": name.external_id,
        "generation": name.generation,
        "customer_id": name.customer_id,
    }
    changes: dict[tuple[str, ...], object] = {
        (field,): value for field, value in fields.items()
    }
    return [
        Create(path, fields)
        if before is None
        else Update(path, changes, unless_changed_since=before.version),
        Create(
            customer_path(customer.project_id, customer.customer_id),
            {
                **_profile(customer),
                "created_at": customer.created_at,
                "made_by": made_by,
                **_linked(customer.stripe_customer_id),
            },
        ),
    ]


def _linked(stripe_customer_id: str) -> Fields:
    """Return the field of who paid before there was a customer; nobody else has it yet."""
    return {"stripe_customer_id": stripe_customer_id} if stripe_customer_id else {}


def writes_for_profile(found: KeptCustomer, changed: Customer) -> list[Write]:
    """Return the change of what a back end says of a customer; the rest is others'."""
    kept = _profile(found.customer)
    changes: dict[tuple[str, ...], object] = {
        (key,): value for key, value in _profile(changed).items() if kept[key] != value
    }
    path = customer_path(changed.project_id, changed.customer_id)
    return [Update(path, changes, unless_changed_since=found.version)]


def writes_for_address(found: KeptCustomer, email: str, now: datetime) -> list[Write]:
    """Return the change of a customer's address."""
    changed = replace(found.customer, email=email, updated_at=now)
    return writes_for_profile(found, changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What is written of an erasure beside what a deletion leaves."""

    at: datetime
    """In real time: whoever signed in before it is not let in any more."""
    free_again_at: datetime
    """Before this whoever has the name again gets no free credits."""


ERASED_TOO = ("topup", "subscription", "auto_topup", "payment_issue")
"""What payments keeps of a customer that says where its pages return to, or how it pays."""


def writes_to_delete(
    found: KeptCustomer, now: datetime, erased: Erased | None = None
) -> list[Write]:
    """Return the batch that leaves of a customer a stone, and of its name the generation.

    What others need of the stone stays: its subscription and the customer at Stripe.
    """
    customer = found.customer
    ref = customer.ref
    gone: dict[tuple[str, ...], object] = {
        ("external_id",): "",
        ("email",): "",
        ("email_key",): "",
        ("uid",): "",
        ("metadata",): write_metadata({}),
        ("identities",): DELETE_FIELD,
        ("updated_at",): now,
        ("deleted_at",): now,
    }
    name = get_all([name_path(ref.project_id, customer.external_id)])[0]
    assert name.version is not None
    freed: dict[tuple[str, ...], object] = {("external_id",): "", ("customer_id",): ""}
    if erased is not None:
        gone |= {(field,): DELETE_FIELD for field in ERASED_TOO}
        gone[("erased_at",)] = erased.at
        freed[("erased_at",)] = erased.at
        freed[("free_again_at",)] = erased.free_again_at
    return [
        Update(
            customer_path(ref.project_id, ref.customer_id),
            gone,
            unless_changed_since=found.version,
        ),
        Update(name.path, freed, unless_changed_since=name.version),
        *(Delete(identity_path(ref.project_id, digest)) for digest in customer.identities),
    ]


def _profile(customer: Customer) -> Fields:
    return {
        "external_id": customer.external_id,
        "email": customer.email,
        "email_key": customer.email.casefold(),
        "uid": customer.uid,
        "metadata": write_metadata(customer.metadata),
        "updated_at": customer.updated_at,
    }


# ---- identities ----------------------------------------------------------------------------


def identity_path(project_id: str, digest: str) -> str:
    """Return the document of who signed in with a provider, by a digest of who that is."""
    return f"projects/{project_id}/identities/{digest}"


def find_identity(project_id: str, digest: str) -> str:
    """Return the customer that an identity is linked to, or nothing."""
    fields = get_all([identity_path(project_id, digest)])[0].fields
    return "" if fields is None else str(fields["customer_id"])


def writes_to_link(found: KeptCustomer, digest: str, now: datetime) -> list[Write]:
    """Return the batch that links an identity to a customer, or fails whole if it is taken."""
    customer = found.customer
    identities = sorted({*customer.identities, digest})
    return [
        Update(
            customer_path(customer.project_id, customer.customer_id),
            {("identities",): identities, ("updated_at",): now},
            unless_changed_since=found.version,
        ),
        Create(
            identity_path(customer.project_id, digest),
            {"customer_id": customer.customer_id, "created_at": now},
        ),
    ]
