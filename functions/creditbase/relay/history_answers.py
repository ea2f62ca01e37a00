"""The shapes of a balance's history: rows in whole cents that add up, each with its reason.

A row is the difference of the rounded running balance, so the rows add up to what the balance
shows; its reason is what moved most of it. Source: relay-api.md 4 and 9.
"""

from collections.abc import Mapping
from typing import Any

from creditbase.kernel.ids import row_uuid
from creditbase.kernel.money import cents_remaining
from creditbase.ledger.domain.entries import Entry
from creditbase.ledger.domain.wallet import INCLUDED, NO_USE, Tally
from creditbase.ledger.history import Row
from creditbase.payments.domain import AUTOMATIC
from creditbase.relay.answers import Json, at, present
from creditbase.relay.wallet_answers import split_of

Words = tuple[str, str, str]
"""The machine's word, the page's, and a sentence."""


def history_answer(rows: tuple[Row, ...]) -> Json:
    """Return a page of the history, newest first."""
    return {"entries": [row_answer(row) for row in rows]}


def row_answer(row: Row) -> dict[str, Any]:
    """Return a row: how the balance moved in whole cents, why, and what Stripe calls it."""
    entry = row.entry
    after_cents = cents_remaining(row.after_nanos)
    moved_cents = after_cents - cents_remaining(row.before_nanos)
    moved_nanos = row.after_nanos - row.before_nanos
    is_credit = moved_nanos > 0 or (moved_nanos == 0 and _gives(entry))
    code, reason, description = _words(row)
    happened_at = at(entry.at)
    return {
        "id": row_uuid(entry.wallet_id, entry.entry_id, entry.row),
        "direction": "credit" if is_credit else "debit",
        "reason": reason,
        "reason_code": code,
        "amount_cents": abs(moved_cents),
        "description": description,
        "created_at": happened_at,
        "occurred_at": happened_at,
        "balance_after_cents": after_cents,
        **(_bought(entry) if entry.kind == "grant" else _used(entry, code)),
    }


def _gives(entry: Entry) -> bool:
    """Return whether an entry is a credit, though it moved nothing."""
    return entry.kind == "grant" or (entry.kind == "refund" and _is_undone(entry))


def _is_undone(entry: Entry) -> bool:
    """Return whether a refund is one that gives back: credits, or what was recalled."""
    return entry.amount_nanos < 0 or any(
        nanos < 0 for nanos in entry.cause.get("recall", {}).values()
    )


GRANTS: Mapping[str, Words] = {
    "topup": ("topup", "Top-up via Stripe", "Top-up via Stripe"),
    "promo": ("promo_credit", "Promotional credit", "Promotional credit of the tier"),
    "voucher": ("voucher", "Voucher", "Credit of a voucher"),
    "adjustment": ("adjustment", "Adjustment", "Adjustment by the operator"),
    "plan": ("subscription_payment", "Subscription payment", "Credit of the paid period"),
    "free": ("free_credit", "Free credit", "Free credit of the month"),
}
USAGE = "usage"
AUTOMATIC_TOPUP = ("topup", "Top-up via Stripe", "Automatic top-up via Stripe")
EXPIRED = ("expired", "Credit expired", "What was left of a credit has expired")
RETURNED = ("free_credit", "Free credit", "What was left of the running month is back")
REFUND = ("refund", "Refund", "Refund of a payment")
DISPUTE = ("refund", "Refund", "A payment was disputed")
UNDONE = ("refund", "Refund", "A refund or dispute was undone")
LET_GO = ("refund", "Refund", "A call gave back what a refund had taken")
SMALLER = ("adjustment", "Adjustment", "The plan became a smaller one")


def _words(row: Row) -> Words:
    entry = row.entry
    match entry.kind:
        case "grant":
            is_automatic = entry.cause.get("tier") == AUTOMATIC
            return AUTOMATIC_TOPUP if is_automatic else GRANTS[entry.cause["grant_kind"]]
        case "refund":
            return _words_of_refund(entry)
        case "lapse":
            return RETURNED if entry.amount_nanos < 0 else EXPIRED
        case _:
            return _words_of_call(row)


def _words_of_refund(entry: Entry) -> Words:
    if "most_nanos" in entry.cause:
        return SMALLER
    if "asked_nanos" in entry.cause:
        return GRANTS["adjustment"]
    if _is_undone(entry):
        return UNDONE
    is_dispute = entry.cause.get("is_dispute", bool(entry.cause.get("disputed_cents")))
    return DISPUTE if is_dispute else REFUND


def _words_of_call(row: Row) -> Words:
    """Return why the balance fell when a call ended: by most of what it did.

    What a hold gives back may be gone: its credit has ended meanwhile, or a refund takes it.
    """
    entry = row.entry
    used_nanos = sum(it.amount_nanos for it in entry.draws if it.source != INCLUDED)
    expired_nanos = entry.postings.get("expired", 0)
    taken_nanos = row.before_nanos - row.after_nanos - used_nanos - expired_nanos
    if used_nanos >= max(expired_nanos, taken_nanos):
        model = entry.metered.model
        return USAGE, "API usage", f"API usage of {model}" if model else "API usage"
    return EXPIRED if expired_nanos >= taken_nanos else LET_GO


def _bought(entry: Entry) -> Json:
    """Return what was paid for a credit, and what Stripe calls the payment."""
    cause = entry.cause
    names = {
        "stripe_checkout_session_id": cause.get("session") or None,
        "stripe_payment_intent_id": cause.get("payment") or None,
        "stripe_invoice_id": cause.get("invoice") or None,
    }
    if "paid_cents" not in cause:
        return present(**names)
    split = split_of(cause["paid_cents"], credit_cents=cents_remaining(entry.amount_nanos))
    return {**split, **present(**names)}


def _used(entry: Entry, code: str) -> Json:
    if code != USAGE or not entry.metered.model:
        return present(stripe_payment_intent_id=entry.cause.get("payment") or None)
    used = NO_USE.joined(Tally.of(entry.metered, 0))
    return {
        "model_id": entry.metered.model,
        "input_tokens": used.input_tokens,
        "output_tokens": used.output_tokens,
    }
