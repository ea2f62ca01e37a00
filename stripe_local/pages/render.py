"""Fills the templates, in which the words and the looks are."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stripe_local.cards import TEST_CARDS
from stripe_local.pages.checkout_view import Sale, merchant_of, return_address, total_of
from stripe_local.pages.invoice_view import Bill
from stripe_local.pages.typed import Problems, Typed
from stripe_local.wire.resource import Resource

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def pay_page(sale: Sale, typed: Typed, problems: Problems) -> str:
    """Return the page of an open session, with what is wrong beside each field."""
    return _TEMPLATES.get_template("pay.html").render(
        sale=sale,
        merchant=sale.merchant,
        typed=typed,
        problems=problems,
        test_cards=TEST_CARDS,
    )


def closed_page(session: Resource) -> str:
    """Return the page of a session that was paid or has expired."""
    return _TEMPLATES.get_template("closed.html").render(
        merchant=merchant_of(session),
        total=total_of(session),
        is_complete=session["status"] == "complete",
        mode=session["mode"],
        payment_status=session["payment_status"],
        success_url=return_address(session),
        cancel_url=session["cancel_url"],
    )


def invoice_page(bill: Bill, typed: Typed, problems: Problems) -> str:
    """Return the page of an invoice, with a form while it can be paid."""
    return _TEMPLATES.get_template("invoice.html").render(
        bill=bill,
        merchant=bill.merchant,
        typed=typed,
        problems=problems,
        test_cards=TEST_CARDS,
    )


def authentication_page(**shown_there: object) -> str:
    """Return the bank's page for whoever holds a card."""
    return _TEMPLATES.get_template("authentication.html").render(**shown_there)


def missing_page() -> str:
    """Return the page for an address that belongs to no session."""
    return _TEMPLATES.get_template("missing.html").render(merchant="Local Stripe")


def portal_page(**shown_there: object) -> str:
    """Return the portal's page of a customer."""
    return _TEMPLATES.get_template("portal.html").render(**shown_there)
