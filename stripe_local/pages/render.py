"""Turns a session into a page. The words and the looks are in the templates."""

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stripe_local.basket import Basket
from stripe_local.billing.invoice_shape import every
from stripe_local.cards import TEST_CARDS
from stripe_local.checkout import needs_card
from stripe_local.currencies import shown
from stripe_local.pages.typed import Problems, Typed
from stripe_local.wire.resource import Resource

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Line:
    """One line of the summary, ready to read."""

    name: str
    quantity: int
    each: str
    """What one costs; nothing to say where the line is for one."""
    amount: str


def pay_page(session: Resource, basket: Basket, typed: Typed, problems: Problems) -> str:
    """Return the page of an open session, with what is wrong beside each field."""
    return _TEMPLATES.get_template("pay.html").render(
        merchant=_merchant(session),
        lines=[_line(item) for item in basket.line_items],
        total=_total(session),
        due=_terms(session, basket),
        needs_card=needs_card(session),
        cancel_url=session["cancel_url"],
        known_email=(session["customer_details"] or {}).get("email"),
        typed=typed,
        problems=problems,
        test_cards=TEST_CARDS,
    )


def closed_page(session: Resource) -> str:
    """Return the page of a session that was paid or has expired."""
    return _TEMPLATES.get_template("closed.html").render(
        merchant=_merchant(session),
        total=_total(session),
        is_paid=session["status"] == "complete",
        success_url=return_address(session),
        cancel_url=session["cancel_url"],
    )


def missing_page() -> str:
    """Return the page for an address that belongs to no session."""
    return _TEMPLATES.get_template("missing.html").render(merchant="Local Stripe")


def portal_page(**shown_there: object) -> str:
    """Return the portal's page of a customer."""
    return _TEMPLATES.get_template("portal.html").render(**shown_there)


def return_address(session: Resource) -> str:
    """Return where a payer goes after paying, with the session's id filled in."""
    template: str = session["success_url"]
    return template.replace("{CHECKOUT_SESSION_ID}", session["id"])


def _merchant(session: Resource) -> str:
    name: str = session["branding_settings"]["display_name"]
    return name


def _total(session: Resource) -> str:
    return shown(session["amount_total"], session["currency"])


def _terms(session: Resource, basket: Basket) -> str:
    """Return what a subscription goes on to cost; nothing for a single payment."""
    if session["mode"] != "subscription":
        return ""
    price = basket.line_items[0]["price"]
    amount = sum(line["amount_subtotal"] for line in basket.line_items)
    rhythm = f"{shown(amount, session['currency'])} per {every(price)}"
    terms = basket.subscription or {}
    days = terms.get("trial_period_days")
    if days:
        return f"{days} days free, then {rhythm}"
    return f"a free trial, then {rhythm}" if terms.get("has_trial") else rhythm


def _line(item: Resource) -> Line:
    price, quantity = item["price"], item["quantity"]
    each = price["unit_amount"]
    is_several = quantity > 1 and each is not None
    return Line(
        name=item["description"],
        quantity=quantity,
        each=shown(each, item["currency"]) if is_several else "",
        amount=shown(item["amount_total"], item["currency"]),
    )
