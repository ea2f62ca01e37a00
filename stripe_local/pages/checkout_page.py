"""The hosted Checkout page: shows what is sold, takes a card, and sends the payer back."""

import secrets
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from stripe_local.account import Account
from stripe_local.checkout import needs_card, pay
from stripe_local.events import Cause
from stripe_local.ids import new_request_id
from stripe_local.pages.render import closed_page, missing_page, pay_page, return_address
from stripe_local.pages.typed import Problems, Typed
from stripe_local.wire.errors import CardRefused
from stripe_local.wire.forms import parse_form
from stripe_local.wire.resource import Resource
from stripe_local.world import World

RETURN_AFTER_S_MAX = 10.0
"""How long the payer waits for the shop to have heard of the payment."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_FIELDS = {"number": "number", "exp_month": "expiry", "exp_year": "expiry", "cvc": "cvc"}


async def show(request: Request) -> Response:
    """Answer a visit: the form, or what has become of the session."""
    return await run_in_threadpool(_show, request.app.state.world, _session_id(request))


async def submit(request: Request) -> Response:
    """Answer the pay button: back to the shop, or the form again with what went wrong."""
    form = (await request.body()).decode(errors="replace")
    typed = Typed.of(parse_form(form))
    return await run_in_threadpool(
        _submit, request.app.state.world, _session_id(request), typed
    )


def _show(world: World, session_id: str) -> Response:
    account = world.account
    with account.lock:
        session = _find(account, session_id)
        if session is None:
            return page_of(missing_page(), 404)
        if session["status"] != "open":
            return page_of(closed_page(session), 200)
        return _form(account, session, Typed.prefilled(_today(account).year), {}, 200)


def _submit(world: World, session_id: str, typed: Typed) -> Response:
    account = world.account
    with account.lock:
        session = _find(account, session_id)
        if session is None:
            return page_of(missing_page(), 404)
        if session["status"] == "expired":
            return page_of(closed_page(session), 410)
        if session["status"] == "open":
            refused = _try_to_pay(account, session, typed)
            if refused is not None:
                return refused
    world.deliveries.wait_until_settled(RETURN_AFTER_S_MAX, about=session_id)
    return RedirectResponse(return_address(session), 303, HEADERS)


def _try_to_pay(account: Account, session: Resource, typed: Typed) -> Response | None:
    """Pay with what was typed. Returns the form when that did not work."""
    asks_for_email = session["customer_details"] is None
    problems = typed.problems(asks_for_email=asks_for_email, needs_card=needs_card(session))
    if problems:
        return _form(account, session, typed, problems, 422)
    email = typed.email if asks_for_email else None
    try:
        card = typed.card() if needs_card(session) else None
        pay(account, session, card, typed_email=email, cause=page_cause())
    except CardRefused as refusal:
        field = _FIELDS.get(refusal.param or "", "number")
        return _form(account, session, typed, {field: refusal.message}, 402)
    return None


def page_cause() -> Cause:
    """Return the cause of a payment on the page: it makes a request like any other client."""
    return Cause(new_request_id(), secrets.token_hex(16))


def _form(
    account: Account, session: Resource, typed: Typed, problems: Problems, status: int
) -> Response:
    return page_of(pay_page(session, account.baskets[session["id"]], typed, problems), status)


def _find(account: Account, session_id: str) -> Resource | None:
    account.let_pass()
    return account.store.find("checkout.session", session_id)


def _today(account: Account) -> datetime:
    return datetime.fromtimestamp(account.now_s(), UTC)


def page_of(html: str, status: int) -> Response:
    """Return a page, with the headers that every page of ours has."""
    return HTMLResponse(html, status, HEADERS)


def _session_id(request: Request) -> str:
    session_id: str = request.path_params["session_id"]
    return session_id
