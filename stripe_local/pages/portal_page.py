"""The portal's page: a customer changes plan, cancels, comes back, or takes another card."""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from stripe_local.account import Account
from stripe_local.basket import quote
from stripe_local.billing import changing, collecting, scheduling, standing
from stripe_local.billing.item_changes import ItemChange, Manner
from stripe_local.billing.periods import boundary
from stripe_local.billing.subscription_shape import items_of, period_of
from stripe_local.events import Cause
from stripe_local.pages.portal_view import (
    card_of,
    configuration_of,
    plans_of,
    rows_of,
)
from stripe_local.pages.render import missing_page, portal_page
from stripe_local.pages.replies import go_to, page_cause, page_of
from stripe_local.pages.typed import Typed
from stripe_local.resources.payment_methods import attach_to, known_card
from stripe_local.wire.errors import ActionRequired, ApiError, CardRefused, InvalidState
from stripe_local.wire.forms import Tree, parse_form
from stripe_local.wire.resource import Resource
from stripe_local.world import World

_SETTLE_S = 10.0
_SAID = {
    "change": "Your plan was changed.",
    "later": "Your plan will change at the end of the period.",
    "stay": "Your plan stays as it is.",
    "cancel": "Your subscription was cancelled.",
    "renew": "Your subscription goes on.",
    "card": "Your card was saved.",
}


async def show(request: Request) -> Response:
    """Answer a visit."""
    return await run_in_threadpool(
        _show, request.app.state.world, _id(request), request.query_params.get("done", "")
    )


async def submit(request: Request) -> Response:
    """Answer a button: do it and show the page again, or say why not."""
    form = parse_form((await request.body()).decode(errors="replace"))
    return await run_in_threadpool(_submit, request.app.state.world, _id(request), form)


def _show(world: World, session_id: str, done: str) -> Response:
    account = world.account
    with account.lock:
        account.let_pass()
        session = account.store.find("billing_portal.session", session_id)
        if session is None or account.store.find("customer", session["customer"]) is None:
            return page_of(missing_page(), 404)
        return _page(account, session, said=_SAID.get(done, ""))


def _submit(world: World, session_id: str, form: Tree) -> Response:
    account = world.account
    action = str(form.get("action", ""))
    with account.lock:
        account.let_pass()
        session = account.store.find("billing_portal.session", session_id)
        if session is None or action not in _ACTIONS:
            return page_of(missing_page(), 404)
        try:
            done = _ACTIONS[action](account, session, form, page_cause())
        except ActionRequired as asked:  # a new card shall pay what is owed: its bank asks
            return go_to(f"/3ds/{asked.facts['payment_intent']['id']}")
        except ApiError as refusal:
            return _page(account, session, problem=refusal.message, status=refusal.status)
    world.deliveries.wait_until_settled(_SETTLE_S)
    return go_to(f"/p/session/{session_id}?done={done}")


def _page(
    account: Account, session: Resource, *, said: str = "", problem: str = "", status: int = 200
) -> Response:
    html = portal_page(
        merchant=account.profile.merchant,
        return_url=session["return_url"],
        features=configuration_of(account, session),
        plans=plans_of(account, session),
        card=card_of(account, session),
        invoices=rows_of(account, session),
        said=said,
        problem=problem,
    )
    return page_of(html, status)


def _own(account: Account, session: Resource, form: Tree) -> Resource:
    """Return the subscription that a form names, if it is this customer's to change."""
    found = account.store.at_address("subscription", str(form.get("subscription", "")))
    if found["customer"] != session["customer"] or found["status"] in standing.ENDED:
        raise InvalidState("This subscription has ended.")
    return found


def _require(account: Account, session: Resource, feature: str) -> Resource:
    features = configuration_of(account, session)
    if not features[feature]["enabled"]:
        raise InvalidState("This is switched off in the portal's configuration.")
    chosen: Resource = features[feature]
    return chosen


def _change(account: Account, session: Resource, form: Tree, cause: Cause) -> str:
    """Change the plan: at once, or at the end of the period where the settings say so."""
    update = _require(account, session, "subscription_update")
    subscription = _own(account, session, form)
    price_id = str(form.get("price", ""))
    if not any(price_id in offered["prices"] for offered in update["products"]):
        raise InvalidState("Choose one of the plans.")
    item = items_of(subscription)[0]
    if price_id == item["price"]["id"]:
        scheduling.release(account, subscription, cause)
        return "stay"
    price = account.store.at_address("price", price_id)
    if _waits(update, item, price) and subscription["status"] != "trialing":
        turn_s = period_of(subscription)[1]
        end_s = boundary(turn_s, price["recurring"], 1)
        scheduling.plan_price(account, subscription, price, end_s, cause)
        return "later"
    scheduling.release(account, subscription, cause)
    manner = Manner(proration=update["proration_behavior"], payment="error_if_incomplete")
    wanted = [ItemChange(item, price, item["quantity"])]
    changing.change_items(account, subscription, wanted, manner, cause)
    return "change"


def _waits(update: Resource, item: Resource, price: Resource) -> bool:
    """Return whether a change waits for the end of the period."""
    conditions = {each["type"] for each in update["schedule_at_period_end"]["conditions"]}
    old, new = item["price"], price
    quantity = item["quantity"]
    is_less = quote(new, quantity).amount_total < quote(old, quantity).amount_total
    is_shorter = boundary(0, new["recurring"], 1) < boundary(0, old["recurring"], 1)
    return ("decreasing_item_amount" in conditions and is_less) or (
        "shortening_interval" in conditions and is_shorter
    )


def _cancel(account: Account, session: Resource, form: Tree, cause: Cause) -> str:
    settings = _require(account, session, "subscription_cancel")
    subscription = _own(account, session, form)
    scheduling.release(account, subscription, cause)
    if settings["mode"] == "immediately":
        standing.end(account, subscription, cause, reason="cancellation_requested")
    else:
        wish = {"cancel_at_period_end": True}
        changing.set_cancellation(account, subscription, wish, cause)
    return "cancel"


def _renew(account: Account, session: Resource, form: Tree, cause: Cause) -> str:
    _require(account, session, "subscription_cancel")
    wish = {"cancel_at_period_end": False}
    changing.set_cancellation(account, _own(account, session, form), wish, cause)
    return "renew"


def _take_card(account: Account, session: Resource, form: Tree, cause: Cause) -> str:
    """Keep another card for everything, and try it on what is owed."""
    _require(account, session, "payment_method_update")
    customer = account.store.at_address("customer", session["customer"])
    typed = Typed.of(form)
    problems = typed.problems(asks_for_email=False)
    if problems:
        raise CardRefused(" ".join(problems.values()), code="incorrect_number")
    method = known_card(account, typed.card(), email=customer["email"])
    attach_to(account, method, customer, cause)
    settings = {**customer["invoice_settings"], "default_payment_method": method["id"]}
    account.update(customer, {"invoice_settings": settings}, "customer.updated", cause)
    for subscription in account.store.newest_first("subscription"):
        is_theirs = subscription["customer"] == customer["id"]
        if is_theirs and subscription["status"] not in standing.ENDED:
            changes = {"default_payment_method": method["id"]}
            standing.change(account, subscription, changes, cause)
    for invoice in account.store.newest_first("invoice"):
        if invoice["customer"] == customer["id"] and invoice["status"] == "open":
            collecting.pay_on_demand(account, invoice, cause)
    return "card"


_ACTIONS: dict[str, Callable[[Account, Resource, Tree, Cause], str]] = {
    "cancel": _cancel,
    "card": _take_card,
    "change": _change,
    "renew": _renew,
}


def _id(request: Request) -> str:
    session_id: str = request.path_params["session_id"]
    return session_id
