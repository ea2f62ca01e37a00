"""Putting a relay customer on a tier that nothing has to be paid for first.

Customer, wallet and promotional credits change in one commit, so nobody is ever seen on a
tier without its terms, or the other way round.
"""

from dataclasses import replace
from datetime import datetime

from creditbase.accounts import store as accounts
from creditbase.accounts.domain import Customer, CustomerRef, Project, TierSubscription
from creditbase.catalog.domain.tiers import Tier
from creditbase.catalog.tier_use_cases import load_tiers
from creditbase.kernel.errors import BillingError, Conflict, NotFound
from creditbase.kernel.ids import promo_grant_id, tier_subscription_uuid
from creditbase.ledger.batch import decide_batch, writes_of
from creditbase.ledger.domain.commands import ChangeTerms, Command, GrantCredits
from creditbase.ledger.domain.wallet import Terms
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.runtime.firestore import Fields, Snapshot, Update, Write, get_all
from creditbase.runtime.settings import settings
from creditbase.subscriptions.domain.tier_standing import local_terms, no_tier
from creditbase.subscriptions.telling import tell_subscription_changed

ENDED = frozenset({"canceled", "incomplete_expired"})
"""Statuses of a subscription that stands in nobody's way any more."""


def put_on_tier(
    ref: CustomerRef, tier: Tier, *, now: datetime, is_vouched_for: bool = False
) -> TierSubscription:
    """Put a customer without subscription on a tier; whoever has one keeps it.

    A `paygo` tier's promotional credits come with it, once per billing profile. Where the
    back end vouches for the customer, a tier that is sold is given as well.

    Raises:
        Conflict: the tier has to be paid for at Stripe first.
        NotFound: the tier is put away, or the customer is gone.
        Contention, Unavailable: safe to repeat.
    """
    if not is_vouched_for or tier.is_archived:
        _refuse_what_is_sold(tier)
    return commit_or_retry(lambda: _attempt(ref, tier, moves=False, now=now))


def move_to_tier(ref: CustomerRef, tier: Tier, *, now: datetime) -> TierSubscription:
    """Put a customer on a tier, whatever tier it is on; it must not be billed for that one.

    What was spent in the running window stays spent under the new limit.

    Raises:
        Conflict: the tier has to be paid for at Stripe first, or Stripe bills the old one.
        NotFound: the tier is put away, or the customer is gone.
        Contention, Unavailable: safe to repeat.
    """
    _refuse_what_is_sold(tier)
    return commit_or_retry(lambda: _attempt(ref, tier, moves=True, now=now))


def take_off_tier(ref: CustomerRef, *, now: datetime) -> None:
    """Take a customer off a tier that nobody bills: nothing may be spent any more.

    Raises:
        Conflict: Stripe bills the tier.
        NotFound: the customer is gone.
        Contention, Unavailable: safe to repeat.
    """
    commit_or_retry(lambda: _attempt_off(ref, now=now))


def _attempt_off(ref: CustomerRef, *, now: datetime) -> Attempt[None]:
    found = get_all([accounts.customer_path(ref.project_id, ref.customer_id)])[0]
    customer = _customer(ref, found)
    if customer is None or found.fields is None:
        raise NotFound("Customer not found")
    held = customer.subscription
    if held is None or held.status in ENDED:
        return Attempt(None, ())
    if held.billing_subscription_id:
        raise Conflict("Stripe bills the present tier")
    left = replace(held, status="canceled", updated_at=now)
    revision, writes = _wallet_writes(ref, no_tier("canceled"), None, found.fields, now=now)
    tier = load_tiers(ref.project_id, needed_id=held.tier_id).by_id(held.tier_id)
    code = tier.code if tier is not None else ""
    told = tell_subscription_changed(customer, left, code, revision=revision, now=now)
    return Attempt(None, [_customer_write(found, left, revision), *writes, told])


def _refuse_what_is_sold(tier: Tier) -> None:
    if tier.is_archived:
        raise NotFound("Tier not found")
    if tier.is_paid and tier.billing_provider == "stripe":
        raise Conflict("This tier has to be paid for: start a checkout")


def _attempt(
    ref: CustomerRef, tier: Tier, *, moves: bool, now: datetime
) -> Attempt[TierSubscription]:
    found, project = get_all(
        [
            accounts.customer_path(ref.project_id, ref.customer_id),
            accounts.project_path(ref.project_id),
        ]
    )
    customer = _customer(ref, found)
    held = customer.subscription if customer is not None else None
    if customer is None or found.fields is None:
        raise NotFound("Customer not found")
    if held is not None and held.status not in ENDED:
        if not moves or held.tier_id == tier.tier_id:
            return Attempt(held, ())
        if held.billing_subscription_id:
            raise Conflict("Stripe bills the present tier")
    taken = TierSubscription(
        subscription_id=tier_subscription_uuid(ref.customer_id),
        tier_id=tier.tier_id,
        status="active",
        created_at=now if held is None or held.status in ENDED else held.created_at,
        updated_at=now,
        billing_provider=tier.billing_provider,
    )
    revision, writes = _wallet_writes(
        ref,
        local_terms(tier),
        _promo(tier, ref.customer_id, accounts.project_from(project)),
        found.fields,
        now=now,
    )
    told = tell_subscription_changed(customer, taken, tier.code, revision=revision, now=now)
    return Attempt(taken, [_customer_write(found, taken, revision), *writes, told])


def _customer(ref: CustomerRef, found: Snapshot) -> Customer | None:
    customer = None if found.fields is None else accounts.customer_from(ref, found.fields)
    return None if customer is None or customer.deleted_at is not None else customer


def _customer_write(found: Snapshot, taken: TierSubscription, revision: int) -> Update:
    """Return the change of the customer: its tier, and that its wallet was told so.

    A slower look at Stripe, begun before, then finds the customer changed, and its terms
    older than the wallet's.
    """
    assert found.version is not None
    changes: dict[tuple[str, ...], object] = {
        (accounts.SUBSCRIPTION_FIELD,): accounts.subscription_fields(taken),
        ("standing",): {"revision": revision, "digest": ""},
    }
    return Update(found.path, changes, unless_changed_since=found.version)


def _wallet_writes(
    ref: CustomerRef,
    terms: Terms,
    promo: GrantCredits | None,
    customer: Fields,
    *,
    now: datetime,
) -> tuple[int, list[Write]]:
    wallet_ref = WalletRef(ref.project_id, ref.customer_id)
    loaded = find_wallet(wallet_ref, promo.guards() if promo else ())
    if loaded is None:
        raise NotFound("Customer not found")
    told = customer.get("standing", {}).get("revision", 0)
    revision = max(told, loaded.wallet.terms.revision) + 1
    commands: list[Command] = [ChangeTerms(replace(terms, revision=revision))]
    if promo is not None:
        commands.append(promo)
    batch = decide_batch(loaded, [(command, now) for command in commands])
    for outcome in batch.outcomes:
        if isinstance(outcome, BillingError):
            raise outcome
    assert not batch.broken, batch.broken
    _, writes = writes_of(
        wallet_ref,
        batch,
        loaded.version,
        publish_interval_s=settings().publish_interval_s,
    )
    return revision, writes


def _promo(tier: Tier, customer_id: str, project: Project | None) -> GrantCredits | None:
    """Return the grant of promotional credits; other tiers give theirs with a payment.

    Who spends them is reminded when they run low, as of money that was paid in.
    """
    if not tier.is_paygo or tier.promo_nanos == 0:
        return None
    return GrantCredits(
        entry_id=promo_grant_id(customer_id),
        kind="promo",
        amount_nanos=tier.promo_nanos,
        cause={"tier": tier.tier_id},
        low_nanos=None if project is None else project.low_balance_nanos,
    )
