"""Invoice items: what else a customer owes, for the next invoice or for a draft at hand."""

from dataclasses import replace
from decimal import Decimal

from stripe.params import (
    InvoiceItemCreateParams,
    InvoiceItemDeleteParams,
    InvoiceItemListParams,
    InvoiceItemRetrieveParams,
    InvoiceItemUpdateParams,
)

from stripe_local.account import Account
from stripe_local.basket import quote
from stripe_local.billing import pending
from stripe_local.billing.invoice_shape import Line
from stripe_local.currencies import read_currency
from stripe_local.resources import prices
from stripe_local.resources.endpoint import Call, Endpoint
from stripe_local.resources.products import new_product
from stripe_local.wire.errors import (
    InvalidParameter,
    InvalidState,
    exclusive_parameters,
    missing_parameter,
)
from stripe_local.wire.forms import join
from stripe_local.wire.metadata import merged_metadata
from stripe_local.wire.paging import PAGING, is_created_within, page_of
from stripe_local.wire.parameters import Parameters
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_AT = "/v1/invoiceitems"
_OBJECT = "invoiceitem"
_WAYS = ("amount", "price", "price_data", "pricing", "unit_amount_decimal")
"""The ways to say what is owed, of which a request takes one."""
OF_A_LINE = words("currency description discountable metadata period quantity")
"""What else a request may say of a line."""


def create(call: Call) -> Resource:
    """Note something that a customer owes."""
    params, account = call.params, call.account
    if "customer" not in params:
        raise missing_parameter("customer")
    customer = account.store.referenced("customer", params["customer"], "customer")
    subscription = invoice = None
    if "subscription" in params:
        subscription = account.store.referenced(
            "subscription", params["subscription"], "subscription"
        )
    if "invoice" in params:
        invoice = account.store.referenced("invoice", params["invoice"], "invoice")
        _check_draft(invoice)
    line = line_of(account, params, "")
    if invoice is not None and invoice["currency"] != line.price["currency"]:
        raise InvalidParameter(
            f"The currency of the invoice ({invoice['currency']}) and of the item "
            f"({line.price['currency']}) must be the same.",
            param="currency",
        )
    item = pending.keep_for_later(account, customer, subscription, line, call.cause)
    if invoice is not None:
        pending.put_on(account, invoice, item, call.cause)
    return item


def line_of(
    account: Account, given: Parameters, name: str, *, is_preview: bool = False
) -> Line:
    """Return the line that a request describes; a preview keeps nothing of it.

    Raises:
        InvalidParameter: no amount, two of them, or a price that is not there.
    """
    said = [join(name, way) for way in _WAYS if way in given]
    if len(said) > 1:
        raise exclusive_parameters(said)
    if not said:
        raise missing_parameter(join(name, "amount"))
    now_s = account.now_s()
    period = given.get("period", {"start": now_s, "end": now_s})
    price = _price_of(account, given, name, is_kept=not is_preview)
    quantity: int = given.get("quantity", 1)
    product = account.store.find("product", price["product"])
    return Line(
        price,
        quantity,
        (period["start"], period["end"]),
        quote(price, quantity).amount_total,
        given.get("description") or (product or {}).get("name", ""),
        merged_metadata({}, given.get("metadata")),
        is_discountable=given.get("discountable", True),
    )


def _price_of(account: Account, given: Parameters, name: str, *, is_kept: bool) -> Resource:
    """Return the price behind a line; for a mere amount one that is offered nowhere."""
    named = given.get("price") or given.get("pricing", {}).get("price")
    if named:
        return prices.active_price(account, named, join(name, "price"))
    described = given.get("price_data", given)
    if "currency" not in described:
        raise missing_parameter(join(name, "currency"))
    exact = described.get("unit_amount_decimal", described.get("unit_amount"))
    exact = Decimal(given["amount"] if exact is None else exact)
    currency = {"active": False, "currency": described["currency"], "unit_amount": 0}
    read_currency(described["currency"], join(name, "currency"))
    product_id = described.get("product")
    if product_id is None:
        said = {"active": False, "name": given.get("description") or "Invoice item"}
        product = new_product(said, account.now_s())
        product_id = product["id"]
        if is_kept:
            account.store.add(product)
    else:
        account.store.referenced("product", product_id, join(name, "price_data[product]"))
    price = prices.new_price(currency, product_id, account.now_s(), name=name)
    is_whole = exact == exact.to_integral_value()
    price.update(unit_amount=int(exact) if is_whole else None, unit_amount_decimal=f"{exact:f}")
    return account.store.add(price) if is_kept else price


def retrieve(call: Call) -> Resource:
    """Return an invoice item."""
    return call.account.store.at_address(_OBJECT, call.object_id)


def update(call: Call) -> Resource:
    """Change an invoice item that is on no invoice yet, or on a draft."""
    params, account, item = call.params, call.account, retrieve(call)
    invoice = _changeable(account, item)
    line = account.kept_lines[item["id"]]
    if "amount" in params or "quantity" in params:
        line = _another_amount(account, item, line, params)
    if "description" in params:
        line = replace(line, description=params["description"])
    if "metadata" in params:
        line = replace(line, metadata=merged_metadata(item["metadata"], params["metadata"]))
    if "discountable" in params:
        line = replace(line, is_discountable=params["discountable"])
    if "period" in params:
        period = params["period"]
        line = replace(line, period=(period["start"], period["end"]))
    pending.rewrite(account, item, line)
    if invoice is not None:
        pending.put_on(account, invoice, item, call.cause)
    return item


def _another_amount(account: Account, item: Resource, line: Line, given: Parameters) -> Line:
    """Return a line with another amount, or with another quantity of the same price."""
    if "amount" in given and "quantity" in given:
        raise exclusive_parameters(["amount", "quantity"])
    if "quantity" in given:
        amount = quote(line.price, given["quantity"]).amount_total
        return replace(line, quantity=given["quantity"], amount=amount)
    described = {field: item[field] for field in ("currency", "description")}
    changed = line_of(account, {**described, "amount": given["amount"]}, "")
    return replace(line, price=changed.price, quantity=1, amount=changed.amount)


def delete(call: Call) -> Resource:
    """Forget what a customer would have owed."""
    account, item = call.account, retrieve(call)
    if _changeable(account, item) is not None:
        pending.take_off(account, item, call.cause)
    stub = account.store.delete(item)
    account.record("invoiceitem.deleted", item, call.cause)
    return stub


def _changeable(account: Account, item: Resource) -> Resource | None:
    """Return the draft that an item is on; None for one that waits."""
    invoice = account.store.find("invoice", item["invoice"])
    if invoice is not None:
        _check_draft(invoice)
    return invoice


def _check_draft(invoice: Resource) -> None:
    if invoice["status"] != "draft":
        raise InvalidState(
            f"The invoice {invoice['id']} is no longer a draft: it can't be changed.",
            code="invoice_not_editable",
        )


def list_items(call: Call) -> Resource:
    """Return invoice items, newest first; the pending ones are on no invoice yet."""
    params = call.params
    found = [
        item
        for item in call.account.store.newest_first(_OBJECT)
        if params.get("customer") in {None, item["customer"]}
        and params.get("invoice") in {None, item["invoice"]}
        and params.get("pending") in {None, item["invoice"] is None}
        and _is_dated_within(item, params)
    ]
    return page_of(found, params, _AT)


def _is_dated_within(item: Resource, params: Parameters) -> bool:
    """Return whether an item passes the `created` filter: its own word for that is `date`."""
    return is_created_within({"created": item["date"]}, params.get("created"))


_EXPAND = frozenset({"expand"})
ENDPOINTS = (
    Endpoint(
        "POST",
        _AT,
        InvoiceItemCreateParams,
        _EXPAND
        | set(OF_A_LINE)
        | set(words("amount customer invoice price_data pricing subscription"))
        | {"unit_amount_decimal"},
        create,
    ),
    Endpoint("GET", f"{_AT}/{{id}}", InvoiceItemRetrieveParams, _EXPAND, retrieve),
    Endpoint(
        "POST",
        f"{_AT}/{{id}}",
        InvoiceItemUpdateParams,
        _EXPAND | set(words("amount description discountable metadata period quantity")),
        update,
    ),
    Endpoint("DELETE", f"{_AT}/{{id}}", InvoiceItemDeleteParams, frozenset(), delete),
    Endpoint(
        "GET",
        _AT,
        InvoiceItemListParams,
        PAGING | {"created", "customer", "invoice", "pending"},
        list_items,
    ),
)
