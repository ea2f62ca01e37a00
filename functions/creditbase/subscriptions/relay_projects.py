"""Projects of the relay: made with an account of their own, and put away.

The account is the customer of whom the project's own calls are paid. Source: relay-api.md 5.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from creditbase.accounts import customer_store
from creditbase.accounts import store as accounts
from creditbase.accounts.domain import ACCOUNT, Customer, Project, ProjectTerms, new_customer
from creditbase.accounts.owners import projects_of
from creditbase.accounts.store import SECRET_KEYS, key_path
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.kernel.errors import Conflict, Forbidden, NotFound
from creditbase.kernel.records import dataclass
from creditbase.ledger.domain.opening import open_wallet
from creditbase.ledger.domain.wallet import Terms, Wallet
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.salts import new_salt
from creditbase.ledger.store import load_wallets, writes_to_open
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.firestore import Delete, Update, Write, get_all
from creditbase.runtime.settings import settings
from creditbase.subscriptions.relay_tiers import ENDED

GIVEN_KINDS = frozenset({"free", "promo"})
"""Grants that nobody has paid for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Founding:
    """A project to be made: under a fresh id, by a user."""

    project_id: str
    uid: str
    email: str


def found_project(founding: Founding, terms: ProjectTerms, *, now: datetime) -> Project:
    """Make a project of a user, with its own account, in one commit.

    Raises:
        Forbidden: this user may not make projects.
        Contention, Unavailable: nothing is known to be done.
    """
    if settings().project_founders == "owners" and not projects_of(founding.uid):
        raise Forbidden("You may not make projects")
    bare = Project(
        project_id=founding.project_id,
        name="",
        created_at=now,
        updated_at=now,
        owners=(founding.uid,),
    )
    project = terms.applied(bare, now=now)

    def attempt() -> Attempt[Project]:
        kept = accounts.find_project(project.project_id)
        if kept is not None:
            return Attempt(kept, ())  # an earlier attempt, whose reply was lost
        made = accounts.writes_for_new_project(project)
        account = _account_writes(project.project_id, founding.email, now=now)
        return Attempt(project, [*made, *account])

    return commit_or_retry(attempt)


def ensure_account(project_id: str, *, now: datetime) -> None:
    """Give a project that a command made its own account, once; the hub has none."""
    if project_id == HUB_PROJECT_ID:
        return

    def attempt() -> Attempt[None]:
        if accounts.find_name(project_id, ACCOUNT) is not None:
            return Attempt(None, ())
        return Attempt(None, _account_writes(project_id, "", now=now))

    commit_or_retry(attempt)


def _account_writes(project_id: str, email: str, *, now: datetime) -> list[Write]:
    """Return the writes of the account: a wallet that is topped up, and no tier."""
    customer, name = new_customer(
        project_id=project_id,
        external_id=ACCOUNT,
        now=now,
        email=email or f"account@{project_id}.invalid",
    )
    ref = WalletRef(project_id, customer.customer_id)
    opened = open_wallet(ref.wallet_id, owner_uid="", terms=Terms(""), now=now, salt=new_salt())
    made = customer_store.writes_for_new_customer(customer, name)
    return [*made, *writes_to_open(ref, opened)]


def archive_project(project_id: str, uid: str, *, now: datetime) -> None:
    """Put a project away: its keys, tokens and routes end; its ledger stays.

    Raises:
        NotFound: there is no such project, or it is somebody else's.
        Conflict: a customer pays for a subscription, or somebody's money is left.
        Contention, Unavailable: safe to repeat.
    """

    def attempt() -> Attempt[None]:
        found = get_all([accounts.project_path(project_id)])[0]
        project = accounts.project_from(found)
        if (
            project is None
            or found.version is None
            or found.fields is None
            or project.archived_at is not None
            or uid not in project.owners
        ):
            raise NotFound("Project not found")
        if any(_is_billed(customer) for customer in customer_store.load_customers(project_id)):
            raise Conflict("Customers of this project have subscriptions; end them first")
        if any(_has_money(wallet, now) for wallet in load_wallets(project_id)):
            raise Conflict("Customers of this project have credits that were paid for")
        changes: dict[tuple[str, ...], object] = {
            ("archived_at",): now,
            ("updated_at",): now,
            ("allowed_origins",): [],
            (SECRET_KEYS.ring_field,): {},
        }
        return Attempt(
            None,
            [
                Update(found.path, changes, unless_changed_since=found.version),
                *_key_deletions(found.fields[SECRET_KEYS.ring_field].values()),
            ],
        )

    commit_or_retry(attempt)


def _key_deletions(ring: Iterable[Mapping[str, str]]) -> list[Write]:
    return [Delete(key_path(SECRET_KEYS, key["digest"])) for key in ring]


def _is_billed(customer: Customer) -> bool:
    held = customer.subscription
    return held is not None and bool(held.billing_subscription_id) and held.status not in ENDED


def _has_money(wallet: Wallet, now: datetime) -> bool:
    """Return whether credits are left that were paid for, or are at work."""
    paid = [grant for grant in wallet.grants.values() if grant.kind not in GIVEN_KINDS]
    return bool(wallet.holds) or any(
        grant.remaining_nanos + grant.held_nanos > 0 and grant.is_live(now) for grant in paid
    )
