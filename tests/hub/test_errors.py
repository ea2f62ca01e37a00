"""Every error of the hub, in both of its envelopes."""

import dataclasses
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import pytest
from flask.testing import FlaskClient

from creditbase.hub import errors
from creditbase.hub.door import HUB
from creditbase.hub.errors import MISLEADING, TABLE
from creditbase.kernel import errors as kernel
from creditbase.kernel.errors import (
    BillingError,
    BodyTooLarge,
    Conflict,
    Contention,
    Forbidden,
    IdempotencyConflict,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    PaymentRefused,
    PaymentRequired,
    RateLimited,
    TooManyHolds,
    Unauthenticated,
    Unavailable,
)
from creditbase.runtime.doors import unlimited
from creditbase.runtime.limits import TooFast
from tests.runtime.doubles import Greeter, failing, serving

DOOR = dataclasses.replace(HUB, authenticator=Greeter(), limit_for=unlimited)
KEY = {"X-Api-Key": "u1"}
POOR = PaymentRequired(
    available_nanos=1_999_999, required_nanos=2_000_001, limit_source="wallet", plan="guru"
)


class Case(NamedTuple):
    """An error, and how each envelope shows it."""

    error: BillingError
    status: int
    code: str
    firebase: str
    facts: Mapping[str, object] = MappingProxyType({})


def bad(reason: str) -> InvalidRequest:
    """Return a refusal of a field with a code of its own."""
    return InvalidRequest("x", reason=reason)


def absent(reason: str) -> NotFound:
    """Return a refusal of something that is not there."""
    return NotFound("x", reason=reason)


def unknown(reason: str) -> Unauthenticated:
    """Return a refusal of a credential."""
    return Unauthenticated("x", reason=reason)


def clash(reason: str) -> Conflict:
    """Return a refusal by the state."""
    return Conflict("x", reason=reason)


FIGURES = {"credits_remaining": 1, "credits_required": 3, "plan": "guru"}
CASES = [
    Case(InvalidRequest("x"), 400, "INVALID_REQUEST", "INVALID_ARGUMENT"),
    Case(
        *(InvalidRequest("x", field="f"), 400, "INVALID_REQUEST", "INVALID_ARGUMENT"),
        {"field": "f"},
    ),
    Case(bad("INVALID_PLAN"), 400, "INVALID_PLAN", "INVALID_ARGUMENT"),
    Case(bad("INVALID_TOPUP_TIER"), 400, "INVALID_TOPUP_TIER", "INVALID_ARGUMENT"),
    Case(BodyTooLarge(limit_bytes=9), 400, "INVALID_REQUEST", "INVALID_ARGUMENT"),
    Case(unknown(""), 401, "UNAUTHENTICATED", "UNAUTHENTICATED"),
    Case(unknown("INVALID_API_KEY"), 401, "INVALID_API_KEY", "UNAUTHENTICATED"),
    Case(unknown("APP_CHECK_FAILED"), 401, "APP_CHECK_FAILED", "UNAUTHENTICATED"),
    *(
        Case(unknown(code), 401, code, "UNAUTHENTICATED")
        for code in ("ACCOUNT_ERASED", "RECENT_SIGN_IN_REQUIRED")
    ),
    Case(POOR, 402, "QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED", FIGURES),
    Case(PaymentRefused("x"), 402, "QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED"),
    Case(
        PaymentRefused("x", reason="PAYMENT_REFUSED"),
        *(409, "PAYMENT_REFUSED", "FAILED_PRECONDITION"),
    ),
    Case(Forbidden("x"), 403, "FORBIDDEN", "PERMISSION_DENIED"),
    Case(Forbidden("x", reason="ADMIN_REQUIRED"), 403, "ADMIN_REQUIRED", "PERMISSION_DENIED"),
    Case(absent(""), 404, "NOT_FOUND", "NOT_FOUND"),
    Case(absent("API_KEY_NOT_FOUND"), 404, "API_KEY_NOT_FOUND", "NOT_FOUND"),
    Case(absent("NO_STRIPE_CUSTOMER"), 404, "NO_STRIPE_CUSTOMER", "NOT_FOUND"),
    Case(absent("INVALID_VOUCHER"), 404, "INVALID_VOUCHER", "NOT_FOUND"),
    Case(MethodNotAllowed(allowed=("GET",)), 405, "METHOD_NOT_ALLOWED", "UNIMPLEMENTED"),
    Case(clash(""), 409, "CONFLICT", "FAILED_PRECONDITION"),
    Case(clash("SUBSCRIPTION_EXISTS"), 409, "SUBSCRIPTION_EXISTS", "ALREADY_EXISTS"),
    Case(clash("VOUCHER_ALREADY_REDEEMED"), 409, "VOUCHER_ALREADY_REDEEMED", "ALREADY_EXISTS"),
    Case(clash("KEY_LIMIT_REACHED"), 409, "KEY_LIMIT_REACHED", "FAILED_PRECONDITION"),
    *(
        Case(clash(code), 409, code, "FAILED_PRECONDITION")
        for code in (
            *("NO_SUBSCRIPTION", "NOTHING_TO_REFUND", "PAYMENT_DISPUTED", "STRIPE_REFUSED"),
            *("MONEY_OWED", "CREDITS_LEFT", "CALLS_RUNNING", "OWNS_PROJECTS"),
        )
    ),
    Case(IdempotencyConflict(), 409, "CONFLICT", "FAILED_PRECONDITION"),
    Case(
        *(TooFast(retry_after_s=12, plan="guru"), 429, "RATE_LIMITED", "RESOURCE_EXHAUSTED"),
        {"retry_after": 12, "plan": "guru"},
    ),
    Case(
        *(RateLimited(retry_after_s=9, reason="IP_RATE_LIMITED"), 429, "IP_RATE_LIMITED"),
        *("RESOURCE_EXHAUSTED", {"retry_after": 9}),
    ),
    Case(TooManyHolds(), 429, "RATE_LIMITED", "RESOURCE_EXHAUSTED", {"retry_after": 30}),
    Case(Contention(), 500, "INTERNAL", "INTERNAL"),
    Case(Unavailable(), 500, "INTERNAL", "INTERNAL"),
]


def client_refusing(error: BaseException) -> FlaskClient:
    """Return a client of an endpoint that always refuses so."""
    return serving("usage_me", DOOR, failing(error))


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{type(c.error).__name__}-{c.code}" for c in CASES]
)
class TestBothEnvelopes:
    """One operation, one table, two ways to write it."""

    def test_over_plain_http(self, case: Case) -> None:
        """The shape that both parsers of the published client read right."""
        answer = client_refusing(case.error).get("/usage/me", headers=KEY)

        body = dict(answer.json or {})
        message = body.pop("message")
        assert body.pop("request_id") == answer.headers["X-Request-Id"]
        assert body.pop("detail", None) == (None if case.status == 429 else message)
        assert (answer.status_code, body.pop("code")) == (case.status, case.code)
        assert body == case.facts
        assert not MISLEADING.search(message)
        if case.status == 429:
            assert answer.headers["Retry-After"] == str(case.facts["retry_after"])

    def test_as_a_callable(self, case: Case) -> None:
        """The status names are those of the protocol; the code is in the details."""
        answer = client_refusing(case.error).post("/", headers=KEY, json={"data": None})

        assert answer.status_code == case.status
        assert answer.json is not None
        refusal = answer.json["error"]
        assert refusal["status"] == case.firebase
        assert not MISLEADING.search(refusal["message"])
        assert refusal["details"] == {
            "code": case.code,
            "http_status": case.status,
            "request_id": answer.headers["X-Request-Id"],
            **case.facts,
        }


def test_a_bug_looks_the_same_in_both_envelopes() -> None:
    """A fixed text: nothing of the cause, and nothing that a client could misread."""
    client = client_refusing(ZeroDivisionError("secret"))

    plain = client.get("/usage/me", headers=KEY)
    called = client.post("/", headers=KEY, json={"data": None})

    assert plain.json is not None
    assert called.json is not None
    assert (plain.status_code, plain.json["code"]) == (500, "INTERNAL")
    assert (called.status_code, called.json["error"]["status"]) == (500, "INTERNAL")
    assert plain.json["detail"] == called.json["error"]["message"]
    assert b"secret" not in plain.data + called.data


def every_refusal() -> Iterator[type[BillingError]]:
    """Yield each class of the kernel's tree that has a code."""
    for found in vars(kernel).values():
        if (
            isinstance(found, type)
            and issubclass(found, BillingError)
            and hasattr(found, "code")
        ):
            yield found


def test_every_refusal_of_the_kernel_has_a_row() -> None:
    """A new error class must not surface as a bug here."""
    for refusal in every_refusal():
        assert errors.HUB_CODES.get(refusal.code, refusal.code) in TABLE


def test_every_code_of_the_table_is_tested() -> None:
    """Whoever adds a code shows both of its envelopes."""
    assert {case.code for case in CASES} == set(TABLE)


def test_no_text_of_the_table_can_be_misread() -> None:
    """The published client retries on digits, and reads `token` as a full context."""
    assert [row.text for row in TABLE.values() if MISLEADING.search(row.text)] == []


def test_a_telling_text_is_shown_only_where_it_cannot_be_misread() -> None:
    """What is wrong with a field helps; a number in the text would be taken for a status."""
    told = errors.refuse(InvalidRequest("The name must be a text"))
    hidden = errors.refuse(InvalidRequest("at most 64 characters"))

    assert told.message == "The name must be a text"
    assert hidden.message == TABLE["INVALID_REQUEST"].text


def test_what_may_succeed_later_says_when() -> None:
    """Contention is 500 here, because the specification lists no other; it can be retried."""
    answer = client_refusing(Contention(retry_after_s=1)).get("/usage/me", headers=KEY)

    assert (answer.status_code, answer.headers["Retry-After"]) == (500, "1")
