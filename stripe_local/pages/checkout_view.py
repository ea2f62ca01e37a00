"""What the Checkout page shows of a session, ready to read."""

from dataclasses import dataclass

from stripe_local.account import Account
from stripe_local.authentication import find_intent
from stripe_local.basket import Basket, left_of
from stripe_local.billing.invoice_shape import every
from stripe_local.billing.periods import DAY_S, boundary
from stripe_local.checkout import needs_card
from stripe_local.currencies import shown
from stripe_local.pages.promotions import code_on
from stripe_local.pages.replies import day_of, rate_of
from stripe_local.wire.resource import Resource


@dataclass(frozen=True)
class Line:
    """One line of the summary."""

    name: str
    details: list[str]
    """What there is to say beside the name: how many, and how often they are paid."""
    amount: str


@dataclass(frozen=True)
class Sale:
    """An open session as whoever pays sees it."""

    merchant: str
    lines: list[Line]
    subtotal: str
    """Only where something is taken off it."""
    off: str
    total: str
    terms: str
    """What a subscription goes on to cost; nothing for a single payment."""
    is_subscription: bool
    is_setup: bool
    """Whether a card is to be kept, and nothing is sold."""
    trial_off: str
    """What a trial saves today; nothing where there is none."""
    needs_card: bool
    cancel_url: str | None
    known_email: str | None
    takes_codes: bool
    code: str
    """The promotion code that was typed, if it was."""


def sale_of(account: Account, session: Resource) -> Sale:
    """Return an open session, ready to read."""
    basket = account.baskets[session["id"]]
    full = sum(line["amount_subtotal"] for line in basket.line_items)
    has_trial = bool((basket.subscription or {}).get("has_trial"))
    off = (session["total_details"] or {}).get("amount_discount", 0)
    return Sale(
        merchant=merchant_of(session),
        lines=[_line(item) for item in basket.line_items],
        subtotal=_money(session, session["amount_subtotal"]) if off else "",
        off=_money(session, -off) if off else "",
        total=total_of(session),
        terms=_terms(account, session, basket),
        is_subscription=session["mode"] == "subscription",
        is_setup=session["mode"] == "setup",
        trial_off=_money(session, -full) if has_trial else "",
        needs_card=needs_card(session),
        cancel_url=session["cancel_url"],
        known_email=(session["customer_details"] or {}).get("email"),
        takes_codes=bool(session["allow_promotion_codes"]),
        code=code_on(account, session),
    )


def failure_of(account: Account, session: Resource) -> dict[str, str]:
    """Return what to say beside the card of a payer whom the bank did not confirm."""
    awaiting = account.baskets[session["id"]].awaiting
    if awaiting is None:
        return {}
    intent = find_intent(account, awaiting.intent_id)
    is_over = intent["status"] == "requires_payment_method"
    kind = "last_payment_error" if intent["object"] == "payment_intent" else "last_setup_error"
    return {"number": intent[kind]["message"]} if is_over and intent[kind] else {}


def merchant_of(session: Resource) -> str:
    """Return who sells."""
    name: str = session["branding_settings"]["display_name"]
    return name


def total_of(session: Resource) -> str:
    """Return what is due now."""
    return _money(session, session["amount_total"] or 0)


def return_address(session: Resource) -> str:
    """Return where a payer goes after paying, with the session's id filled in."""
    template: str = session["success_url"]
    return template.replace("{CHECKOUT_SESSION_ID}", session["id"])


def _terms(account: Account, session: Resource, basket: Basket) -> str:
    if session["mode"] != "subscription":
        return ""
    price, cost = basket.line_items[0]["price"], _cost(basket)
    given = basket.subscription or {}
    if given.get("has_trial"):
        days = given.get("trial_period_days")
        ends_s = account.now_s() + days * DAY_S if days else given["trial_end"]
        free = f"{days} day{'s' if days > 1 else ''} free" if days else "Free at first"
        return f"{free}, then {cost} from {day_of(ends_s)}, until you cancel."
    renews_s = boundary(account.now_s(), price["recurring"], 1)
    return f"{cost}, until you cancel. Renews on {day_of(renews_s)}."


def _cost(basket: Basket) -> str:
    """Return what a subscription costs, and for how long something is taken off."""
    price = basket.line_items[0]["price"]
    subtotals = [line["amount_subtotal"] for line in basket.line_items]
    full, left = sum(subtotals), sum(left_of(subtotals, basket.discounts))
    rate = rate_of(full, price)
    if left == full:
        return rate
    coupon = basket.discounts[0].coupon
    if coupon["duration"] == "forever":
        return rate_of(left, price)
    if coupon["duration"] == "once":
        return f"{shown(left, price['currency'])} once, then {rate}"
    months = coupon["duration_in_months"]
    span = f"{months} months" if months > 1 else "one month"
    return f"{rate_of(left, price)} for {span}, then {rate}"


def _line(item: Resource) -> Line:
    price, quantity = item["price"], item["quantity"]
    details = []
    if quantity > 1 and price["unit_amount"] is not None:
        each = shown(price["unit_amount"], item["currency"])
        details.append(f"{quantity} \N{MULTIPLICATION SIGN} {each}")
    if price["recurring"] is not None:
        rhythm = every(price)
        details.append(f"Billed {rhythm if rhythm.startswith('every') else f'every {rhythm}'}")
    return Line(item["description"], details, shown(item["amount_subtotal"], item["currency"]))


def _money(session: Resource, amount: int) -> str:
    return shown(amount, session["currency"])
