"""The shapes of the customer's ledger: rows, receipts, and one line of a table of them.

Amounts are exact: nanos as integers, and credits as decimal text (1 credit = 1 000 000 nanos),
so that nothing is rounded. What a call cost us is nowhere in them; so neither is a hash of the
ledger's chain, against which it could be guessed.
"""

from collections.abc import Iterable, Mapping

from creditbase.catalog.domain.pins import ROUNDING, Pin
from creditbase.kernel.instants import write_exact
from creditbase.kernel.money import NANOS_PER_CREDIT, NANOS_PER_DOLLAR
from creditbase.ledger.domain.entries import Entry
from creditbase.metering.receipts import (
    TAKES,
    UNIT_PRICES,
    CustomerLine,
    customer_lines,
    customer_margin,
    priced_nanos,
)

Json = dict[str, object]

COLUMNS = (
    *("seq", "id", "at", "kind", "model", "change_nanos", "credits", "held_nanos"),
    *("captured_nanos", "shortfall_nanos", "available_nanos", "description"),
)
"""Of the table that can be exported; the rows of JSON Lines are whole."""

SAID = {
    "charge": "Charge",
    "hold": "Credits held for a call",
    "capture": "Call finished",
    "void": "Call not made; the held credits are back",
    "expire": "Hold timed out",
    "late": "Call finished after its hold had timed out",
    "grant": "Credits received",
    "lapse": "Credits expired",
    "refund": "Credits taken back for a refund",
}
GRANTED = {
    "plan": "Credits of the plan",
    "free": "Free credits of the month",
    "topup": "Top-up",
    "promo": "Promotional credits",
    "voucher": "Credits of a voucher",
    "adjustment": "Adjustment",
}


def row_of(entry: Entry) -> Json:
    """Return an entry as a row of the ledger.

    `change_nanos` is what it did to the credits that are there to spend: a hold takes them
    out, what it does not use comes back. `included_change_nanos` is the same of a limit.
    """
    change_nanos = change_of(entry)
    row: Json = {
        "id": entry.entry_id,
        "seq": entry.seq,
        "kind": entry.kind,
        "at": write_exact(entry.at),
        "description": describe(entry),
        "change_nanos": change_nanos,
        "credits": credits_text(change_nanos),
        "held_nanos": entry.postings.get("held", 0),
        "captured_nanos": entry.captured_nanos,
        "shortfall_nanos": entry.shortfall_nanos,
        "available_nanos": entry.figures.available_nanos,
    }
    if entry.metered.model:
        row["model"] = entry.metered.model
    if entry.hold_id:
        row["hold_id"] = entry.hold_id
    return row


def change_of(entry: Entry) -> int:
    """Return what an entry did to the credits of the wallet, debts taken off."""
    moved = sum(
        nanos for account, nanos in entry.postings.items() if account.startswith("grant:")
    )
    return moved + entry.postings.get("receivable", 0)


def describe(entry: Entry) -> str:
    """Return in a few words what an entry is."""
    if entry.kind == "grant":
        return GRANTED.get(str(entry.cause.get("grant_kind", "")), SAID["grant"])
    if entry.kind == "lapse" and entry.amount_nanos < 0:
        return "Credits of the running month are back"
    if entry.kind == "refund" and "audit" in entry.cause:
        return "Adjustment"
    if entry.kind == "refund" and entry.amount_nanos < 0:
        return "Credits given back: the refund was undone"
    said = SAID[entry.kind]
    return f"{said}: {entry.metered.model}" if entry.metered.model else said


def receipt_of(entry: Entry) -> Json:
    """Return everything that is needed to compute the price again, and how, in words."""
    receipt: Json = {
        **row_of(entry),
        "draws": [
            {"source": draw.source, "kind": draw.kind, "amount_nanos": draw.amount_nanos}
            for draw in entry.draws
        ],
        "postings": dict(entry.postings),
        "explanation": list(sentences(entry)),
    }
    if entry.metered.quantities:
        receipt["usage"] = dict(entry.metered.quantities)
    if _is_priced(entry):
        receipt["price"] = _price(entry)
    if entry.expires_at is not None:
        receipt["expires_at"] = write_exact(entry.expires_at)
    corrects = entry.cause.get("corrects")
    return {**receipt, "corrects": corrects} if corrects else receipt


def _is_priced(entry: Entry) -> bool:
    """Return whether the entry took a price; a void names what it never came to."""
    return UNIT_PRICES in entry.metered.pricing and entry.kind != "void"


def _price(entry: Entry) -> Json:
    pin, margin = Pin.read(entry.metered.pricing), customer_margin(entry.metered)
    price: Json = {
        "lines": [
            {
                "unit": line.unit,
                "quantity": line.quantity,
                "price_nanos": line.price_nanos,
                "per_units": line.per_units,
            }
            for line in customer_lines(entry.metered)
        ],
        "fee_nanos": margin.fee_nanos,
        "minimum_nanos": margin.minimum_nanos,
        "rounding": ROUNDING,
        "amount_nanos": priced_nanos(entry.metered),
        "plan": pin.plan,
        "price_book_version": pin.book_version,
    }
    if pin.variant:
        price["variant"] = pin.variant
    if pin.at is not None:
        price["priced_at"] = write_exact(pin.at)
    return price


# ---- in words --------------------------------------------------------------------------------


def sentences(entry: Entry) -> Iterable[str]:
    """Yield how the figures of an entry come about, for a person."""
    yield f"{describe(entry)}."
    for line in customer_lines(entry.metered) if _is_priced(entry) else ():
        yield _line_text(line)
    if _is_priced(entry):
        margin = customer_margin(entry.metered)
        if margin.fee_nanos:
            yield f"A fee of {dollars_text(margin.fee_nanos)} for each request."
        if margin.minimum_nanos:
            yield f"At least {dollars_text(margin.minimum_nanos)} for a call."
        price = credits_text(priced_nanos(entry.metered))
        yield f"That is {price} credits, rounded up once to a millionth of a credit."
    if entry.kind in TAKES or entry.kind == "hold":
        for draw in entry.draws:
            source = GRANTED.get(draw.kind, "the limit of the plan")
            yield f"{credits_text(draw.amount_nanos)} credits from: {source}."
    if entry.shortfall_nanos:
        short = credits_text(entry.shortfall_nanos)
        yield f"{short} credits could not be paid by anything, and are not owed."


def _line_text(line: CustomerLine) -> str:
    unit = line.unit.replace("_", " ")
    price = f"{dollars_text(line.price_nanos)} for {line.per_units:,}"
    return f"{line.quantity:,} {unit} at {price}."


def credits_text(amount_nanos: int) -> str:
    """Return nanos as credits, exact, without needless zeros."""
    return _decimal(amount_nanos, NANOS_PER_CREDIT)


def dollars_text(amount_nanos: int) -> str:
    """Return nanos as dollars, exact, without needless zeros."""
    return f"{_decimal(amount_nanos, NANOS_PER_DOLLAR)} USD"


def _decimal(amount: int, unit: int) -> str:
    whole, rest = divmod(abs(amount), unit)
    digits = str(rest).zfill(len(str(unit)) - 1).rstrip("0")
    return ("-" if amount < 0 else "") + str(whole) + (f".{digits}" if digits else "")


# ---- as a table ------------------------------------------------------------------------------


def cells_of(row: Mapping[str, object]) -> list[object]:
    """Return a row's cells in the order of `COLUMNS`."""
    return [row.get(name, "") for name in COLUMNS]
