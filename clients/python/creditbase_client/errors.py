"""What can go wrong, as classes.

CreditbaseError
├── Refused                 the server answered, and said no
│   ├── InvalidRequest          400, 405, 413
│   ├── Unauthenticated         401
│   ├── PaymentRequired         402: nothing was taken
│   ├── Forbidden               403
│   ├── NotFound                404
│   ├── Conflict                409: a hold that has ended, a subscription that exists
│   ├── IdempotencyConflict     422: the key was used for something else
│   ├── RateLimited             429
│   └── ServerFailed            5xx
├── Unreachable             no answer came, after all tries
└── NothingReported         a hold's block ended without saying what was used
"""

from collections.abc import Mapping
from typing import Any


class CreditbaseError(Exception):
    """Anything that this client raises by itself.

    `retryable`: the same call, with the same idempotency key, may succeed later.
    """

    retryable = False


class Refused(CreditbaseError):
    """The server's answer was an error.

    `code` is the server's stable name for it, `status` the HTTP status, `request_id` names the
    request in the server's logs, `retry_after_s` says when to ask again, where the server did.
    `facts` has every other field of the body: figures, the field that is wrong.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int,
        request_id: str = "",
        retry_after_s: float | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.message = message
        self.code = code
        self.status = status
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        self.facts = dict(facts or {})
        self.retryable = status == 429 or status >= 500


class InvalidRequest(Refused):
    """The request is wrong: `facts` names the fields."""


class Unauthenticated(Refused):
    """The credential is missing, wrong or revoked."""


class PaymentRequired(Refused):
    """What there is does not cover it, and nothing was taken.

    Figures of metering are in `available_nanos` and `required_nanos`; those of the hub, in
    credits, in `facts`.
    """

    @property
    def available_nanos(self) -> int | None:
        """Return what could have been spent."""
        return self.facts.get("available_nanos")

    @property
    def required_nanos(self) -> int | None:
        """Return what was asked for."""
        return self.facts.get("required_nanos")


class Forbidden(Refused):
    """Not allowed: a frozen wallet, a model outside the plan, a role that is missing."""


class NotFound(Refused):
    """There is no such customer, hold, model, entry …"""  # noqa: D415 - it goes on


class Conflict(Refused):
    """It cannot be done any more, or is done already."""


class IdempotencyConflict(Refused):
    """The idempotency key names another request: a mistake of the caller's."""


class RateLimited(Refused):
    """Too many requests, or too many open holds."""


class ServerFailed(Refused):
    """The server could not: repeat with the same key."""


class Unreachable(CreditbaseError):
    """No answer came. Whether anything was done is open: repeat with the same key."""

    retryable = True


class NothingReported(CreditbaseError):
    """The block of a hold ended well, and never said what was used. The hold was voided."""


CLASSES: Mapping[int, type[Refused]] = {
    401: Unauthenticated,
    402: PaymentRequired,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: IdempotencyConflict,
    429: RateLimited,
}
TOLD = frozenset({"code", "error", "message", "detail", "request_id", "retry_after"})


def refusal(status: int, body: object, headers: Mapping[str, str]) -> Refused:
    """Return the error that an answer is. `body` is what its JSON says, or its text."""
    facts: dict[str, Any] = dict(body) if isinstance(body, Mapping) else {}
    fallback = ServerFailed if status >= 500 else InvalidRequest
    message = facts.get("message") or facts.get("detail") or f"the server answered {status}"
    return CLASSES.get(status, fallback)(
        str(message),
        code=str(facts.get("code") or f"HTTP_{status}"),
        status=status,
        request_id=str(facts.get("request_id") or headers.get("x-request-id", "")),
        retry_after_s=_retry_after_s(facts.get("retry_after", headers.get("retry-after"))),
        facts={name: value for name, value in facts.items() if name not in TOLD},
    )


def _retry_after_s(told: object) -> float | None:
    try:
        return max(0.0, float(str(told)))
    except ValueError:  # nothing, or a date, which this server does not send
        return None
