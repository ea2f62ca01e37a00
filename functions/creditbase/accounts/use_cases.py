"""What is done with accounts: one function per verb. Keys live in real time.

A user's first touch, which also makes a wallet, is composed in subscriptions from the
writes that the store gives.
"""

from datetime import datetime, timedelta

from creditbase.accounts import customer_store, domain, store
from creditbase.accounts.domain import Customer, CustomerRef, IssuedKey, KeyUse, Project
from creditbase.accounts.store import API_KEYS, SECRET_KEYS, HeldRing, KeyKind
from creditbase.accounts.tokens import SigningKeys
from creditbase.kernel.errors import NotFound
from creditbase.kernel.ids import API_KEY_PREFIX, SECRET_KEY_PREFIX, project_uuid
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.firestore import Ambiguous, Lost, commit
from creditbase.runtime.identity import Authenticator, KeyHolder

HUB_PROJECT_ID = project_uuid("hub")


def authenticator() -> Authenticator:
    """Return what proves callers by Firebase's tokens and by the keys kept here."""
    return Authenticator(
        project_id=HUB_PROJECT_ID,
        find_api_key=find_api_key_holder,
        find_secret_key=find_secret_key_holder,
        find_token=find_token_holder,
        find_role=find_role,
    )


def find_role(uid: str) -> str:
    """Return a user's role as it is now; whoever never came has none."""
    return store.find_role(uid)


# ---- projects and customers ----------------------------------------------------------------


def ensure_project(name: str, *, now: datetime) -> Project:
    """Return the project of a well-known name, made now if it was not there."""
    project_id = project_uuid(name)

    def attempt() -> Attempt[Project]:
        found = store.find_project(project_id)
        if found is not None:
            return Attempt(found, ())
        project = Project(project_id=project_id, name=name, created_at=now)
        return Attempt(project, store.writes_for_new_project(project))

    return commit_or_retry(attempt)


def ensure_customer(
    project_id: str, external_id: str, *, now: datetime, email: str = ""
) -> Customer:
    """Return the customer of a name, made now if there was none. Racers get the same one."""

    def attempt() -> Attempt[Customer]:
        found = find_customer_by_name(project_id, external_id)
        if found is not None:
            return Attempt(found, ())
        customer, name = domain.new_customer(
            project_id=project_id, external_id=external_id, now=now, email=email
        )
        return Attempt(customer, customer_store.writes_for_new_customer(customer, name))

    return commit_or_retry(attempt)


def find_customer_by_name(project_id: str, external_id: str) -> Customer | None:
    """Return the customer that a project knows by this name, if any."""
    name = store.find_name(project_id, external_id)
    if name is None:
        return None
    return store.find_customer(domain.CustomerRef(project_id, name.customer_id))


# ---- a user's API keys ---------------------------------------------------------------------


def create_api_key(
    uid: str,
    *,
    name: str,
    random_bytes: bytes,
    now: datetime,
    budget_nanos: int | None = None,
) -> IssuedKey:
    """Make an API key of a user who has been here before.

    Raises:
        Conflict: the user has twenty live keys.
        NotFound: nobody has this uid.
    """
    lifetime = timedelta(days=domain.API_KEY_DAYS)
    issued = domain.mint_key(
        prefix=API_KEY_PREFIX,
        name=name,
        random_bytes=random_bytes,
        now=now,
        lifetime=lifetime,
        budget_nanos=budget_nanos,
    )

    def attempt() -> Attempt[IssuedKey]:
        ring = _load_ring(store.user_path(uid), API_KEYS)
        owner = {"uid": uid, **ring.owner}
        return _issue(ring, issued, owner, now=now, live_max=domain.API_KEYS_MAX)

    return commit_or_retry(attempt)


def list_api_keys(uid: str, *, now: datetime) -> tuple[KeyUse, ...]:
    """Return a user's live keys, newest first. A user never seen has none."""
    ring = store.find_ring(store.user_path(uid), API_KEYS)
    return () if ring is None else _uses(ring, now)


def revoke_api_key(uid: str, key_id: str) -> None:
    """Remove a user's key: the next look-up, in any process, does not find it.

    Raises:
        NotFound: this user has no such key.
    """
    _revoke(store.user_path(uid), API_KEYS, key_id)


def find_api_key_holder(digest: str, now: datetime) -> KeyHolder | None:
    """Return whose API key it is, if it holds now; note its use now and then."""
    found = store.find_key(API_KEYS, digest)
    if found is None or (found.expires_at is not None and now >= found.expires_at):
        return None
    if domain.is_use_worth_noting(found.last_used_at, now):
        try:
            commit(store.writes_for_use(found, now))
        except (Lost, Ambiguous):
            return found.holder  # somebody else noted it, or nobody did: it is a hint
    return found.holder


# ---- a project's secret keys ---------------------------------------------------------------


def create_secret_key(
    project_id: str,
    *,
    name: str,
    random_bytes: bytes,
    now: datetime,
    budget_nanos: int | None = None,
) -> IssuedKey:
    """Make a secret key of a project; it may have several.

    Raises:
        Conflict: the project has twenty.
        NotFound: there is no such project, or it was put away, be it this very moment.
    """
    issued = domain.mint_key(
        prefix=SECRET_KEY_PREFIX,
        name=name,
        random_bytes=random_bytes,
        now=now,
        lifetime=None,
        budget_nanos=budget_nanos,
    )

    def attempt() -> Attempt[IssuedKey]:
        ring = _load_ring(store.project_path(project_id), SECRET_KEYS)
        if ring.is_put_away:
            raise NotFound("Project not found")
        owner = {"project_id": project_id}
        return _issue(ring, issued, owner, now=now, live_max=domain.SECRET_KEYS_MAX)

    return commit_or_retry(attempt)


def list_secret_keys(project_id: str, *, now: datetime) -> tuple[KeyUse, ...]:
    """Return a project's secret keys, newest first.

    Raises:
        NotFound: there is no such project.
    """
    return _uses(_load_ring(store.project_path(project_id), SECRET_KEYS), now)


def revoke_secret_key(project_id: str, key_id: str) -> None:
    """Remove a project's key: refused at once, on metering within ten seconds.

    The customer tokens that were minted with it end with it, by the same rule.

    Raises:
        NotFound: this project has no such key.
    """
    _revoke(store.project_path(project_id), SECRET_KEYS, key_id)


def find_secret_key_holder(digest: str, now: datetime) -> KeyHolder | None:
    """Return whose secret key it is. They do not expire."""
    del now
    found = store.find_key(SECRET_KEYS, digest)
    return None if found is None else found.holder


# ---- customer tokens -----------------------------------------------------------------------


def find_token_holder(token: str, now: datetime) -> KeyHolder | None:
    """Return the customer of a token, if it holds and the customer is still there; one read.

    The project that is read says too whether the key still holds that the token was minted
    with: whoever had a stolen key has no tokens left once it is revoked.

    Raises:
        Unavailable: the signing keys are missing, so nobody can be believed.
    """
    claims = SigningKeys.configured().read(token, now=now)
    if claims is None:
        return None
    project, customer = store.find_project_and_customer(
        CustomerRef(claims.project_id, claims.customer_id)
    )
    if project is None or project.archived_at is not None or customer is None:
        return None
    if claims.key_id not in project.secret_key_ids:
        return None
    return KeyHolder(
        project_id=project.project_id,
        key_id=claims.token_id,
        customer_id=customer.customer_id,
        budget_nanos=claims.budget_nanos,
        allowed_origins=project.allowed_origins,
        expires_at=claims.expires_at,
    )


# ---- rings ---------------------------------------------------------------------------------


def _load_ring(holder_path: str, kind: KeyKind) -> HeldRing:
    ring = store.find_ring(holder_path, kind)
    if ring is None:
        raise NotFound("There is no such key", reason="API_KEY_NOT_FOUND")
    return ring


def _issue(
    ring: HeldRing, issued: IssuedKey, owner: dict[str, str], *, now: datetime, live_max: int
) -> Attempt[IssuedKey]:
    if issued.key.key_id in ring.keys:
        return Attempt(issued, ())  # an earlier attempt was applied, and its reply lost
    expired = domain.decide_issue(ring.keys, issued.key, now=now, live_max=live_max)
    return Attempt(issued, store.writes_for_issue(ring, issued.key, owner, expired))


def _revoke(holder_path: str, kind: KeyKind, key_id: str) -> None:
    has_tried = False

    def attempt() -> Attempt[None]:
        nonlocal has_tried
        ring = _load_ring(holder_path, kind)
        if has_tried and key_id not in ring.keys:
            return Attempt(None, ())  # it was there: the earlier attempt, or a twin, won
        key = domain.decide_revoke(ring.keys, key_id)
        has_tried = True
        return Attempt(None, store.writes_for_revoke(ring, key))

    commit_or_retry(attempt)


def _uses(ring: HeldRing, now: datetime) -> tuple[KeyUse, ...]:
    keys = domain.live_newest_first(ring.keys, now)
    last_uses = store.load_last_uses(ring.kind, keys)
    return tuple(KeyUse(key, at) for key, at in zip(keys, last_uses, strict=True))
