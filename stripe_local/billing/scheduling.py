"""A change of plan that waits for the end of the period, as a subscription schedule."""

from collections.abc import Sequence

from stripe_local.account import Account
from stripe_local.billing import standing
from stripe_local.billing.subscription_shape import items_of, period_of, plan_of
from stripe_local.events import Cause
from stripe_local.ids import new_id
from stripe_local.wire.errors import InvalidState
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_NULL = words(
    "application canceled_at completed_at current_phase customer_account released_at "
    "released_subscription test_clock"
)


_NULL_IN_BOTH = words(
    "application_fee_percent billing_thresholds collection_method default_payment_method "
    "description on_behalf_of transfer_data"
)
_NULL_IN_A_PHASE = (*_NULL_IN_BOTH, *words("billing_cycle_anchor invoice_settings trial_end"))


def plan_price(
    account: Account, subscription: Resource, price: Resource, end_s: int, cause: Cause
) -> Resource:
    """Put a subscription on another price from its next period, which ends at `end_s`."""
    release(account, subscription, cause)
    start_s, turn_s = period_of(subscription)
    item = items_of(subscription)[0]
    phases = [
        _phase(subscription, item["price"], item["quantity"], (start_s, turn_s)),
        _phase(subscription, price, item["quantity"], (turn_s, end_s)),
    ]
    return _open(account, subscription, phases, cause)


def manage(account: Account, subscription: Resource, cause: Cause) -> Resource:
    """Put a subscription under a schedule that has it go on as it is.

    Raises:
        InvalidState: it is over, or has a schedule already.
    """
    if subscription["status"] in standing.ENDED:
        raise InvalidState("You cannot migrate a subscription that is not active.")
    if subscription["schedule"] is not None:
        raise InvalidState(
            "You cannot migrate a subscription that is already attached to a schedule: "
            f"{subscription['schedule']}."
        )
    item = items_of(subscription)[0]
    now_on = _phase(subscription, item["price"], item["quantity"], period_of(subscription))
    return _open(account, subscription, [now_on], cause)


def rewrite(
    account: Account, schedule: Resource, prices: Sequence[Resource], end_s: int, cause: Cause
) -> Resource:
    """Let the two phases of a schedule have these prices, the second until `end_s`."""
    subscription = account.store.at_address("subscription", schedule["subscription"])
    start_s, turn_s = period_of(subscription)
    quantity = items_of(subscription)[0]["quantity"]
    spans = ((start_s, turn_s), (turn_s, end_s))
    phases = [
        _phase(subscription, price, quantity, span)
        for price, span in zip(prices, spans, strict=True)
    ]
    return account.update(schedule, {"phases": phases}, "subscription_schedule.updated", cause)


def _open(
    account: Account, subscription: Resource, phases: list[Resource], cause: Cause
) -> Resource:
    now_on = {name: phases[0][name] for name in ("end_date", "start_date")}
    schedule = account.store.add(
        {
            "id": new_id("subscription_schedule"),
            "object": "subscription_schedule",
            **dict.fromkeys(_NULL),
            "billing_mode": subscription["billing_mode"],
            "created": account.now_s(),
            "current_phase": now_on,
            "customer": subscription["customer"],
            "default_settings": _default_settings(),
            "end_behavior": "release",
            "livemode": False,
            "metadata": {},
            "pause_schedules": [],
            "phases": phases,
            "status": "active",
            "subscription": subscription["id"],
            "test_clock": subscription["test_clock"],
        }
    )
    account.record("subscription_schedule.created", schedule, cause)
    standing.change(account, subscription, {"schedule": schedule["id"]}, cause)
    return schedule


def next_price(account: Account, subscription: Resource) -> Resource | None:
    """Return the price that a subscription will have from its next period, if it is another."""
    schedule = account.store.find("subscription_schedule", subscription["schedule"])
    if schedule is None:
        return None
    return account.store.find("price", schedule["phases"][-1]["items"][0]["price"])


def as_planned(account: Account, subscription: Resource) -> Resource:
    """Return a subscription as it will be in its next period."""
    price = next_price(account, subscription)
    if price is None:
        return subscription
    first, *others = items_of(subscription)
    row = {**first, "plan": plan_of(price), "price": price}
    return {**subscription, "items": {**subscription["items"], "data": [row, *others]}}


def release(account: Account, subscription: Resource, cause: Cause) -> None:
    """Let go of what was planned for a subscription, if anything was.

    At the turn of the period, too: Stripe's own schedules let go after the new phase.
    """
    schedule = account.store.find("subscription_schedule", subscription["schedule"])
    if schedule is None:
        return
    schedule.update(
        current_phase=None,
        released_at=account.now_s(),
        released_subscription=subscription["id"],
        status="released",
        subscription=None,
    )
    account.record("subscription_schedule.released", schedule, cause)
    standing.change(account, subscription, {"schedule": None}, cause)


def _default_settings() -> Resource:
    of_invoices = dict.fromkeys(
        words("account_tax_ids custom_fields days_until_due description footer")
    )
    return {
        **dict.fromkeys(_NULL_IN_BOTH),
        "billing_cycle_anchor": "automatic",
        "invoice_settings": {**of_invoices, "issuer": {"type": "self"}},
    }


def _phase(
    subscription: Resource, price: Resource, quantity: int, period: tuple[int, int]
) -> Resource:
    item = {
        "billing_thresholds": None,
        "discounts": [],
        "metadata": {},
        "plan": price["id"],
        "price": price["id"],
        "quantity": quantity,
    }
    return {
        **dict.fromkeys(_NULL_IN_A_PHASE),
        "add_invoice_items": [],
        "currency": subscription["currency"],
        "discounts": [],
        "end_date": period[1],
        "items": [item],
        "metadata": {},
        "proration_behavior": "none",
        "start_date": period[0],
    }
