"""Changing a customer's tier, without a page of Stripe's.

What is to happen is decided and written down under a number, Stripe is asked under a key made
of that number, and what came of it is read back by the mirror. So a wish that is repeated, at
the same time or after a lost answer, is one change with one answer.

A change that gives money back caps the wallet first, in the standing that is told with it; what
was used is read after that, and written beside the change, before Stripe is asked. The cap goes
with the standing that follows, or by itself after two minutes, wherever the process dies. One
that only stood still so long asks Stripe no more.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from time import monotonic

from creditbase.accounts.domain import CustomerRef, TierSubscription
from creditbase.catalog.domain.tiers import Tier
from creditbase.catalog.tier_use_cases import find_tier_now
from creditbase.kernel.errors import (
    Conflict,
    Contention,
    NotFound,
    PaymentRefused,
    Unavailable,
)
from creditbase.kernel.records import dataclass
from creditbase.ledger.paths import WalletRef
from creditbase.ledger.store import find_wallet
from creditbase.payments import store, stripe_billing, stripe_tiers
from creditbase.payments.mirroring import (
    Look,
    look_at,
    mirror_customer,
    picture,
    tell_wallet,
    tiers_with,
)
from creditbase.payments.store import Account
from creditbase.payments.subscribing import close_page
from creditbase.payments.tier_moves import (
    NOTHING_ON_FILE,
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
    choose_way,
    yearly_cents,
)
from creditbase.payments.tier_reckoning import Usage, cap_of, gives_back, prorated_from
from creditbase.runtime.commit import Attempt, commit_or_retry
from creditbase.subscriptions.domain.mirror import Subscription
from creditbase.subscriptions.domain.standing import Standing, precedence
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
    began_s = monotonic()
    planned = commit_or_retry(lambda: _plan(ref, target, now=now))
    change = planned.change
    held = change.result or _carry_out(ref, planned, target, now=now, began_s=began_s)
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
    began_s = monotonic()
    change = commit_or_retry(lambda: _plan_leave(ref, now=now))
    if change is None:
        take_off_tier(ref, now=now)
    elif change.result is None:
        _carry_out(ref, Planned(change), None, now=now, began_s=began_s)


# ---- what is to happen -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Planned:
    """A change to carry out, and what it was decided from where its wallet is to be capped."""

    change: Change
    standing: Standing | None = None
    look: Look | None = None


def _plan(ref: CustomerRef, target: Tier, *, now: datetime) -> Attempt[Planned]:
    """Return the change to carry out: a young one for the same wish, or a new one."""
    account = store.load_account(ref)
    newest, held = account.change, account.customer.subscription
    if newest is not None and newest.answers(target.tier_id, held, now):
        if newest.result is not None or not newest.is_to_be_reckoned:
            return Attempt(Planned(newest), ())
        again = look_at(account, account.customer.stripe_customer_id, now=now)
        return Attempt(Planned(newest, picture(again).answer.standing, again), ())
    seen = subscriptions_of(account)
    _refuse_while_another(newest, seen, now=now)
    live = first_live(seen)
    is_held = live is not None or is_local(held)
    current_id = live.plan_code if live is not None else held.tier_id if held else ""
    current = find_tier_now(ref.project_id, current_id) if is_held else None
    way = choose_way(target, current=current, live=live, is_held=is_held)
    look: Look | None = None
    if way is Way.MODIFY:
        look = look_at(account, account.customer.stripe_customer_id, now=now, seen=seen)
    change = Change(
        number=newest.number + 1 if newest is not None else 1,
        tier_id=target.tier_id,
        asked_at=now,
        action=action_of(way, before_cents=_yearly_cents(live, current), target=target),
        move=_move(_Wish(account, target, live, tuple(seen), look), way),
    )
    if look is None or not change.is_to_be_reckoned:
        return Attempt(Planned(change), store.writes_for_change(account, change))
    stood = picture(look, change=change)
    return Attempt(Planned(change, stood.answer.standing, look), stood.writes)


def _plan_leave(ref: CustomerRef, *, now: datetime) -> Attempt[Change | None]:
    """Return the end to carry out; None where Stripe bills nothing."""
    account = store.load_account(ref)
    newest, held = account.change, account.customer.subscription
    if newest is not None and newest.answers("", held, now):
        return Attempt(newest, ())
    seen = subscriptions_of(account)
    _refuse_while_another(newest, seen, now=now)
    live = first_live(seen)
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


def _refuse_while_another(
    newest: Change | None, seen: Sequence[Subscription], *, now: datetime
) -> None:
    """Wait for a change that gives money back: another one would let its cap go too early.

    Raises:
        Unavailable: it is under way, or was cut off, and may still be made.
    """
    if newest is not None and newest.is_under_way(seen, now):
        raise Unavailable


def _yearly_cents(live: Subscription | None, current: Tier | None) -> int:
    """Return what the customer pays in a year: the price that was agreed on, if one was."""
    if live is not None:
        return live.yearly_cents
    return yearly_cents(current) if current is not None else 0


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
    live: Subscription | None
    seen: tuple[Subscription, ...]
    look: Look | None


def _move(wish: _Wish, way: Way) -> Move:
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
    assert wish.look is not None
    cap_nanos = cap_of(live, target) if gives_back(live, target) else None
    return Modify(
        subscription_id=live.subscription_id,
        item_id=live.item_id,
        tier_id=target.tier_id,
        price_id=target.billing_price_ref,
        cap_nanos=cap_nanos,
        prorated_from_s=(
            _prorated_from_s(wish.look, live, target, Usage(0, live.period))
            if cap_nanos is None
            else None
        ),
    )


def _begin(wish: _Wish) -> Begin:
    customer, target = wish.account.customer, wish.target
    payer = customer.stripe_customer_id
    method_id = stripe_tiers.method_on_file(payer) if payer else ""
    if not method_id:
        raise PaymentRefused(NOTHING_ON_FILE)
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


def _prorated_from_s(look: Look, live: Subscription, target: Tier, usage: Usage) -> int:
    """Return from when on Stripe prorates; 0 for now."""
    project_id = look.account.customer.project_id
    bills = [bill for bill in look.invoices if bill.subscription_id == live.subscription_id]
    named = {line.plan_code for bill in bills for line in bill.lines} | {live.plan_code}
    tiers = tiers_with(project_id, named)
    from_at = prorated_from(live, target, bills, tiers, usage, now=look.now)
    return int(from_at.timestamp()) if from_at > look.now else 0


# ---- what comes of it ------------------------------------------------------------------------


def _carry_out(
    ref: CustomerRef, planned: Planned, target: Tier | None, *, now: datetime, began_s: float
) -> TierSubscription:
    """Make a change, and return what the customer is on then. `now` was when it began."""
    change = planned.change
    if isinstance(change.move, Put):
        assert target is not None
        _hear_of_end(ref, now=now)
        held = move_to_tier(ref, target, now=now)
    else:
        if change.is_to_be_reckoned:
            assert target is not None
            change = _reckon(ref, planned, target, now=now)
        passed = timedelta(seconds=monotonic() - began_s)
        if not change.may_be_asked(now + passed):
            raise Unavailable
        _ask(ref, change, now=now)
        mirror_customer(store.load_account(ref).customer.stripe_customer_id, now=now)
        kept = store.load_account(ref).customer.subscription
        if kept is None:
            raise Unavailable
        held = kept
    _note_end(ref, change, held)
    return held


def _reckon(ref: CustomerRef, planned: Planned, target: Tier, *, now: datetime) -> Change:
    """Cap the wallet, then write down from when the change is prorated; once for all twins.

    Raises:
        Unavailable: the wallet has not taken the cap, or the change is nobody's any more.
    """
    look, standing = planned.look, planned.standing
    assert look is not None
    assert standing is not None
    wallet = WalletRef(ref.project_id, ref.customer_id)
    tell_wallet(wallet, standing, now=now)
    live = first_live(look.seen)

    def attempt() -> Attempt[Change]:
        account = store.load_account(ref)
        change = account.change
        is_ours = change is not None and change.number == planned.change.number
        if change is None or not is_ours or change.is_void or live is None:
            raise Unavailable
        if not change.is_to_be_reckoned:
            return Attempt(change, ())  # a twin was faster
        loaded = find_wallet(wallet)
        if loaded is None or loaded.wallet.terms.cap_until_at != change.cap_until_at:
            raise Unavailable
        window = loaded.wallet.window
        used_nanos = window.included_spent_nanos + window.included_held_nanos
        usage = Usage(used_nanos, window.span)
        change = change.reckoned(_prorated_from_s(look, live, target, usage))
        return Attempt(change, store.writes_for_change(account, change))

    return commit_or_retry(attempt)


def _hear_of_end(ref: CustomerRef, *, now: datetime) -> None:
    """Look at Stripe where a subscription is over there, and we have not heard of it yet."""
    customer = store.load_account(ref).customer
    held = customer.subscription
    is_billed = held is not None and held.is_active and held.billing_subscription_id
    if is_billed and customer.stripe_customer_id:
        mirror_customer(customer.stripe_customer_id, now=now)


def _ask(ref: CustomerRef, change: Change, *, now: datetime) -> None:
    key = f"change-tier:{ref.customer_id}:{change.number}"
    assert not isinstance(change.move, Put)
    if isinstance(change.move, Begin):
        close_page(ref)  # paid later, it would give this subscription's money back, used or not
    try:
        is_done = stripe_tiers.carry_out(change.move, key=key)
    except (Conflict, NotFound) as failure:
        _give_up(ref, change, now=now)  # nothing will come of this number any more
        raise Unavailable from failure
    if not is_done:
        _give_up(ref, change, now=now)
        raise PaymentRefused("the payment was declined; nothing has changed")


def _give_up(ref: CustomerRef, change: Change, *, now: datetime) -> None:
    """Write down that nothing came of a change, and let its cap go."""
    _note_end(ref, change, None)
    if isinstance(change.move, Modify) and change.move.cap_nanos is not None:
        # Where this fails the cap is over in two minutes: no reason to answer something else.
        with suppress(Unavailable, Contention):
            mirror_customer(store.load_account(ref).customer.stripe_customer_id, now=now)


def _note_end(ref: CustomerRef, change: Change, held: TierSubscription | None) -> None:
    """Write down what came of a change; None: nothing, so that it may be tried anew."""

    def attempt() -> Attempt[None]:
        account = store.load_account(ref)
        if account.change != change:
            return Attempt(None, ())  # a twin was first, or there is a newer wish
        return Attempt(None, store.writes_for_change(account, change.ended(held)))

    commit_or_retry(attempt)
