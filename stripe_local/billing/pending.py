"""Invoice items: lines that wait for a customer's next invoice, or were put on a draft."""

from dataclasses import replace

from stripe_local.account import Account
from stripe_local.billing.invoice_shape import Line, add_up, new_line
from stripe_local.events import Cause
from stripe_local.ids import new_id
from stripe_local.wire.resource import Resource


def keep_for_later(
    account: Account,
    customer: Resource,
    subscription: Resource | None,
    line: Line,
    cause: Cause,
) -> Resource:
    """Keep a line as an invoice item, for the next invoice to take along."""
    item = account.store.add(
        new_invoice_item(customer, subscription, line, now_s=account.now_s())
    )
    account.kept_lines[item["id"]] = replace(line, invoice_item_id=item["id"])
    account.record("invoiceitem.created", item, cause)
    return item


def lines_kept(
    account: Account,
    customer: Resource,
    subscription: Resource | None,
    currency: str,
    *,
    only_its_own: bool = False,
) -> list[Line]:
    """Return the lines that wait for an invoice of a customer, oldest first.

    The invoice of a subscription takes along what waits for that subscription, and what waits
    for none, unless it is to have only its own.
    """
    own = subscription and subscription["id"]
    wanted = {own} if only_its_own else {None, own}
    return [
        account.kept_lines[item["id"]]
        for item in reversed(account.store.newest_first("invoiceitem"))
        if item["invoice"] is None
        and item["customer"] == customer["id"]
        and item["currency"] == currency
        and subscription_id_of(item) in wanted
    ]


def subscription_id_of(item: Resource) -> str | None:
    """Return the subscription whose invoice is to take an item along, if it names one."""
    parent = item["parent"]
    return str(parent["subscription_details"]["subscription"]) if parent else None


def put_on(account: Account, invoice: Resource, item: Resource, cause: Cause) -> None:
    """Put an item on a draft at once; one that is on it already is written anew."""
    row = new_line(account.kept_lines[item["id"]], invoice["id"], subscription_id_of(item))
    rows = list(invoice["lines"]["data"])
    before = [place for place, each in enumerate(rows) if _item_of(each) == item["id"]]
    if before:
        rows[before[0]] = {**row, "id": rows[before[0]]["id"]}
    else:
        rows.append(row)
    item["invoice"] = invoice["id"]
    _set_rows(account, invoice, rows, cause)


def rewrite(account: Account, item: Resource, line: Line) -> None:
    """Let an item say something else."""
    account.kept_lines[item["id"]] = line
    item.update(_of_the_line(line))


def take_off(account: Account, item: Resource, cause: Cause) -> None:
    """Take an item off the draft that it is on, if it is on one."""
    invoice = account.store.find("invoice", item["invoice"])
    if invoice is not None:
        rows = [row for row in invoice["lines"]["data"] if _item_of(row) != item["id"]]
        _set_rows(account, invoice, rows, cause)
    item["invoice"] = None


def let_go(account: Account, invoice: Resource) -> None:
    """Let the items of a draft that is deleted wait for another invoice."""
    for item in account.store.newest_first("invoiceitem"):
        if item["invoice"] == invoice["id"]:
            item["invoice"] = None


def _item_of(row: Resource) -> str | None:
    details: Resource = row["parent"][row["parent"]["type"]]
    found: str | None = details["invoice_item"]
    return found


def _set_rows(account: Account, invoice: Resource, rows: list[Resource], cause: Cause) -> None:
    added_up = {**invoice, "lines": {**invoice["lines"], "data": rows}}
    add_up(added_up)
    account.update(invoice, added_up, "invoice.updated", cause)


def new_invoice_item(
    customer: Resource, subscription: Resource | None, line: Line, *, now_s: int
) -> Resource:
    """Return a line that waits for the next invoice."""
    details = {"subscription": subscription["id"]} if subscription else None
    if details is not None and line.item_id is not None:
        details["subscription_item"] = line.item_id
    return {
        "id": new_id("invoiceitem"),
        "object": "invoiceitem",
        "customer": customer["id"],
        "customer_account": None,
        "date": now_s,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "parent": details and {"subscription_details": details, "type": "subscription_details"},
        "tax_rates": [],
        "test_clock": customer["test_clock"],
        **_of_the_line(line),
    }


def _of_the_line(line: Line) -> Resource:
    return {
        "amount": line.amount,
        "currency": line.price["currency"],
        "description": line.description,
        "discountable": line.is_discountable and not line.is_proration,
        "metadata": dict(line.metadata),
        "net_amount": line.amount,
        "period": {"start": line.period[0], "end": line.period[1]},
        "pricing": {
            "price_details": {"price": line.price["id"], "product": line.price["product"]},
            "type": "price_details",
            "unit_amount_decimal": line.price["unit_amount_decimal"],
        },
        "proration": line.is_proration,
        **({"proration_details": _credited(line)} if line.is_proration else {}),
        "quantity": line.quantity,
        "quantity_decimal": str(line.quantity),
    }


def _credited(line: Line) -> Resource:
    """Return what a proration gives back: nothing, or lines that were paid before."""
    credited = line.credited and {
        "invoice_line_item_details": line.credited,
        "type": "invoice_line_items",
    }
    return {"credited_items": credited, "discount_amounts": []}
