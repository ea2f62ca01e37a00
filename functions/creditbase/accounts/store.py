"""Where accounts are kept. Nobody else spells these paths.

projects/{p}                                 profile, secret_keys{}
projects/{p}/customers/{c}                   profile
projects/{p}/customer_names/{sha256(name)}   external_id, generation, customer_id
users/{uid}                                  role, project_id, customer_id, api_keys{}
api_keys/{sha256(key)}, secret_keys/{…}      whose key it is; found by digest only
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from creditbase.accounts.domain import (
    Customer,
    CustomerName,
    CustomerRef,
    Key,
    Project,
    Ring,
    TierSubscription,
    User,
)
from creditbase.kernel.ids import sha256_hex
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
)
from creditbase.runtime.identity import KeyHolder


@dataclass(frozen=True, slots=True)
class KeyKind:
    """Where the keys of a kind are kept: by digest, and in the ring of their holder."""

    collection: str
    ring_field: str


API_KEYS = KeyKind("api_keys", "api_keys")
SECRET_KEYS = KeyKind("secret_keys", "secret_keys")


PROJECT_FIELDS = (
    *("name", "description", "owners", "allowed_origins"),
    *("low_balance_threshold_cents", "topup_min_cents", "markup_bps"),
    *("created_at", "updated_at", "archived_at", "shadow_default"),
)
SUBSCRIPTION_FIELD = "tier_subscription"
"""The field of a customer's document with its tier, written whole (payments keeps its newest
intent to buy under `subscription`)."""


def project_path(project_id: str) -> str:
    """Return the document of a project."""
    return f"projects/{project_id}"


def customer_path(project_id: str, customer_id: str) -> str:
    """Return the document of a customer."""
    return f"projects/{project_id}/customers/{customer_id}"


def name_path(project_id: str, external_id: str) -> str:
    """Return the document of a customer's name: any text, so its digest is the id."""
    return f"projects/{project_id}/customer_names/{sha256_hex(external_id)}"


def user_path(uid: str) -> str:
    """Return the document of a Firebase user."""
    return f"users/{uid}"


def key_path(kind: KeyKind, digest: str) -> str:
    """Return the document that a look-up of a key reads."""
    return f"{kind.collection}/{digest}"


# ---- projects, customers, users ------------------------------------------------------------


def find_project(project_id: str) -> Project | None:
    """Return the project, if there is one."""
    return project_from(get_all([project_path(project_id)])[0])


def project_from(snapshot: Snapshot) -> Project | None:
    """Return the project that a snapshot holds, if any. Those of old have fewer fields."""
    if snapshot.fields is None:
        return None
    found = {name: value for name, value in snapshot.fields.items() if name in PROJECT_FIELDS}
    lists = {name: tuple(found.get(name, ())) for name in ("owners", "allowed_origins")}
    if found.get("markup_bps") is None:  # null before the first catalog
        found.pop("markup_bps", None)
    keys = frozenset(snapshot.fields.get(SECRET_KEYS.ring_field, ()))
    kept = {**found, **lists, "secret_key_ids": keys}
    return Project(project_id=snapshot.document_id, **kept)


def project_fields(project: Project) -> Fields:
    """Return what is kept of a project."""
    fields = {name: getattr(project, name) for name in PROJECT_FIELDS}
    return {
        **fields,
        "owners": list(project.owners),
        "allowed_origins": list(project.allowed_origins),
    }


def writes_for_new_project(project: Project) -> list[Write]:
    """Return the batch that makes a project."""
    fields = {**project_fields(project), "secret_keys": {}}
    return [Create(project_path(project.project_id), fields)]


def find_customer(ref: CustomerRef) -> Customer | None:
    """Return the customer, if there is one; what is left of a deleted one is none."""
    return _live(ref, get_all([customer_path(ref.project_id, ref.customer_id)])[0])


def find_project_and_customer(ref: CustomerRef) -> tuple[Project | None, Customer | None]:
    """Return a customer and its project, of one instant, by one RPC."""
    paths = [project_path(ref.project_id), customer_path(ref.project_id, ref.customer_id)]
    project, customer = get_all(paths)
    return project_from(project), _live(ref, customer)


def _live(ref: CustomerRef, snapshot: Snapshot) -> Customer | None:
    customer = None if snapshot.fields is None else customer_from(ref, snapshot.fields)
    return None if customer is None or customer.deleted_at is not None else customer


def customer_from(ref: CustomerRef, fields: Fields) -> Customer:
    """Return the customer that a document's fields are."""
    return Customer(
        project_id=ref.project_id,
        customer_id=ref.customer_id,
        external_id=fields["external_id"],
        email=fields["email"],
        uid=fields["uid"],
        stripe_customer_id=fields.get("stripe_customer_id", ""),
        metadata=metadata_from(fields["metadata"]),
        created_at=fields["created_at"],
        updated_at=fields["updated_at"],
        subscription=subscription_from(fields.get(SUBSCRIPTION_FIELD)),
        identities=tuple(fields.get("identities", ())),
        deleted_at=fields.get("deleted_at"),
    )


def metadata_from(kept: str | Fields) -> Fields:
    """Return a customer's metadata. Text, because Firestore takes not every JSON."""
    found: Fields = json.loads(kept) if isinstance(kept, str) else kept
    return found


def write_metadata(metadata: Mapping[str, object]) -> str:
    """Return a customer's metadata as it is kept."""
    return json.dumps(dict(metadata), ensure_ascii=False, separators=(",", ":"))


def subscription_from(kept: Fields | None) -> TierSubscription | None:
    """Return the subscription to a tier that a customer's document holds, if any."""
    return TierSubscription(**kept) if kept else None


def subscription_fields(subscription: TierSubscription) -> Fields:
    """Return what is kept of a subscription to a tier, under `SUBSCRIPTION_FIELD`."""
    return asdict(subscription)


def find_name(project_id: str, external_id: str) -> CustomerName | None:
    """Return whose name it is, if anybody's."""
    snapshot = get_all([name_path(project_id, external_id)])[0]
    return name_from(project_id, snapshot)


def name_from(project_id: str, snapshot: Snapshot) -> CustomerName | None:
    """Return the name that a snapshot holds, if anybody has it now."""
    name = used_name(project_id, snapshot)
    return None if name is None or not name.customer_id else name


def used_name(project_id: str, snapshot: Snapshot) -> CustomerName | None:
    """Return the name that a snapshot holds, if it was ever used; it may be free again."""
    if snapshot.fields is None:
        return None
    return CustomerName(
        project_id=project_id,
        external_id=snapshot.fields["external_id"],
        generation=snapshot.fields["generation"],
        customer_id=snapshot.fields["customer_id"],
        erased_at=snapshot.fields.get("erased_at"),
        free_again_at=snapshot.fields.get("free_again_at"),
    )


def find_user(uid: str) -> User | None:
    """Return the user, if it ever came."""
    return user_from(uid, get_all([user_path(uid)])[0])


def user_from(uid: str, snapshot: Snapshot) -> User | None:
    """Return the user that a snapshot holds, if any; not one whose customer was deleted."""
    if snapshot.fields is None or not snapshot.fields["customer_id"]:
        return None
    return User(
        uid=uid,
        customer=CustomerRef(snapshot.fields["project_id"], snapshot.fields["customer_id"]),
        created_at=snapshot.fields["created_at"],
        role=snapshot.fields["role"],
    )


def find_role(uid: str) -> str:
    """Return a user's role; whoever never came has none. It outlives the user's customer."""
    fields = get_all([user_path(uid)])[0].fields
    return "" if fields is None else str(fields["role"])


def writes_for_new_user(user: User, before: Snapshot | None = None) -> list[Write]:
    """Return the batch that links a Firebase user to its customer, once.

    `before` is what is left of the user whose customer was deleted: its role stays.
    """
    if before is not None and before.version is not None:
        linked: dict[tuple[str, ...], object] = {
            ("project_id",): user.customer.project_id,
            ("customer_id",): user.customer.customer_id,
        }
        path = user_path(user.uid)
        return [Update(path, linked, unless_changed_since=before.version)]
    fields = {
        "role": user.role,
        "project_id": user.customer.project_id,
        "customer_id": user.customer.customer_id,
        "created_at": user.created_at,
        "api_keys": {},
    }
    return [Create(user_path(user.uid), fields)]


def writes_to_unlink(ref: CustomerRef, uid: str, *, is_erased: bool = False) -> list[Write]:
    """Return the batch that parts a user from a customer that is deleted, with its keys.

    Without it the user would be on a dead wallet for ever; so it is somebody new when it
    comes again. Of who is erased nothing is left, no role either. Nothing is done where the
    user is another customer's.
    """
    ring = find_ring(user_path(uid), API_KEYS)
    owner = {"project_id": ref.project_id, "customer_id": ref.customer_id}
    if ring is None or ring.owner != owner:
        return []
    gone: dict[tuple[str, ...], object] = {("customer_id",): "", (API_KEYS.ring_field,): {}}
    return [
        Delete(ring.holder_path, unless_changed_since=ring.version)
        if is_erased
        else Update(ring.holder_path, gone, unless_changed_since=ring.version),
        *(Delete(key_path(API_KEYS, key.digest)) for key in ring.keys.values()),
    ]


# ---- keys ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HeldRing:
    """A holder's ring of keys, with the version that a change of it is conditioned on."""

    holder_path: str
    kind: KeyKind
    keys: Ring
    owner: Mapping[str, str]
    """Of a user's ring, the `project_id` and `customer_id` that its keys stand for."""
    is_put_away: bool
    """Whether the holder is a project that was archived: no key is added any more."""
    version: Version


def find_ring(holder_path: str, kind: KeyKind) -> HeldRing | None:
    """Return the keys of a user or project, or None where there is no such holder."""
    snapshot = get_all([holder_path])[0]
    if snapshot.fields is None or snapshot.version is None:
        return None
    held = snapshot.fields.get(kind.ring_field, {})
    keys = {key_id: _key_from(key_id, fields) for key_id, fields in held.items()}
    names = ("project_id", "customer_id")
    owner = {name: snapshot.fields[name] for name in names if name in snapshot.fields}
    is_put_away = snapshot.fields.get("archived_at") is not None
    return HeldRing(holder_path, kind, keys, owner, is_put_away, snapshot.version)


def writes_for_issue(
    ring: HeldRing, key: Key, owner: Mapping[str, str], expired: tuple[str, ...]
) -> list[Write]:
    """Return the batch that adds a key to its ring and makes it findable.

    `owner` says whose the key is: `project_id`, and for a user `uid` and `customer_id`.
    """
    field = ring.kind.ring_field
    changes: dict[tuple[str, ...], object] = {(field, key.key_id): _key_fields(key)}
    changes |= {(field, key_id): DELETE_FIELD for key_id in expired}
    found: Fields = {
        "key_id": key.key_id,
        "expires_at": key.expires_at,
        "last_used_at": None,
        "budget_nanos": key.budget_nanos,
        **owner,
    }
    return [
        Update(ring.holder_path, changes, unless_changed_since=ring.version),
        Create(key_path(ring.kind, key.digest), found),
        *(Delete(key_path(ring.kind, ring.keys[key_id].digest)) for key_id in expired),
    ]


def writes_for_revoke(ring: HeldRing, key: Key) -> list[Write]:
    """Return the batch that takes a key out of its ring and out of every look-up."""
    changes: dict[tuple[str, ...], object] = {(ring.kind.ring_field, key.key_id): DELETE_FIELD}
    return [
        Update(ring.holder_path, changes, unless_changed_since=ring.version),
        Delete(key_path(ring.kind, key.digest)),
    ]


@dataclass(frozen=True, slots=True)
class FoundKey:
    """What a look-up by digest found: whose, until when, and when it was used last."""

    path: str
    holder: KeyHolder
    expires_at: datetime | None
    last_used_at: datetime | None
    version: Version


def find_key(kind: KeyKind, digest: str) -> FoundKey | None:
    """Return the key of a digest, expired or not; None where it is unknown or revoked."""
    snapshot = get_all([key_path(kind, digest)])[0]
    if snapshot.fields is None or snapshot.version is None:
        return None
    fields = snapshot.fields
    holder = KeyHolder(
        project_id=fields["project_id"],
        key_id=fields["key_id"],
        uid=fields.get("uid", ""),
        customer_id=fields.get("customer_id", ""),
        budget_nanos=fields.get("budget_nanos"),
    )
    return FoundKey(
        snapshot.path, holder, fields["expires_at"], fields["last_used_at"], snapshot.version
    )


def writes_for_use(found: FoundKey, now: datetime) -> list[Write]:
    """Return the write that notes a use. It never brings back a key that is gone."""
    return [Update(found.path, {("last_used_at",): now}, unless_changed_since=found.version)]


def load_last_uses(kind: KeyKind, keys: tuple[Key, ...]) -> list[datetime | None]:
    """Return when each key was used last, in the order asked, by one read."""
    if not keys:
        return []
    snapshots = get_all([key_path(kind, key.digest) for key in keys])
    return [(snapshot.fields or {}).get("last_used_at") for snapshot in snapshots]


def _key_fields(key: Key) -> Fields:
    return {
        "digest": key.digest,
        "name": key.name,
        "prefix": key.prefix,
        "last4": key.last4,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "budget_nanos": key.budget_nanos,
    }


def _key_from(key_id: str, fields: Fields) -> Key:
    return Key(
        key_id=key_id,
        digest=fields["digest"],
        name=fields["name"],
        prefix=fields["prefix"],
        last4=fields["last4"],
        created_at=fields["created_at"],
        expires_at=fields["expires_at"],
        budget_nanos=fields.get("budget_nanos"),
    )
