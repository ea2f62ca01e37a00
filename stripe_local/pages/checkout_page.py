"""The hosted Checkout page: shows what is sold, takes a card, and sends the payer back."""

from collections.abc import Callable
from dataclasses import replace

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from stripe_local.account import Account
from stripe_local.checkout import awaited_intent, needs_card, pay
from stripe_local.pages import promotions
from stripe_local.pages.checkout_view import failure_of, return_address, sale_of
from stripe_local.pages.render import closed_page, missing_page, pay_page
from stripe_local.pages.replies import go_to, page_cause, page_of
from stripe_local.pages.typed import Problems, Typed, field_of
from stripe_local.wire.errors import CardRefused
from stripe_local.wire.forms import parse_form
from stripe_local.wire.resource import Resource
from stripe_local.world import World

RETURN_AFTER_S_MAX = 10.0
"""How long the payer waits for the shop to have heard of the payment."""


async def show(request: Request) -> Response:
    """Answer a visit: the form, or what has become of the session."""
    return await run_in_threadpool(_show, request.app.state.world, _session_id(request))


async def submit(request: Request) -> Response:
    """Answer the pay button: back to the shop, or the form again with what went wrong."""
    form = parse_form((await request.body()).decode(errors="replace"))
    deed = _DEEDS.get(str(form.get("action", "pay")))
    if deed is None:
        return page_of(missing_page(), 404)
    return await run_in_threadpool(
        _submit, request.app.state.world, _session_id(request), Typed.of(form), deed
    )


def _show(world: World, session_id: str) -> Response:
    account = world.account
    with account.lock:
        session = _find(account, session_id)
        if session is None:
            return page_of(missing_page(), 404)
        if session["status"] != "open":
            return page_of(closed_page(session), 200)
        problems = failure_of(account, session)
        return _form(account, session, Typed.prefilled(account.now_s()), problems, 200)


def _submit(world: World, session_id: str, typed: Typed, deed: "Deed") -> Response:
    account = world.account
    with account.lock:
        session = _find(account, session_id)
        if session is None:
            return page_of(missing_page(), 404)
        if session["status"] == "expired":
            return page_of(closed_page(session), 410)
        if session["status"] == "open":
            instead = deed(account, session, typed)
            if instead is not None:
                return instead
    world.deliveries.wait_until_settled(RETURN_AFTER_S_MAX, about=session_id)
    return go_to(return_address(session))


def _try_to_pay(account: Account, session: Resource, typed: Typed) -> Response | None:
    """Pay with what was typed. Returns the form instead when that did not work."""
    asks_for_email = session["customer_details"] is None
    problems = typed.problems(asks_for_email=asks_for_email, needs_card=needs_card(session))
    if problems:
        return _form(account, session, typed, problems, 422)
    email = typed.email if asks_for_email else None
    try:
        card = typed.card() if needs_card(session) else None
        pay(account, session, card, typed_email=email, cause=page_cause())
    except CardRefused as refusal:
        return _form(account, session, typed, {field_of(refusal): refusal.message}, 402)
    awaited = awaited_intent(account, session)
    return go_to(f"/3ds/{awaited}") if awaited else None


def _apply_code(account: Account, session: Resource, typed: Typed) -> Response | None:
    """Take off what a promotion code stands for, and show the form with what is due now."""
    if not session["allow_promotion_codes"]:
        return page_of(missing_page(), 404)
    try:
        promotions.apply(account, session, typed.code)
    except promotions.CodeRefused as refusal:
        fresh = replace(Typed.prefilled(account.now_s()), code=typed.code)
        return _form(account, session, fresh, {"code": str(refusal)}, 422)
    return go_to(f"/c/pay/{session['id']}")


def _remove_code(account: Account, session: Resource, _typed: Typed) -> Response | None:
    """Let a promotion code that was typed not count."""
    if not session["allow_promotion_codes"]:
        return page_of(missing_page(), 404)
    promotions.remove(account, session)
    return go_to(f"/c/pay/{session['id']}")


Deed = Callable[[Account, Resource, Typed], Response | None]
_DEEDS: dict[str, Deed] = {
    "pay": _try_to_pay,
    "apply_code": _apply_code,
    "remove_code": _remove_code,
}


def _form(
    account: Account, session: Resource, typed: Typed, problems: Problems, status: int
) -> Response:
    return page_of(pay_page(sale_of(account, session), typed, problems), status)


def _find(account: Account, session_id: str) -> Resource | None:
    account.let_pass()
    return account.store.find("checkout.session", session_id)


def _session_id(request: Request) -> str:
    session_id: str = request.path_params["session_id"]
    return session_id
