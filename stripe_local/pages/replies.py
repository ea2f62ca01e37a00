"""What the pages have in common: headers, the cause of what is done on them, some words."""

import secrets
from datetime import UTC, datetime

from starlette.responses import HTMLResponse, RedirectResponse, Response

from stripe_local.billing.invoice_shape import every
from stripe_local.currencies import shown
from stripe_local.events import Cause
from stripe_local.ids import new_request_id
from stripe_local.wire.resource import Resource

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def page_of(html: str, status: int) -> Response:
    """Return a page."""
    return HTMLResponse(html, status, HEADERS)


def go_to(address: str) -> Response:
    """Return the way to another page, for a form that was sent."""
    return RedirectResponse(address, 303, HEADERS)


def page_cause() -> Cause:
    """Return the cause of a deed on a page: it makes a request like any other client."""
    return Cause(new_request_id(), secrets.token_hex(16))


def day_of(at_s: int) -> str:
    """Return a day for a person to read: `5 March 2026`."""
    day = datetime.fromtimestamp(at_s, UTC)
    return f"{day.day} {day:%B %Y}"


def short_day_of(at_s: int) -> str:
    """Return a day where there is little room: `5 Mar 2026`."""
    day = datetime.fromtimestamp(at_s, UTC)
    return f"{day.day} {day:%b %Y}"


def card_of(method: Resource | None) -> str:
    """Return a card as its owner knows it; nothing for none."""
    if method is None:
        return ""
    return f"{method['card']['brand'].capitalize()} ending in {method['card']['last4']}"


def rate_of(amount: int, price: Resource) -> str:
    """Return what a recurring price costs: `$20.00 per month`, `$50.00 every 3 months`."""
    rhythm = every(price)
    per = "" if rhythm.startswith("every") else "per "
    return f"{shown(amount, price['currency'])} {per}{rhythm}"
