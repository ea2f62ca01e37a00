"""Refusals that we choose to give. Anything else that escapes is a bug and shows as 500.

The tree, with the code and the status that metering answers; the hub door has its own table
of codes for the same classes (`spec: hub-api.md` 4.2).

    BillingError
    ├── InvalidRequest         VALIDATION_ERROR        400
    ├── Unauthenticated        UNAUTHORIZED            401
    ├── PaymentRequired        PAYMENT_REQUIRED        402
    ├── PaymentRefused         PAYMENT_REQUIRED        402
    ├── Forbidden              FORBIDDEN               403
    ├── NotFound               NOT_FOUND               404
    ├── MethodNotAllowed       METHOD_NOT_ALLOWED      405
    ├── Conflict               CONFLICT                409
    ├── BodyTooLarge           BODY_TOO_LARGE          413
    ├── IdempotencyConflict    IDEMPOTENCY_CONFLICT    422
    ├── RateLimited            RATE_LIMIT              429  retryable
    ├── TooManyHolds           TOO_MANY_HOLDS          429  retryable
    ├── Contention             CONTENTION              503  retryable
    └── Unavailable            SERVICE_UNAVAILABLE     503  retryable
        └── NotInTime          SERVICE_UNAVAILABLE     503  retryable
"""

from typing import ClassVar

Fact = int | str
"""A public figure or word beside a code. Its name carries the unit."""


class BillingError(Exception):
    """A refusal we chose to give.

    Subclasses fix three things: `code`, a stable word that clients switch on; `status`, the
    HTTP status; `retryable`, whether the same request may succeed later.
    """

    code: ClassVar[str]
    status: ClassVar[int]
    retryable: ClassVar[bool] = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def facts(self) -> dict[str, Fact]:
        """Return public, unit-named facts to show beside the code. Never a secret."""
        return {}


class InvalidRequest(BillingError):
    """The request cannot be understood: a missing, wrong or unbounded field.

    `reason` names the refusal more closely for a door with finer codes, such as the hub's
    `INVALID_PLAN`; empty where there is nothing finer.
    """

    code, status = "VALIDATION_ERROR", 400

    def __init__(self, message: str, *, field: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.field = field
        self.reason = reason


class Unauthenticated(BillingError):
    """No credential, or one that does not hold. `reason` as in `InvalidRequest`."""

    code, status = "UNAUTHORIZED", 401

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class PaymentRequired(BillingError):
    """What is available does not cover the request. Nothing was taken."""

    code, status = "PAYMENT_REQUIRED", 402

    def __init__(
        self,
        *,
        available_nanos: int,
        required_nanos: int,
        limit_source: str,
        next_credits_at: str = "",
        plan: str = "",
    ) -> None:
        super().__init__("The balance does not cover this request")
        self.available_nanos = available_nanos
        self.required_nanos = required_nanos
        self.limit_source = limit_source
        self.next_credits_at = next_credits_at
        self.plan = plan

    def facts(self) -> dict[str, Fact]:
        """Return what is there, what was asked, what limits it, and when more comes."""
        facts: dict[str, Fact] = {
            "available_nanos": self.available_nanos,
            "required_nanos": self.required_nanos,
            "limit_source": self.limit_source,
        }
        if self.next_credits_at:
            facts["next_credits_at"] = self.next_credits_at
        return facts


class PaymentRefused(BillingError):
    """What has to be paid at once cannot be: no card on file, or a card that was declined.

    `reason` as in `InvalidRequest`.
    """

    code, status = "PAYMENT_REQUIRED", 402

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class Forbidden(BillingError):
    """The credential is good, and may not do this: frozen or parked wallet, wrong role."""

    code, status = "FORBIDDEN", 403

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class NotFound(BillingError):
    """There is no such thing for this caller; somebody else's looks the same."""

    code, status = "NOT_FOUND", 404

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class MethodNotAllowed(BillingError):
    """The path is known, and this method is not one of its methods."""

    code, status = "METHOD_NOT_ALLOWED", 405

    def __init__(self, *, allowed: tuple[str, ...]) -> None:
        super().__init__("This method is not allowed here")
        self.allowed = allowed


class Conflict(BillingError):
    """The state forbids it, for good: a hold that has ended, a limit of keys reached."""

    code, status = "CONFLICT", 409

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class BodyTooLarge(BillingError):
    """The body is larger than any valid request; it was not parsed."""

    code, status = "BODY_TOO_LARGE", 413

    def __init__(self, *, limit_bytes: int) -> None:
        super().__init__("The request body is too large")
        self.limit_bytes = limit_bytes


class IdempotencyConflict(BillingError):
    """The same key was used before for another body or route. Nothing was done."""

    code, status = "IDEMPOTENCY_CONFLICT", 422

    def __init__(self) -> None:
        super().__init__("This idempotency key was used for another request")


class Retryable(BillingError):
    """May succeed later, unchanged and with the same key."""

    retryable = True

    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RateLimited(Retryable):
    """Too many requests in a short time. `reason` as in `InvalidRequest`."""

    code, status = "RATE_LIMIT", 429

    def __init__(self, *, retry_after_s: int, reason: str = "") -> None:
        super().__init__("Rate limit exceeded", retry_after_s=retry_after_s)
        self.reason = reason


class TooManyHolds(Retryable):
    """The wallet has no room for another hold until some end."""

    code, status = "TOO_MANY_HOLDS", 429

    def __init__(self, *, retry_after_s: int = 30) -> None:
        super().__init__("This wallet has too many open holds", retry_after_s=retry_after_s)


class Contention(Retryable):
    """Others were writing the same wallet all the time. Nothing is known to have been done."""

    code, status = "CONTENTION", 503

    def __init__(self, *, retry_after_s: int = 1) -> None:
        super().__init__("Too many writers at once", retry_after_s=retry_after_s)


class Unavailable(Retryable):
    """Something we depend on does not answer. The same key tells later what happened."""

    code, status = "SERVICE_UNAVAILABLE", 503

    def __init__(
        self, message: str = "The service is not available", *, retry_after_s: int = 2
    ) -> None:
        super().__init__(message, retry_after_s=retry_after_s)


class NotInTime(Unavailable):
    """Its caller would not wait for the end of it: what is done is kept, a repeat goes on."""

    def __init__(self) -> None:
        super().__init__("There was no time to finish this: repeat it", retry_after_s=1)
