"""Who is on which plan. First touch: a user's first request makes everything it needs."""

from datetime import datetime

from creditbase.accounts import domain as accounts
from creditbase.accounts import store as accounts_store
from creditbase.accounts.customer_store import KeptName, writes_for_new_customer
from creditbase.accounts.domain import CustomerRef, User
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.catalog.use_cases import load_catalog
from creditbase.ledger import store as ledger_store
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.paths import WalletRef
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.firestore import Write, get_all
from creditbase.subscriptions.domain.terms import FREE_PLAN, free_terms


def first_touch(uid: str, *, now: datetime, email: str = "") -> CustomerRef:
    """Return a Firebase user's customer, as `first_user` finds or makes it.

    Raises:
        NotFound: no catalog has been pushed to the hub yet.
        Contention: always losing; safe to repeat.
    """
    return first_user(uid, now=now, email=email).customer


def first_user(uid: str, *, now: datetime, email: str = "") -> User:
    """Return a Firebase user; the first time, make it and its customer with the free credits.

    User, customer, name and wallet are made in one commit, each with `create`, so of many
    requests that arrive together exactly one makes them and the others find them.

    Raises:
        NotFound: no catalog has been pushed to the hub yet.
        Contention: always losing; safe to repeat.
    """
    user = accounts_store.find_user(uid)
    if user is not None:
        return user
    terms = free_terms(load_catalog(HUB_PROJECT_ID).plan(FREE_PLAN))

    def attempt() -> Attempt[User]:
        name_path = accounts_store.name_path(HUB_PROJECT_ID, uid)
        found_user, found_name = get_all([accounts_store.user_path(uid), name_path])
        user = accounts_store.user_from(uid, found_user)
        if user is not None:
            return Attempt(user, ())
        used = accounts_store.used_name(HUB_PROJECT_ID, found_name)
        writes: list[Write] = []
        if used is not None and used.customer_id:
            ref = WalletRef(HUB_PROJECT_ID, used.customer_id)
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
            writes += writes_for_new_customer(customer, name, before=before)
            ref = WalletRef(HUB_PROJECT_ID, customer.customer_id)
        if ledger_store.find_wallet(ref) is None:
            opened = open_wallet(ref.wallet_id, owner_uid=uid, terms=terms, now=now)
            writes += ledger_store.writes_to_open(ref, opened)
        owner = CustomerRef(ref.project_id, ref.customer_id)
        made = User(uid=uid, customer=owner, created_at=now)
        writes += accounts_store.writes_for_new_user(made)
        return Attempt(made, writes)

    return commit_or_retry(attempt)
