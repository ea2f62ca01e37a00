"""Refusals: each class fixes its code, its status, and whether trying again may help."""

import pytest

from creditbase.kernel import errors
from creditbase.kernel.errors import BillingError

WRITTEN_DOWN: list[tuple[BillingError, str, int, bool]] = [
    (errors.InvalidRequest("x", field="f", reason="r"), "VALIDATION_ERROR", 400, False),
    (errors.Unauthenticated("x", reason="r"), "UNAUTHORIZED", 401, False),
    (
        errors.PaymentRequired(available_nanos=1, required_nanos=2, limit_source="wallet"),
        "PAYMENT_REQUIRED",
        402,
        False,
    ),
    (errors.PaymentRefused("x"), "PAYMENT_REQUIRED", 402, False),
    (errors.Forbidden("x", reason="r"), "FORBIDDEN", 403, False),
    (errors.NotFound("x", reason="r"), "NOT_FOUND", 404, False),
    (errors.MethodNotAllowed(allowed=("GET",)), "METHOD_NOT_ALLOWED", 405, False),
    (errors.Conflict("x", reason="r"), "CONFLICT", 409, False),
    (errors.BodyTooLarge(limit_bytes=9), "BODY_TOO_LARGE", 413, False),
    (errors.IdempotencyConflict(), "IDEMPOTENCY_CONFLICT", 422, False),
    (errors.RateLimited(retry_after_s=3, reason="r"), "RATE_LIMIT", 429, True),
    (errors.TooManyHolds(), "TOO_MANY_HOLDS", 429, True),
    (errors.Contention(), "CONTENTION", 503, True),
    (errors.Unavailable(), "SERVICE_UNAVAILABLE", 503, True),
]


@pytest.mark.parametrize(("error", "code", "status", "retryable"), WRITTEN_DOWN)
def test_a_refusal_says_what_clients_switch_on(
    error: BillingError, code: str, status: int, retryable: bool
) -> None:
    """Clients branch on code and status; a retryable one also says when."""
    assert (error.code, error.status, error.retryable) == (code, status, retryable)
    assert error.message == str(error)
    assert isinstance(error, errors.Retryable) == retryable
    if isinstance(error, errors.Retryable):
        assert error.retry_after_s > 0


def test_every_refusal_is_written_down() -> None:
    """A class that nobody listed would reach a door without a row for it."""
    every = set(BillingError.__subclasses__()) | set(errors.Retryable.__subclasses__())

    assert {type(row[0]) for row in WRITTEN_DOWN} == every - {errors.Retryable}


def test_only_a_refused_payment_tells_figures() -> None:
    """The figures say what is there, what was asked, and when more comes, if it does."""
    refusal = errors.PaymentRequired(
        available_nanos=3, required_nanos=5, limit_source="included", plan="pro"
    )
    assert refusal.facts() == {
        "available_nanos": 3,
        "required_nanos": 5,
        "limit_source": "included",
    }

    later = errors.PaymentRequired(
        available_nanos=3,
        required_nanos=5,
        limit_source="wallet",
        next_credits_at="2026-04-10T12:00:00Z",
    )
    assert later.facts()["next_credits_at"] == "2026-04-10T12:00:00Z"
    assert errors.Contention().facts() == {}
