"""A client of Creditbase: credits and usage billing for AI applications.

from creditbase_client import Creditbase, SecretKey

billing = Creditbase("https://billing.example", SecretKey("mr_sk_…"))
with billing.hold(
    idempotency_key="answer:42", customer_external_id="ada", model="gpt-5.1",
    usage_max={"input_tokens": 900, "output_tokens": 500},
) as work:
    work.used(usage={"input_tokens": 812, "output_tokens": 96})
"""

from creditbase_client.client import AsyncCreditbase, Creditbase
from creditbase_client.credentials import (
    ApiKey,
    Credential,
    CustomerToken,
    FirebaseUser,
    SecretKey,
)
from creditbase_client.errors import (
    Conflict,
    CreditbaseError,
    Forbidden,
    IdempotencyConflict,
    InvalidRequest,
    NotFound,
    NothingReported,
    PaymentRequired,
    RateLimited,
    Refused,
    ServerFailed,
    Unauthenticated,
    Unreachable,
)
from creditbase_client.holding import AsyncHeldWork, HeldWork
from creditbase_client.retrying import Retries

__all__ = [
    "ApiKey",
    "AsyncCreditbase",
    "AsyncHeldWork",
    "Conflict",
    "Credential",
    "Creditbase",
    "CreditbaseError",
    "CustomerToken",
    "FirebaseUser",
    "Forbidden",
    "HeldWork",
    "IdempotencyConflict",
    "InvalidRequest",
    "NotFound",
    "NothingReported",
    "PaymentRequired",
    "RateLimited",
    "Refused",
    "Retries",
    "SecretKey",
    "ServerFailed",
    "Unauthenticated",
    "Unreachable",
]
