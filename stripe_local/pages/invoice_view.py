"""What the page of an invoice shows, ready to read."""

from dataclasses import dataclass

from stripe_local.currencies import shown
from stripe_local.pages.replies import card_of, day_of, short_day_of
from stripe_local.wire.resource import Resource

_STATUSES = {
    "open": "Open",
    "paid": "Paid",
    "uncollectible": "Uncollectible",
    "void": "Void",
}


@dataclass(frozen=True)
class Line:
    """One line of the invoice."""

    name: str
    period: str
    amount: str


@dataclass(frozen=True)
class Sum:
    """One of the sums below the lines; the last one counts."""

    name: str
    amount: str


@dataclass(frozen=True)
class Bill:
    """An invoice as whoever pays it sees it."""

    number: str
    merchant: str
    payer: str
    issued: str
    period: str
    status: str
    can_be_paid: bool
    paid_on: str
    paid_with: str
    next_try: str
    amount: str
    """What is still to be paid; or what was."""
    lines: list[Line]
    sums: list[Sum]


def bill_of(invoice: Resource, paid_with: Resource | None) -> Bill:
    """Return an invoice, ready to read, with the card that paid it."""
    is_paid = invoice["status"] == "paid"
    next_s, paid_s = invoice["next_payment_attempt"], invoice["status_transitions"]["paid_at"]
    return Bill(
        number=invoice["number"],
        merchant=invoice["account_name"],
        payer=invoice["customer_email"] or invoice["customer_name"] or invoice["customer"],
        issued=day_of(invoice["status_transitions"]["finalized_at"]),
        period=_span(*_period(invoice)),
        status=_STATUSES[invoice["status"]],
        can_be_paid=invoice["status"] in {"open", "uncollectible"},
        paid_on=day_of(paid_s) if is_paid else "",
        paid_with=card_of(paid_with),
        next_try=day_of(next_s) if next_s else "",
        amount=_money(invoice, invoice["amount_paid" if is_paid else "amount_remaining"]),
        lines=[
            Line(
                row["description"],
                _span(row["period"]["start"], row["period"]["end"]),
                _money(invoice, row["amount"]),
            )
            for row in invoice["lines"]["data"]
        ],
        sums=_sums(invoice),
    )


def _period(invoice: Resource) -> tuple[int, int]:
    """Return the time that the lines bill: the invoice's own period is the one before."""
    periods = [row["period"] for row in invoice["lines"]["data"]]
    return min(each["start"] for each in periods), max(each["end"] for each in periods)


def _sums(invoice: Resource) -> list[Sum]:
    off = sum(each["amount"] for each in invoice["total_discount_amounts"] or [])
    from_balance = (invoice["ending_balance"] or 0) - invoice["starting_balance"]
    sums = [Sum("Subtotal", _money(invoice, invoice["subtotal"]))]
    if off:
        sums.append(Sum("Discount", _money(invoice, -off)))
    if off or from_balance:
        sums.append(Sum("Total", _money(invoice, invoice["total"])))
    if from_balance > 0:
        sums.append(Sum("From your credit", _money(invoice, -from_balance)))
    if from_balance < 0:
        sums.append(Sum("Kept as your credit", _money(invoice, -from_balance)))
    sums.append(Sum("Amount due", _money(invoice, invoice["amount_due"])))
    if invoice["amount_paid"]:
        sums.append(Sum("Amount paid", _money(invoice, invoice["amount_paid"])))
        sums.append(Sum("Amount remaining", _money(invoice, invoice["amount_remaining"])))
    return sums


def _span(start_s: int, end_s: int) -> str:
    start, end = short_day_of(start_s), short_day_of(end_s)
    return start if start == end else f"{start} \N{EN DASH} {end}"


def _money(invoice: Resource, amount: int) -> str:
    return shown(amount, invoice["currency"])
