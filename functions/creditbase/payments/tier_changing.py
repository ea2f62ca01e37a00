"""Changing a customer's tier, without a page of Stripe's.

What is to happen is decided and written down under a number, Stripe is asked under a key made
of that number, and what came of it is read back by the mirror. So a wish that is repeated, at
the same time or after a lost answer, is one change with one answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from creditbase.accounts.domain import CustomerRef, TierSubscription
from creditbase.catalog.domain.tiers import Tier
from creditbase.catalog.tier_use_cases import find_tier_now
from creditbase.kernel.errors import Conflict, NotFound, PaymentRefused, Unavailable
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.payments import store, stripe_billing, stripe_tiers
from creditbase.payments.mirroring import mirror_customer
from creditbase.payments.store import Account
from creditbase.payments.subscribing import close_page
from creditbase.payments.tier_moves import (
    Action,
    Begin,
    Change,
    Leave,
    Modify,
    Move,
    Put,
    Stay,
    Way,
    action_of,
    begins_anew,
    choose_way,
    paid_since,
    prorated_from,
)
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.subscriptions.domain.mirror import Subscription
from creditbase.subscriptions.domain.standing import precedence
from creditbase.subscriptions.domain.trials import offered_days
from creditbase.subscriptions.relay_tiers import move_to_tier, take_off_tier


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change of tier came to: the tier that the customer is on now, and how."""

    action: Action
    held: TierSubscription
    tier: Tier


def change_tier(ref: CustomerRef, target: Tier, *, now: datetime) -> Changed:
    """Bring a customer to a tier, once however often it is asked.

    Raises:
        InvalidRequest, Conflict, PaymentRefused: it cannot be; nothing has changed.
        NotFound: there is no such customer.
        Unavailable, Contention: not known to be done; the same request may be repeated.
    """
    change = commit_or_retry(lambda: _plan(ref, target, now=now))
    held = change.result or _carry_out(ref, change, target, now=now)
    is_there = held.tier_id == target.tier_id
    tier = target if is_there else find_tier_now(ref.project_id, held.tier_id)
    if tier is None:
        raise Unavailable
    return Changed(change.action, held, tier)


def leave_at_period_end(ref: CustomerRef, *, now: datetime) -> None:
    """End a customer's subscription with its period; one that nobody bills ends at once.

    Raises:
        NotFound: there is no such customer, or it has no subscription.
        Unavailable, Contention: not known to be done; the same request may be repeated.
    """
    change = commit_or_retry(lambda: _plan_leave(ref, now=now))
    if change is None:
        take_off_tier(ref, now=now)
    elif change.result is None:
        _carry_out(ref, change, None, now=now)


# ---- what is to happen -----------------------------------------------------------------------


def _plan(ref: CustomerRef, target: Tier, *, now: datetime) -> Attempt[Change]:
    """Return the change to carry out: a young one for the same wish, or a new one."""
    account = store.load_account(ref)
    newest, held = account.change, account.customer.subscription
    if newest is not None and newest.answers(target.tier_id, held, now):
        return Attempt(newest, ())
    seen = subscriptions_of(account)
    live = first_live(seen)
    is_held = live is not None or is_local(held)
    current_id = live.plan_code if live is not None else held.tier_id if held else ""
    current = find_tier_now(ref.project_id, current_id) if is_held else None
    way = choose_way(target, current=current, live=live, is_held=is_held)
    change = Change(
        number=newest.number + 1 if newest is not None else 1,
        tier_id=target.tier_id,
        asked_at=now,
        action=action_of(way, current=current, target=target),
        move=_move(_Wish(account, target, current, live, tuple(seen)), way, now=now),
    )
    return Attempt(change, store.writes_for_change(account, change))


def _plan_leave(ref: CustomerRef, *, now: datetime) -> Attempt[Change | None]:
    """Return the end to carry out; None where Stripe bills nothing."""
    account = store.load_account(ref)
    newest, held = account.change, account.customer.subscription
    if newest is not None and newest.answers("", held, now):
        return Attempt(newest, ())
    live = first_live(subscriptions_of(account))
    if live is None:
        if not is_local(held):
            raise NotFound("The customer has no subscription")
        return Attempt(None, ())
    change = Change(
        number=newest.number + 1 if newest is not None else 1,
        tier_id="",
        asked_at=now,
        action=Action.LEAVES,
        move=Leave(subscription_id=live.subscription_id),
    )
    return Attempt(change, store.writes_for_change(account, change))


def subscriptions_of(account: Account) -> list[Subscription]:
    """Return all subscriptions that Stripe has of a customer, ended ones too."""
    payer = account.customer.stripe_customer_id
    if not payer:
        return []
    try:
        return stripe_billing.list_subscriptions(account.customer.project_id, payer)
    except NotFound:
        return []  # deleted at Stripe, and we have not heard of it yet


def first_live(seen: Iterable[Subscription]) -> Subscription | None:
    """Return the subscription that counts, if there is one."""
    live = (one for one in seen if one.is_live and one.plan_code)
    return min(live, key=precedence, default=None)


def is_local(held: TierSubscription | None) -> bool:
    """Return whether a customer is on a tier that Stripe does not bill."""
    return held is not None and held.is_active and not held.billing_subscription_id


@dataclass(frozen=True, slots=True)
class _Wish:
    """Who wants which tier, and what there is."""

    account: Account
    target: Tier
    current: Tier | None
    live: Subscription | None
    seen: tuple[Subscription, ...]


def _move(wish: _Wish, way: Way, *, now: datetime) -> Move:
    target, live = wish.target, wish.live
    if way is Way.PUT:
        return Put(tier_id=target.tier_id)
    if way is Way.BEGIN:
        return _begin(wish)
    assert live is not None
    if way is Way.LEAVE:
        return Leave(subscription_id=live.subscription_id, next_tier_id=target.tier_id)
    if way is Way.STAY:
        return Stay(subscription_id=live.subscription_id)
    return Modify(
        subscription_id=live.subscription_id,
        item_id=live.item_id,
        tier_id=target.tier_id,
        price_id=target.billing_price_ref,
        prorated_from_s=_prorated_from_s(wish, live, now=now),
    )


def _begin(wish: _Wish) -> Begin:
    customer, target = wish.account.customer, wish.target
    payer = customer.stripe_customer_id
    method_id = stripe_tiers.method_on_file(payer) if payer else ""
    if not method_id:
        raise PaymentRefused("no payment method on file")
    return Begin(
        project_id=customer.project_id,
        customer_id=customer.customer_id,
        stripe_customer_id=payer,
        tier_id=target.tier_id,
        price_id=target.billing_price_ref,
        method_id=method_id,
        trial_days=offered_days(
            target.trial_days or 0, kept=wish.account.trial, seen=wish.seen, is_claimed=False
        ),
    )


def _prorated_from_s(wish: _Wish, live: Subscription, *, now: datetime) -> int:
    """Return from when on Stripe prorates; 0 for now, as where nothing is given back."""
    customer, current = wish.account.customer, wish.current
    action = action_of(Way.MODIFY, current=current, target=wish.target)
    loaded = find_wallet(WalletRef(customer.project_id, customer.customer_id))
    is_anew = begins_anew(live.period, wish.target)
    gives_back = is_anew or action is Action.DOWNGRADED
    if current is None or not gives_back or loaded is None:
        return 0
    window = loaded.wallet.window
    bills = stripe_billing.list_invoices(
        customer.project_id, customer.stripe_customer_id, back_to=live.period.start_at
    )
    from_at = prorated_from(
        used_nanos=window.included_spent_nanos + window.included_held_nanos,
        before=current,
        after=wish.target,
        begun_at=paid_since(current.tier_id, live.period, bills),
        window=window.span,
        now=now,
        is_anew=is_anew,
    )
    latest_s = int(live.period.end_at.timestamp())
    return min(latest_s, int(from_at.timestamp())) if from_at > now else 0


# ---- what comes of it ------------------------------------------------------------------------


def _carry_out(
    ref: CustomerRef, change: Change, target: Tier | None, *, now: datetime
) -> TierSubscription:
    """Make a change, and return what the customer is on then."""
    move = change.move
    if isinstance(move, Put):
        assert target is not None
        _hear_of_end(ref, now=now)
        held = move_to_tier(ref, target, now=now)
    else:
        _ask(ref, change, move)
        mirror_customer(store.load_account(ref).customer.stripe_customer_id, now=now)
        kept = store.load_account(ref).customer.subscription
        if kept is None:
            raise Unavailable
        held = kept
    _note_end(ref, change, held)
    return held


def _hear_of_end(ref: CustomerRef, *, now: datetime) -> None:
    """Look at Stripe where a subscription is over there, and we have not heard of it yet."""
    customer = store.load_account(ref).customer
    held = customer.subscription
    is_billed = held is not None and held.is_active and held.billing_subscription_id
    if is_billed and customer.stripe_customer_id:
        mirror_customer(customer.stripe_customer_id, now=now)


def _ask(ref: CustomerRef, change: Change, move: Begin | Modify | Leave | Stay) -> None:
    key = f"change-tier:{ref.customer_id}:{change.number}"
    if isinstance(move, Begin):
        close_page(ref)  # paid later, it would give this subscription's money back, used or not
    try:
        is_done = stripe_tiers.carry_out(move, key=key)
    except (Conflict, NotFound) as failure:
        _note_end(ref, change, None)  # nothing will come of this number any more
        raise Unavailable from failure
    if not is_done:
        _note_end(ref, change, None)
        raise PaymentRefused("the payment was declined; nothing has changed")


def _note_end(ref: CustomerRef, change: Change, held: TierSubscription | None) -> None:
    """Write down what came of a change; None: nothing, so that it may be tried anew."""

    def attempt() -> Attempt[None]:
        account = store.load_account(ref)
        if account.change != change:
            return Attempt(None, ())  # a twin was first, or there is a newer wish
        return Attempt(None, store.writes_for_change(account, change.ended(held)))

    commit_or_retry(attempt)
