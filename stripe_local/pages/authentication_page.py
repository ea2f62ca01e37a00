"""The bank's page of 3-D Secure: is it you? Two buttons, and the way back to what waits."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from stripe_local.account import Account
from stripe_local.authentication import Authenticated, authenticate, find_intent
from stripe_local.currencies import shown
from stripe_local.pages.checkout_view import return_address
from stripe_local.pages.render import authentication_page, missing_page
from stripe_local.pages.replies import card_of, go_to, page_cause, page_of
from stripe_local.wire.errors import ApiError, CardRefused, ResourceMissing
from stripe_local.wire.forms import parse_form
from stripe_local.wire.resource import Resource
from stripe_local.world import World

_SETTLE_S = 10.0
_OUTCOMES = {"complete": True, "fail": False}


async def show(request: Request) -> Response:
    """Answer a visit."""
    return await run_in_threadpool(_show, request.app.state.world, _id(request))


async def submit(request: Request) -> Response:
    """Answer a button: go on with what waits, or say to it that it was not you."""
    form = parse_form((await request.body()).decode(errors="replace"))
    outcome = str(form.get("outcome", ""))
    return await run_in_threadpool(_submit, request.app.state.world, _id(request), outcome)


def _show(world: World, intent_id: str) -> Response:
    account = world.account
    with account.lock:
        account.let_pass()
        try:
            intent = find_intent(account, intent_id)
        except ResourceMissing:
            return page_of(missing_page(), 404)
        return _page(account, intent)


def _submit(world: World, intent_id: str, outcome: str) -> Response:
    account = world.account
    with account.lock:
        account.let_pass()
        try:
            intent = find_intent(account, intent_id)
        except ResourceMissing:
            return page_of(missing_page(), 404)
        if outcome not in _OUTCOMES:
            return page_of(missing_page(), 404)
        way_back = _way_back(account, intent)
        try:
            done = authenticate(
                account, intent_id, is_successful=_OUTCOMES[outcome], cause=page_cause()
            )
            way_back = _way_on(done) or way_back
        except CardRefused:
            pass  # it was you, and the bank declines all the same: the way back says so
        except ApiError:  # nobody waits for this any more: the page says what became of it
            return _page(account, intent)
    world.deliveries.wait_until_settled(_SETTLE_S)
    return go_to(way_back or f"/3ds/{intent_id}")


def _way_on(done: Authenticated) -> str | None:
    """Return where to go on: the shop, for a session that is complete, or a given address."""
    if done.session is not None and done.session["status"] == "complete":
        return return_address(done.session)
    return done.return_url


def _way_back(account: Account, intent: Resource) -> str | None:
    """Return the page from which the payer came: of a session, or of an invoice."""
    for basket_id, basket in account.baskets.items():
        if basket.awaiting is not None and basket.awaiting.intent_id == intent["id"]:
            return f"/c/pay/{basket_id}"
    for payment in account.store.newest_first("invoice_payment"):
        if payment["payment"]["payment_intent"] == intent["id"]:
            return f"/i/{payment['invoice']}?authenticated=1"
    return None


def _page(account: Account, intent: Resource) -> Response:
    method = account.store.find("payment_method", intent["payment_method"])
    is_payment = intent["object"] == "payment_intent"
    html = authentication_page(
        merchant=account.profile.merchant,
        amount=shown(intent["amount"], intent["currency"]) if is_payment else "",
        card=card_of(method),
        is_waiting=intent["status"] == "requires_action",
        is_done=intent["status"] == "succeeded",
    )
    return page_of(html, 200)


def _id(request: Request) -> str:
    intent_id: str = request.path_params["intent_id"]
    return intent_id
