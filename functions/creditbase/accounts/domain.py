"""Accounts, decided: who is whose customer, and which keys a holder may have.

Pure. A holder of keys is a user (API keys) or a project (secret keys); both keep a ring of
at most a fixed number of live keys, and each key is also a document under its digest.
"""

from collections.abc import Mapping
from dataclasses import field, fields, replace
from datetime import datetime, timedelta

from creditbase.kernel.errors import Conflict, NotFound
from creditbase.kernel.ids import (
    billing_profile_uuid,
    credential,
    customer_uuid,
    owner_uuid,
    sha256_hex,
)
from creditbase.kernel.money import nanos_from_cents
from creditbase.kernel.records import dataclass

API_KEYS_MAX = 20
SECRET_KEYS_MAX = 20
API_KEY_DAYS = 90
LAST_USED_EVERY = timedelta(minutes=5)
"""How exact `last_used_at` is: a key in constant use is written this seldom."""
KEY_NAME_DEFAULT = "API key"
KEY_NAME_CHARACTERS_MAX = 64
FIRST_GENERATION = 1
ACCOUNT = "account"
"""The external id of the project's own customer: what its developer pays with."""
LOW_BALANCE_THRESHOLD_CENTS = 500
TOPUP_MIN_CENTS = 100


# ---- customers -----------------------------------------------------------------------------

PLATFORM_FEE_BPS = 450
"""What a relay project adds to the providers' cost where it says nothing: 4.5 percent."""


@dataclass(frozen=True, slots=True)
class CustomerRef:
    """Whose wallet: a customer of a project."""

    project_id: str
    customer_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A tenant: the hub, or one that speaks the relay API.

    What it sells stands on the same document and belongs to the catalog.
    """

    project_id: str
    name: str
    created_at: datetime
    updated_at: datetime | None = None
    description: str = ""
    owners: tuple[str, ...] = ()
    """The uids of the users who may administer it, the first of them its founder."""
    allowed_origins: tuple[str, ...] = ()
    """The origins of the pages that may show customer tokens from a browser."""
    low_balance_threshold_cents: int = LOW_BALANCE_THRESHOLD_CENTS
    topup_min_cents: int = TOPUP_MIN_CENTS
    markup_bps: int = PLATFORM_FEE_BPS
    """What is added to the providers' prices, in basis points; the catalog reads it too."""
    archived_at: datetime | None = None
    shadow_default: bool = False
    """Whether customers who are new begin in shadow mode."""
    secret_key_ids: frozenset[str] = frozenset()
    """The secret keys that hold: what was minted with another has ended."""

    @property
    def owner_id(self) -> str:
        """Return its founder as the UUID that the wire wants; its own id where nobody is."""
        return owner_uuid(self.owners[0]) if self.owners else self.project_id

    @property
    def low_balance_nanos(self) -> int:
        """Return the height of a wallet's balance below which its owner is reminded."""
        return nanos_from_cents(self.low_balance_threshold_cents)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectTerms:
    """What is to be changed of a project; None leaves it as it is."""

    name: str | None = None
    description: str | None = None
    allowed_origins: tuple[str, ...] | None = None
    low_balance_threshold_cents: int | None = None
    topup_min_cents: int | None = None
    markup_bps: int | None = None

    def applied(self, project: Project, *, now: datetime) -> Project:
        """Return the project with the changes; itself where there are none."""
        wanted = {field.name: getattr(self, field.name) for field in fields(self)}
        given = {name: value for name, value in wanted.items() if value is not None}
        changed = replace(project, **given)
        return project if changed == project else replace(changed, updated_at=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class TierSubscription:
    """A customer's subscription to a tier, as the relay shows it. Written by payments."""

    subscription_id: str
    """Ours, a UUID; Stripe's own is `billing_subscription_id`."""
    tier_id: str
    status: str
    created_at: datetime
    updated_at: datetime
    billing_provider: str = ""
    billing_subscription_id: str = ""
    current_period_start: datetime | None = None
    current_period_end: datetime | None = None
    cancel_at_period_end: bool = False
    price_cents: int = 0
    """What a period of it costs: as it was bought, whatever the tier costs now. 0: nothing."""
    price_interval: str = ""

    @property
    def is_active(self) -> bool:
        """Return whether it is active or on trial."""
        return self.status in {"active", "trialing"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A customer's profile. `uid` is set where a Firebase user is this customer."""

    project_id: str
    customer_id: str
    external_id: str
    created_at: datetime
    updated_at: datetime
    email: str = ""
    uid: str = ""
    stripe_customer_id: str = ""
    metadata: Mapping[str, object] = field(default_factory=dict)
    subscription: TierSubscription | None = None
    identities: tuple[str, ...] = ()
    """Digests of the provider identities that were linked to it."""
    deleted_at: datetime | None = None
    """When it was deleted; what is left then has no personal data."""

    @property
    def billing_profile_id(self) -> str:
        """Return the id under which its wallet is known: the customer's, in another space."""
        return billing_profile_uuid(self.customer_id)

    @property
    def ref(self) -> CustomerRef:
        """Return whose wallet this is."""
        return CustomerRef(self.project_id, self.customer_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerName:
    """A name that was used: which customer it means, and which generation of it that is.

    Without `customer_id` its customer was deleted, and the name is free.
    """

    project_id: str
    external_id: str
    generation: int
    customer_id: str
    erased_at: datetime | None = None
    """When all that named its person was erased, in real time; None: never."""
    free_again_at: datetime | None = None
    """Before this whoever has the name again gets no free credits: they were given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A Firebase user: its role and its customer."""

    uid: str
    customer: CustomerRef
    created_at: datetime
    role: str = "user"


def new_customer(
    *,
    project_id: str,
    external_id: str,
    now: datetime,
    email: str = "",
    uid: str = "",
    metadata: Mapping[str, object] | None = None,
    generation: int = FIRST_GENERATION,
) -> tuple[Customer, CustomerName]:
    """Return the customer of a name that is free, and the name.

    The id follows from the name and its generation alone, so all who make it at once make
    the same one, and who had the name before keeps an id of its own.
    """
    assert external_id
    assert generation >= FIRST_GENERATION
    customer_id = customer_uuid(project_id, external_id, generation)
    customer = Customer(
        project_id=project_id,
        customer_id=customer_id,
        external_id=external_id,
        created_at=now,
        updated_at=now,
        email=email,
        uid=uid,
        metadata=metadata or {},
    )
    name = CustomerName(
        project_id=project_id,
        external_id=external_id,
        generation=generation,
        customer_id=customer_id,
    )
    return customer, name


# ---- keys ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key as it is stored: enough to find and to show it, never enough to use it."""

    key_id: str
    digest: str
    name: str
    prefix: str
    last4: str
    created_at: datetime
    expires_at: datetime | None
    """The first instant at which it no longer holds; None: it holds until it is revoked."""
    budget_nanos: int | None = None
    """The most that may be spent with it in a window, where there is a limit."""

    def is_live(self, now: datetime) -> bool:
        """Return whether the key still holds."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key with its secret, which is shown once and stored nowhere."""

    key: Key
    secret: str


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A key of a list, and when it was used last, to within minutes."""

    key: Key
    last_used_at: datetime | None


Ring = Mapping[str, Key]
"""A holder's keys by id, expired ones among them until the next key is made."""


def mint_key(
    *,
    prefix: str,
    name: str,
    random_bytes: bytes,
    now: datetime,
    lifetime: timedelta | None,
    budget_nanos: int | None = None,
) -> IssuedKey:
    """Return a new key of this kind. The same random bytes make the same key."""
    assert 1 <= len(name) <= KEY_NAME_CHARACTERS_MAX
    secret = credential(prefix, random_bytes)
    key = Key(
        # Digested once more, so that no public id tells where the key is stored.
        key_id=f"key_{sha256_hex(f'key-id/{secret}')[:24]}",
        digest=sha256_hex(secret),
        name=name,
        prefix=secret[: len(prefix) + 3],
        last4=secret[-4:],
        created_at=now,
        expires_at=None if lifetime is None else now + lifetime,
        budget_nanos=budget_nanos,
    )
    return IssuedKey(key, secret)


def decide_issue(ring: Ring, key: Key, *, now: datetime, live_max: int) -> tuple[str, ...]:
    """Return the ids of expired keys that make room for this one in the ring.

    Raises:
        Conflict: the holder has as many live keys as it may have.
    """
    assert key.is_live(now)
    live = [held for held in ring.values() if held.is_live(now)]
    if len(live) >= live_max:
        raise Conflict(
            "The limit of keys is reached; revoke one first", reason="KEY_LIMIT_REACHED"
        )
    return tuple(sorted(held.key_id for held in ring.values() if not held.is_live(now)))


def decide_revoke(ring: Ring, key_id: str) -> Key:
    """Return the key to remove.

    Raises:
        NotFound: this holder has no such key; another holder's looks the same.
    """
    if key_id not in ring:
        raise NotFound("There is no such key", reason="API_KEY_NOT_FOUND")
    return ring[key_id]


def live_newest_first(ring: Ring, now: datetime) -> tuple[Key, ...]:
    """Return the keys that hold, newest first; equal instants by id."""
    live = sorted((key for key in ring.values() if key.is_live(now)), key=lambda k: k.key_id)
    return tuple(sorted(live, key=lambda key: key.created_at, reverse=True))


def is_use_worth_noting(last_used_at: datetime | None, now: datetime) -> bool:
    """Return whether the last use is old enough to be written again."""
    return last_used_at is None or now - last_used_at >= LAST_USED_EVERY
