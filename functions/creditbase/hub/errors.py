"""The hub's one error table: code, HTTP status, Firebase's status, and the text.

Source: hub-api.md 4. The published client tells errors apart by words in the text, so the
texts carry no digits and none of `token`, `timeout`, `network`, `gateway`; figures are
fields. An endpoint answers only the statuses that its specification lists, so that what
metering calls 413, 422 and 503 is 400, 409 and 500 here.
"""

import re

from creditbase.kernel.errors import (
    BillingError,
    Fact,
    InvalidRequest,
    PaymentRequired,
    RateLimited,
    Retryable,
)
from creditbase.kernel.money import NANOS_PER_CREDIT, ceil_div, credits_remaining
from creditbase.kernel.records import dataclass
from creditbase.runtime.doors import Body, Refusal, retry_after_s


@dataclass(frozen=True, slots=True)
class Row:
    """How a code is answered."""

    status: int
    callable_status: str
    text: str


TABLE: dict[str, Row] = {
    "INVALID_REQUEST": Row(400, "INVALID_ARGUMENT", "The request is not valid"),
    "INVALID_PLAN": Row(400, "INVALID_ARGUMENT", "The plan must be guru or pro"),
    "INVALID_TOPUP_TIER": Row(
        400, "INVALID_ARGUMENT", "The amount must be small, medium or large"
    ),
    "UNAUTHENTICATED": Row(
        401, "UNAUTHENTICATED", "Missing or invalid Firebase authentication"
    ),
    "INVALID_API_KEY": Row(401, "UNAUTHENTICATED", "Invalid API key"),
    "APP_CHECK_FAILED": Row(401, "UNAUTHENTICATED", "App Check failed"),
    "ACCOUNT_ERASED": Row(401, "UNAUTHENTICATED", "This account was erased"),
    "RECENT_SIGN_IN_REQUIRED": Row(401, "UNAUTHENTICATED", "Sign in again, then ask once more"),
    "QUOTA_EXCEEDED": Row(402, "RESOURCE_EXHAUSTED", "The credits do not cover this request"),
    "PAYMENT_REFUSED": Row(
        409, "FAILED_PRECONDITION", "It cannot be paid: no card, a declined one, or a debt"
    ),
    "ADMIN_REQUIRED": Row(403, "PERMISSION_DENIED", "This needs the admin role"),
    "FORBIDDEN": Row(403, "PERMISSION_DENIED", "This account may not do this"),
    "NO_STRIPE_CUSTOMER": Row(404, "NOT_FOUND", "There is no billing account yet"),
    "API_KEY_NOT_FOUND": Row(404, "NOT_FOUND", "There is no such API key"),
    "INVALID_VOUCHER": Row(404, "NOT_FOUND", "This code cannot be redeemed"),
    "NOT_FOUND": Row(404, "NOT_FOUND", "There is nothing here"),
    "METHOD_NOT_ALLOWED": Row(405, "UNIMPLEMENTED", "This method is not allowed here"),
    "SUBSCRIPTION_EXISTS": Row(
        409, "ALREADY_EXISTS", "User already has an active subscription"
    ),
    "VOUCHER_ALREADY_REDEEMED": Row(409, "ALREADY_EXISTS", "This code was redeemed already"),
    "KEY_LIMIT_REACHED": Row(
        409, "FAILED_PRECONDITION", "The limit of API keys is reached; revoke one first"
    ),
    "NO_SUBSCRIPTION": Row(
        409,
        "FAILED_PRECONDITION",
        "There is no subscription to change: grant credits, or let them buy at Checkout",
    ),
    "NOTHING_TO_REFUND": Row(
        409, "FAILED_PRECONDITION", "So much of this payment is not left to give back"
    ),
    "PAYMENT_DISPUTED": Row(
        409, "FAILED_PRECONDITION", "A bank disputes this payment, and decides about it"
    ),
    "STRIPE_REFUSED": Row(
        409, "FAILED_PRECONDITION", "Nothing comes of this any more: look, and ask anew"
    ),
    "MONEY_OWED": Row(
        409, "FAILED_PRECONDITION", "Something is owed; it is paid, or forgiven, first"
    ),
    "CREDITS_LEFT": Row(
        409,
        "FAILED_PRECONDITION",
        "Credits are left that were paid for: give them up, or have them refunded",
    ),
    "CALLS_RUNNING": Row(
        409, "FAILED_PRECONDITION", "Calls are still under way; ask again when they have ended"
    ),
    "OWNS_PROJECTS": Row(
        409,
        "FAILED_PRECONDITION",
        "Projects have no other owner; put them away, or give them one, first",
    ),
    "CONFLICT": Row(409, "FAILED_PRECONDITION", "The state does not allow this"),
    "RATE_LIMITED": Row(429, "RESOURCE_EXHAUSTED", "Rate limit exceeded"),
    "IP_RATE_LIMITED": Row(
        429, "RESOURCE_EXHAUSTED", "Too many failed sign-ins from this address"
    ),
    "INTERNAL": Row(500, "INTERNAL", "Something went wrong on our side"),
}

HUB_CODES = {
    "VALIDATION_ERROR": "INVALID_REQUEST",
    "BODY_TOO_LARGE": "INVALID_REQUEST",
    "UNAUTHORIZED": "UNAUTHENTICATED",
    "PAYMENT_REQUIRED": "QUOTA_EXCEEDED",
    "IDEMPOTENCY_CONFLICT": "CONFLICT",
    "RATE_LIMIT": "RATE_LIMITED",
    "TOO_MANY_HOLDS": "RATE_LIMITED",
    "CONTENTION": "INTERNAL",
    "SERVICE_UNAVAILABLE": "INTERNAL",
}
"""The hub's code for each of the kernel's; what is missing has the same name."""

MISLEADING = re.compile(r"[0-9]|token|timeout|network|gateway", re.IGNORECASE)


def _refusal(code: str) -> Refusal:
    row = TABLE[code]
    return Refusal(
        status=row.status, code=code, message=row.text, callable_status=row.callable_status
    )


BUG = _refusal("INTERNAL")


def refuse(error: BillingError) -> Refusal:
    """Return the hub's refusal for an error: its reason where the table has one."""
    reason = getattr(error, "reason", "")
    code = reason if reason in TABLE else HUB_CODES.get(error.code, error.code)
    row = TABLE[code]
    is_telling = isinstance(error, InvalidRequest) and not MISLEADING.search(error.message)
    return Refusal(
        status=row.status,
        code=code,
        message=error.message if is_telling and not reason else row.text,
        callable_status=row.callable_status,
        facts=_facts(error, row.status),
        retry_after_s=retry_after_s(error),
    )


def _facts(error: BillingError, status: int) -> dict[str, Fact]:
    if isinstance(error, PaymentRequired):
        facts: dict[str, Fact] = {
            "credits_remaining": max(0, credits_remaining(error.available_nanos)),
            "credits_required": ceil_div(error.required_nanos, NANOS_PER_CREDIT),
        }
        return {**facts, "plan": error.plan} if error.plan else facts
    if isinstance(error, InvalidRequest):
        return {"field": error.field} if error.field else {}
    if isinstance(error, Retryable) and status == 429:
        facts = {"retry_after": error.retry_after_s}
        return {**facts, **error.facts()} if isinstance(error, RateLimited) else facts
    return {}


def body(refusal: Refusal, request_id: str) -> Body:
    """Return the one body that both of the client's parsers read right.

    It is flat, and has `detail` as a string, but for 429, which has none.
    """
    flat: Body = {
        "code": refusal.code,
        "message": refusal.message,
        **refusal.facts,
        "request_id": request_id,
    }
    return flat if refusal.status == 429 else {"detail": refusal.message, **flat}
