"""The page of an invoice: what it asks for, a card to pay it with, and the receipt."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from stripe_local.account import Account
from stripe_local.billing import collecting, invoicing
from stripe_local.events import Cause
from stripe_local.pages.invoice_view import bill_of
from stripe_local.pages.render import invoice_page, missing_page
from stripe_local.pages.replies import go_to, page_cause, page_of
from stripe_local.pages.typed import Problems, Typed, field_of
from stripe_local.resources.payment_methods import attach_to, known_card
from stripe_local.wire.errors import ActionRequired, ApiError, CardRefused
from stripe_local.wire.forms import parse_form
from stripe_local.wire.resource import Resource
from stripe_local.world import World

_SETTLE_S = 10.0


async def show(request: Request) -> Response:
    """Answer a visit."""
    comes_from_bank = "authenticated" in request.query_params
    return await run_in_threadpool(
        _show, request.app.state.world, _id(request), comes_from_bank
    )


async def submit(request: Request) -> Response:
    """Answer the pay button: the receipt, or the form again with what went wrong."""
    typed = Typed.of(parse_form((await request.body()).decode(errors="replace")))
    return await run_in_threadpool(_submit, request.app.state.world, _id(request), typed)


def _show(world: World, invoice_id: str, comes_from_bank: bool) -> Response:
    account = world.account
    with account.lock:
        invoice = _find(account, invoice_id)
        if invoice is None:
            return page_of(missing_page(), 404)
        problems = _failure(account, invoice) if comes_from_bank else {}
        return _page(account, invoice, Typed.prefilled(account.now_s()), problems)


def _submit(world: World, invoice_id: str, typed: Typed) -> Response:
    account = world.account
    with account.lock:
        invoice = _find(account, invoice_id)
        if invoice is None:
            return page_of(missing_page(), 404)
        problems = typed.problems(asks_for_email=False)
        if problems:
            return _page(account, invoice, typed, problems, 422)
        try:
            _pay(account, invoice, typed, page_cause())
        except ActionRequired:
            return go_to(f"/3ds/{invoicing.intent_of(account, invoice)['id']}")
        except CardRefused as refusal:
            problems = {field_of(refusal): refusal.message}
            return _page(account, invoice, typed, problems, refusal.status)
        except ApiError:  # it was paid or voided in the meantime: the page says so
            return _page(account, invoice, typed, {})
    world.deliveries.wait_until_settled(_SETTLE_S, about=invoice_id)
    return go_to(f"/i/{invoice_id}")


def _pay(account: Account, invoice: Resource, typed: Typed, cause: Cause) -> None:
    """Pay with a card, and keep it for the customer; it is not what pays the next time."""
    customer = account.store.at_address("customer", invoice["customer"])
    method = known_card(account, typed.card(), email=customer["email"])
    collecting.pay_on_demand(account, invoice, cause, method=method)
    attach_to(account, method, customer, cause)


def _page(
    account: Account, invoice: Resource, typed: Typed, problems: Problems, status: int = 200
) -> Response:
    bill = bill_of(invoice, _paid_with(account, invoice))
    return page_of(invoice_page(bill, typed, problems), status)


def _failure(account: Account, invoice: Resource) -> Problems:
    """Return what to say beside the card of a payer who comes back without having paid."""
    if invoice["status"] == "paid":
        return {}
    error = invoicing.intent_of(account, invoice)["last_payment_error"]
    return {"number": error["message"]} if error else {}


def _paid_with(account: Account, invoice: Resource) -> Resource | None:
    """Return the card that paid an invoice; None where none did."""
    if invoice["status"] != "paid" or invoicing.payment_of(account, invoice) is None:
        return None
    intent = invoicing.intent_of(account, invoice)
    return account.store.find("payment_method", intent["payment_method"])


def _find(account: Account, invoice_id: str) -> Resource | None:
    """Return an invoice that was finalised: a draft has no page."""
    account.let_pass()
    invoice = account.store.find("invoice", invoice_id)
    return None if invoice is None or invoice["number"] is None else invoice


def _id(request: Request) -> str:
    invoice_id: str = request.path_params["invoice_id"]
    return invoice_id
