"""A customer's plan or tier, changed by an operator through Stripe.

Only who has a subscription is moved: nobody is charged who never agreed to pay. What Stripe
then shows is read by the mirror, as after any change, and recorded as what came of it.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from creditbase.accounts.domain import CustomerRef
from creditbase.accounts.use_cases import HUB_PROJECT_ID
from creditbase.admin.acting import done_before
from creditbase.admin.customers import load_customer
from creditbase.admin.domain.audit import Audit, Deed, check_deed
from creditbase.admin.outcomes import DECLINED, begin, end, find_outcome, refusal, refuse
from creditbase.catalog.domain.tiers import Tier
from creditbase.catalog.tier_use_cases import find_code_now, find_tier_now
from creditbase.catalog.use_cases import load_catalog
from creditbase.kernel.errors import Conflict, InvalidRequest, NotFound, PaymentRefused
from creditbase.kernel.instants import write_seconds
from creditbase.ledger.paths import WalletRef
from creditbase.payments import selling, store
from creditbase.payments.mirroring import mirror_customer
from creditbase.payments.plan_moves import PlanMove, When, decide_end, decide_move
from creditbase.payments.stripe_plans import make_move
from creditbase.payments.tier_changing import (
    change_tier,
    first_live,
    is_local,
    subscriptions_of,
)
from creditbase.payments.tier_moves import choose_way
from creditbase.subscriptions.domain.mirror import Subscription

KEYS_LAST = timedelta(hours=23)
"""How long Stripe surely knows a key: later, asking again could do again what was done."""


def change_plan(deed: Deed, *, plan: str, when: When = "", now: datetime) -> Audit:
    """Bring a customer to a plan of the hub or a tier of the project; return what came of it.

    Of the hub a dearer plan begins now and is paid for the rest of the period, a cheaper one
    with the next; `when` says otherwise. A relay project's tiers change as they do for it.

    Raises:
        InvalidRequest: there is no such plan, the customer is on it, or it cannot begin then.
        NotFound: there is no such customer.
        IdempotencyConflict: the key was used for something else.
        Conflict: there is no subscription, or nothing comes of this key any more.
        PaymentRefused: it cannot be paid; no plan has changed.
        Unavailable, Contention: not known to be done; the same key may be repeated.
    """
    check_deed(deed)
    begun = done_before(deed)
    is_hub = deed.project_id == HUB_PROJECT_ID
    if begun is None:
        load_customer(WalletRef(deed.project_id, deed.customer_id))
        asked = _plan_of_hub(deed, plan, when) if is_hub else _tier(deed, plan, when)
        begun = begin(deed, asked, now=now)
    found = find_outcome(begun)
    if found is not None:
        return found
    if now >= begun.at + KEYS_LAST:
        refuse(begun, "STRIPE_REFUSED", now=now)
    try:
        came = _move_plan(begun, now=now) if is_hub else _move_tier(begun, now=now)
    except PaymentRefused:
        refuse(begun, DECLINED, now=now)
    except (Conflict, InvalidRequest, NotFound):
        refuse(begun, "STRIPE_REFUSED", now=now)
    return end(begun, {**begun.stripe, **came}, now=now)


def _ref(of: Deed | Audit) -> CustomerRef:
    return CustomerRef(of.project_id, of.customer_id)


# ---- the hub's plans -------------------------------------------------------------------------


def _plan_of_hub(deed: Deed, code: str, when: When) -> dict[str, object]:
    """Return what is to be asked of Stripe."""
    catalog = load_catalog(deed.project_id)
    target = catalog.plans.get(code)
    is_free = target is not None and target.price_cents == 0
    if target is None or not (target.can_be_bought or is_free):
        raise InvalidRequest("There is no such plan to change to", field="plan")
    live = first_live(subscriptions_of(store.load_account(_ref(deed))))
    if live is None:
        raise refusal("NO_SUBSCRIPTION")
    if is_free:
        move = decide_end(live, when)
    else:
        price_id = selling.ensure_price(catalog, target)
        move = decide_move(live, target, when, price_id=price_id)
    return {"plan": code, "move": asdict(move)}


def _move_plan(begun: Audit, *, now: datetime) -> Mapping[str, object]:
    """Ask Stripe, let the mirror see it, and return what there is then."""
    kept: Any = begun.stripe["move"]
    is_made = make_move(PlanMove(**kept), key=begun.audit_id)
    account = store.load_account(_ref(begun))
    mirror_customer(account.customer.stripe_customer_id, now=now)
    if not is_made:
        raise PaymentRefused("the card was declined", reason=DECLINED)
    return _shown(first_live(subscriptions_of(account)))


def _shown(live: Subscription | None) -> Mapping[str, object]:
    if live is None:
        return {"status": "ended"}
    shown: dict[str, object] = {
        "status": live.status,
        "plan_now": live.plan_code,
        "ends_with_period": live.cancel_at_period_end,
        "period_end_at": write_seconds(live.period.end_at),
    }
    if live.next_plan_code:
        shown["plan_next"] = live.next_plan_code
    return shown


# ---- a relay project's tiers -----------------------------------------------------------------


def _tier(deed: Deed, code: str, when: When) -> dict[str, object]:
    """Return what is to be asked for: of the tiers, all else is decided when they change."""
    if when:
        raise InvalidRequest("A tier begins when its price says so", field="when")
    target = find_code_now(deed.project_id, code)
    if target is None:
        raise InvalidRequest("There is no such tier to change to", field="plan")
    account = store.load_account(_ref(deed))
    held, live = account.customer.subscription, first_live(subscriptions_of(account))
    current_id = live.plan_code if live is not None else held.tier_id if held else ""
    if live is None and not (is_local(held) and target.is_free):
        raise refusal("NO_SUBSCRIPTION")
    current = find_tier_now(deed.project_id, current_id)
    choose_way(target, current=current, live=live, is_held=True)
    return {"plan": code}


def _move_tier(begun: Audit, *, now: datetime) -> Mapping[str, object]:
    target = find_code_now(begun.project_id, str(begun.stripe["plan"]))
    if target is None:
        raise NotFound("the tier is gone")
    account = store.load_account(_ref(begun))
    live = first_live(subscriptions_of(account))
    if live is not None and _is_reached(live, target):
        # A process that was cut off has done it: what is left is that we hear of it.
        mirror_customer(account.customer.stripe_customer_id, now=now)
        return {"status": live.status, "plan_now": target.code}
    changed = change_tier(_ref(begun), target, now=now)
    return {
        "status": changed.held.status,
        "plan_now": changed.tier.code,
        "action": str(changed.action),
    }


def _is_reached(live: Subscription, target: Tier) -> bool:
    if target.is_free:
        return live.cancel_at_period_end and live.next_tier_id == target.tier_id
    return live.plan_code == target.tier_id and not live.cancel_at_period_end
