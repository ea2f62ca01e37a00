"""Who is on which plan. First touch: a user's first request makes everything it needs."""

from dataclasses import replace
from datetime import datetime

from creditbase.accounts import domain as accounts
from creditbase.accounts import store as accounts_store
from creditbase.accounts.customer_store import (
    KeptName,
    find_kept_customer,
    writes_for_new_customer,
    writes_for_profile,
)
from creditbase.accounts.domain import CustomerRef, User
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.catalog.use_cases import load_catalog
from creditbase.kernel.errors import BillingError, Unauthenticated, Unavailable
from creditbase.ledger import store as ledger_store
from creditbase.ledger.batch import decide_batch, writes_of
from creditbase.ledger.domain.commands import Adopt
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import Terms
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.salts import new_salt
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.firestore import Snapshot, Write, get_all
from creditbase.runtime.settings import settings
from creditbase.subscriptions.domain.terms import FREE_PLAN, free_terms


def first_touch(
    uid: str, *, now: datetime, email: str = "", signed_in_at: datetime | None = None
) -> CustomerRef:
    """Return a Firebase user's customer, as `first_user` finds or makes it.

    Raises:
        NotFound: no catalog has been pushed to the hub yet.
        Contention: always losing; safe to repeat.
    """
    return first_user(uid, now=now, email=email, signed_in_at=signed_in_at).customer


def first_user(
    uid: str, *, now: datetime, email: str = "", signed_in_at: datetime | None = None
) -> User:
    """Return a Firebase user; the first time, make it and its customer with the free credits.

    User, customer, name and wallet are made in one commit, each with `create`, so of many
    requests that arrive together exactly one makes them and the others find them.

    Who was erased is somebody new once it has signed in again; what of its browser still runs
    brings nobody back. Free credits that were given for this month are not given again.

    Raises:
        Unauthenticated: the user was erased, and has not signed in since.
        NotFound: no catalog has been pushed to the hub yet.
        Contention: always losing; safe to repeat.
    """
    user = accounts_store.find_user(uid)
    if user is not None:
        return user
    terms = free_terms(load_catalog(HUB_PROJECT_ID).plan(FREE_PLAN))

    def attempt() -> Attempt[User]:
        found_user, found_name, hub = _look(uid)
        user = accounts_store.user_from(uid, found_user)
        if user is not None:
            return Attempt(user, ())
        used = accounts_store.used_name(HUB_PROJECT_ID, found_name)
        _refuse_erased(used, signed_in_at)
        if used is not None and used.customer_id:
            # A back end was here first; the name is read again, and is not changed by it.
            owner = CustomerRef(HUB_PROJECT_ID, used.customer_id)
            writes = _writes_to_adopt(owner, uid, terms, now=now)
        else:
            # A back end may have made and deleted a customer of that name before.
            customer, name = accounts.new_customer(
                project_id=HUB_PROJECT_ID,
                external_id=uid,
                now=now,
                email=email,
                uid=uid,
                generation=used.generation + 1 if used else accounts.FIRST_GENERATION,
            )
            version = found_name.version
            before = KeptName(used, version) if used and version else None
            owner = customer.ref
            writes = [
                *writes_for_new_customer(customer, name, before=before),
                *_writes_to_open(
                    owner,
                    uid,
                    terms,
                    is_free_given=_is_free_given(used, now),
                    is_shadowed=_begins_in_shadow(hub),
                    now=now,
                ),
            ]
        made = User(uid=uid, customer=owner, created_at=now)
        return Attempt(made, [*writes, *accounts_store.writes_for_new_user(made, found_user)])

    return commit_or_retry(attempt)


def _look(uid: str) -> list[Snapshot]:
    """Return what is there of a user, of the customer of its name, and the hub; one RPC."""
    return get_all(
        [
            accounts_store.user_path(uid),
            accounts_store.name_path(HUB_PROJECT_ID, uid),
            accounts_store.project_path(HUB_PROJECT_ID),
        ]
    )


def _begins_in_shadow(hub: Snapshot) -> bool:
    project = accounts_store.project_from(hub)
    return project is not None and project.shadow_default


def _writes_to_adopt(ref: CustomerRef, uid: str, terms: Terms, *, now: datetime) -> list[Write]:
    """Return what makes a customer of a back end's the user's own, with the free credits.

    Raises:
        Unavailable: it was deleted this very moment; safe to repeat.
    """
    found = find_kept_customer(ref)
    if found is None:
        raise Unavailable
    owned = replace(found.customer, uid=uid, updated_at=now)
    writes = writes_for_profile(found, owned)
    wallet = WalletRef(ref.project_id, ref.customer_id)
    loaded = ledger_store.find_wallet(wallet)
    if loaded is None:
        return [*writes, *_writes_to_open(ref, uid, terms, now=now)]
    batch = decide_batch(loaded, [(Adopt(uid, terms), now)])
    for outcome in batch.outcomes:
        if isinstance(outcome, BillingError):
            raise outcome
    interval_s = settings().publish_interval_s
    _, more = writes_of(wallet, batch, loaded.version, publish_interval_s=interval_s)
    return [*writes, *more]


def _refuse_erased(used: accounts.CustomerName | None, signed_in_at: datetime | None) -> None:
    if used is None or used.erased_at is None:
        return
    if signed_in_at is None or signed_in_at <= used.erased_at:
        raise Unauthenticated("This account was erased", reason="ACCOUNT_ERASED")


def _is_free_given(used: accounts.CustomerName | None, now: datetime) -> bool:
    return used is not None and used.free_again_at is not None and now < used.free_again_at


def _writes_to_open(
    ref: CustomerRef,
    uid: str,
    terms: Terms,
    *,
    is_free_given: bool = False,
    is_shadowed: bool = False,
    now: datetime,
) -> list[Write]:
    wallet = WalletRef(ref.project_id, ref.customer_id)
    opened = open_wallet(
        wallet.wallet_id,
        owner_uid=uid,
        terms=terms,
        now=now,
        salt=new_salt(),
        is_free_given=is_free_given,
        is_shadowed=is_shadowed,
    )
    return ledger_store.writes_to_open(wallet, opened)
