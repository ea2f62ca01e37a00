"""Money that goes back: refunds, which may fail later, and disputes."""

import copy

from stripe_local.account import Account
from stripe_local.billing.periods import DAY_S
from stripe_local.events import BY_ITSELF, Cause
from stripe_local.ids import new_id
from stripe_local.wire.changes import previous_attributes
from stripe_local.wire.errors import InvalidParameter, InvalidState
from stripe_local.wire.resource import Resource
from stripe_local.wire.words import words

_EVIDENCE = words(
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure "
    "cancellation_rebuttal customer_communication customer_email_address customer_name "
    "customer_purchase_ip customer_signature duplicate_charge_documentation "
    "duplicate_charge_explanation duplicate_charge_id product_description receipt "
    "refund_policy refund_policy_disclosure refund_refusal_explanation service_date "
    "service_documentation shipping_address shipping_carrier shipping_date "
    "shipping_documentation shipping_tracking_number uncategorized_file uncategorized_text"
)
_ANSWER_S = 7 * DAY_S


def refund(
    account: Account, charge: Resource, amount: int | None, given: Resource, cause: Cause
) -> Resource:
    """Give back what is left of a charge, or a part of it.

    Raises:
        InvalidState: there is nothing to give back, or it is disputed.
        InvalidParameter: more than what is left.
    """
    left = charge["amount_captured"] - charge["amount_refunded"]
    if charge["disputed"]:
        raise InvalidState(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if not charge["paid"] or left == 0:
        is_paid = charge["paid"]
        raise InvalidState(
            f"Charge {charge['id']} has {'already been refunded' if is_paid else 'failed'}.",
            code="charge_already_refunded" if is_paid else None,
        )
    amount = left if amount is None else amount
    if not 0 < amount <= left:
        raise InvalidParameter(
            f"Refund amount ({amount}) is not between 1 and the unrefunded amount on charge "
            f"({left}).",
            param="amount",
        )
    made = account.store.add(_new_refund(charge, amount, given, account.now_s()))
    account.record("refund.created", made, cause)
    _set_refunded(account, charge, amount, "charge.refunded", cause)
    return made


def fail_refund(account: Account, refund_id: str) -> Resource:
    """Let a refund come back from the bank days after it was made.

    Raises:
        InvalidState: it has failed already.
    """
    made = account.store.at_address("refund", refund_id)
    if made["status"] == "failed":
        raise InvalidState("This refund has failed already.")
    changes = {"failure_reason": "lost_or_stolen_card", "status": "failed"}
    account.update(made, changes, "refund.updated", BY_ITSELF)
    account.record("refund.failed", made, BY_ITSELF)
    account.record("charge.refund.updated", made, BY_ITSELF)
    charge = account.store.at_address("charge", made["charge"])
    _set_refunded(account, charge, -made["amount"], "charge.updated", BY_ITSELF)
    return made


def _set_refunded(
    account: Account, charge: Resource, amount: int, event_type: str, cause: Cause
) -> None:
    before = copy.deepcopy(charge)
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    account.record(event_type, charge, cause, previous=previous_attributes(before, charge))


def _new_refund(charge: Resource, amount: int, given: Resource, now_s: int) -> Resource:
    return {
        "id": new_id("refund"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": now_s,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": given["metadata"],
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": given["reason"],
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def open_dispute(
    account: Account, charge: Resource, *, reason: str = "fraudulent", amount: int | None = None
) -> Resource:
    """Let a payer ask the bank for the money back. The bank takes it at once.

    Raises:
        InvalidState: the charge did not pay, or is disputed already.
    """
    if not charge["paid"] or charge["disputed"]:
        raise InvalidState(f"Charge {charge['id']} cannot be disputed.")
    left = charge["amount_captured"] - charge["amount_refunded"]
    dispute = account.store.add(_new_dispute(charge, reason, amount or left, account.now_s()))
    account.record("charge.dispute.created", dispute, BY_ITSELF)
    account.update(charge, {"disputed": True}, "charge.updated", BY_ITSELF)
    account.record("charge.dispute.funds_withdrawn", dispute, BY_ITSELF)
    return dispute


def close_dispute(
    account: Account, dispute: Resource, *, is_won: bool, cause: Cause = BY_ITSELF
) -> Resource:
    """Let the bank decide. What is won comes back.

    Raises:
        InvalidState: it has been decided.
    """
    if dispute["status"] in {"won", "lost"}:
        raise InvalidState("This dispute is already closed")
    dispute["status"] = "won" if is_won else "lost"
    dispute["evidence_details"]["due_by"] = None
    if is_won:
        account.record("charge.dispute.funds_reinstated", dispute, BY_ITSELF)
    account.record("charge.dispute.closed", dispute, cause)
    return dispute


def _new_dispute(charge: Resource, reason: str, amount: int, now_s: int) -> Resource:
    brand = charge["payment_method_details"]["card"]["brand"]
    return {
        "id": new_id("dispute"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now_s,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now_s + _ANSWER_S,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": brand,
                "case_type": "chargeback",
                "network": brand,
                "network_reason_code": "83",
            },
            "type": "card",
        },
        "reason": reason,
        "status": "needs_response",
    }
