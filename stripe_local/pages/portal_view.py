"""What the portal's page shows of a customer, ready to read."""

from dataclasses import dataclass

from stripe_local.account import Account
from stripe_local.billing import invoicing, period_lines, scheduling, standing
from stripe_local.billing.subscription_shape import items_of, period_of
from stripe_local.currencies import shown
from stripe_local.pages.replies import day_of, rate_of, short_day_of
from stripe_local.wire.resource import Resource

_STATUSES = {
    "active": "Active",
    "incomplete": "Waiting for the first payment",
    "past_due": "Payment failed",
    "paused": "Paused",
    "trialing": "Free trial",
    "unpaid": "Unpaid",
}


@dataclass(frozen=True)
class Choice:
    """A plan that can be chosen."""

    price_id: str
    name: str
    cost: str
    is_current: bool


@dataclass(frozen=True)
class Plan:
    """A subscription as its customer sees it."""

    subscription_id: str
    name: str
    cost: str
    status: str
    has_problem: bool
    until: str
    is_leaving: bool
    next_name: str
    card: str
    choices: list[Choice]


@dataclass(frozen=True)
class Row:
    """One invoice."""

    day: str
    url: str
    number: str
    amount: str
    status: str
    is_owed: bool


def configuration_of(account: Account, session: Resource) -> Resource:
    """Return the features that a session may use."""
    found = account.store.at_address("billing_portal.configuration", session["configuration"])
    features: Resource = found["features"]
    return features


def plans_of(account: Account, session: Resource) -> list[Plan]:
    """Return the subscriptions that have not ended."""
    return [
        _plan(account, session, subscription)
        for subscription in account.store.newest_first("subscription")
        if subscription["customer"] == session["customer"]
        and subscription["status"] not in standing.ENDED
    ]


def rows_of(account: Account, session: Resource) -> list[Row]:
    """Return the invoices that were finalised, newest first."""
    return [
        Row(
            day=short_day_of(invoice["created"]),
            url=invoice["hosted_invoice_url"],
            number=invoice["number"],
            amount=shown(abs(invoice["total"]), invoice["currency"]),
            status=invoice["status"].capitalize(),
            is_owed=invoice["status"] == "open",
        )
        for invoice in account.store.newest_first("invoice")
        if invoice["customer"] == session["customer"] and invoice["number"] is not None
    ]


def card_of(account: Account, session: Resource) -> str:
    """Return the card that pays: the customer's own, else that of a subscription."""
    customer = account.store.at_address("customer", session["customer"])
    own = _card(invoicing.default_method(account, customer, None))
    return own or next((plan.card for plan in plans_of(account, session)), "")


def _plan(account: Account, session: Resource, subscription: Resource) -> Plan:
    price = items_of(subscription)[0]["price"]
    customer = account.store.at_address("customer", subscription["customer"])
    planned = scheduling.next_price(account, subscription)
    return Plan(
        subscription_id=subscription["id"],
        name=period_lines.product_name(account, price),
        cost=rate_of(price["unit_amount"] or 0, price),
        status=_STATUSES[subscription["status"]],
        has_problem=subscription["status"] in {"past_due", "unpaid", "incomplete"},
        until=day_of(subscription["cancel_at"] or period_of(subscription)[1]),
        is_leaving=subscription["cancel_at"] is not None,
        next_name=period_lines.product_name(account, planned) if planned else "",
        card=_card(invoicing.default_method(account, customer, subscription)),
        choices=_choices(account, session, price),
    )


def _choices(account: Account, session: Resource, current: Resource) -> list[Choice]:
    update = configuration_of(account, session)["subscription_update"]
    if not update["enabled"] or "price" not in update["default_allowed_updates"]:
        return []
    ids = [price_id for offered in update["products"] for price_id in offered["prices"]]
    prices = [account.store.at_address("price", price_id) for price_id in ids]
    return [
        Choice(
            price_id=price["id"],
            name=period_lines.product_name(account, price),
            cost=rate_of(price["unit_amount"] or 0, price),
            is_current=price["id"] == current["id"],
        )
        for price in prices
    ]


def _card(method: Resource | None) -> str:
    if method is None:
        return ""
    card = method["card"]
    brand = card["brand"].capitalize()
    return (
        f"{brand} ending in {card['last4']}, valid until {card['exp_month']}/{card['exp_year']}"
    )
