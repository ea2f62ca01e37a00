"""Every refusal, in Stripe's envelope.

    ApiError
    ├── InvalidParameter        400 invalid_request_error   not remembered by a key
    ├── InvalidState            400 invalid_request_error
    ├── IdempotencyMismatch     400 idempotency_error       not remembered
    ├── Unauthenticated         401 invalid_request_error   not remembered
    ├── CardRefused             402 card_error
    │   └── ActionRequired
    ├── ResourceMissing         404 invalid_request_error
    ├── IdempotencyInProgress   409 idempotency_error       not remembered
    ├── RateLimited             429 invalid_request_error   not remembered
    └── ServerFailed            500 api_error

"Remembered" is what an idempotency key does with the answer: Stripe saves the results of
requests that began to execute, and of no others.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from stripe_local.wire.resource import Resource

_LABELS = {"webhook_endpoint": "webhook endpoint"}
_PATH_PARAMS = {"payment_intent": "intent"}


class ApiError(Exception):
    """A refusal that the API gives on purpose. Subclasses fix its status and its type."""

    status: ClassVar[int]
    kind: ClassVar[str] = "invalid_request_error"
    is_remembered: ClassVar[bool] = True

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.facts = dict(facts or {})

    def envelope(self, request_id: str) -> Resource:
        """Return the body of the answer, without the fields that have no value."""
        error: Resource = {
            "code": self.code,
            "doc_url": _doc_url(self.code),
            **self.facts,
            "message": self.message,
            "param": self.param,
            "request_log_url": f"https://dashboard.stripe.com/test/logs/{request_id}",
            "type": self.kind,
        }
        return {"error": {name: value for name, value in error.items() if value is not None}}


class InvalidParameter(ApiError):
    """The request was wrong before anything was done about it."""

    status, is_remembered = 400, False


class InvalidState(ApiError):
    """The request was well-formed, and the object is not in a state to take it."""

    status = 400


class IdempotencyMismatch(ApiError):
    """A key came back with another request than its first."""

    status, kind, is_remembered = 400, "idempotency_error", False


class Unauthenticated(ApiError):
    """No key, or none that a test account would have."""

    status, is_remembered = 401, False


class CardRefused(ApiError):
    """The card did not pay. The message is fit for the payer's eyes."""

    status, kind = 402, "card_error"


class ActionRequired(CardRefused):
    """The payer has to do something before the card pays. The payment intent says what."""


class ResourceMissing(ApiError):
    """The address names an object that is not there."""

    status = 404


class IdempotencyInProgress(ApiError):
    """A twin of this request, with the same key, is still at work."""

    status, kind, is_remembered = 409, "idempotency_error", False


class RateLimited(ApiError):
    """Too soon: the same request will be taken later."""

    status, is_remembered = 429, False


class ServerFailed(ApiError):
    """What Stripe says when the fault is its own."""

    status, kind = 500, "api_error"


def unknown_parameters(names: Sequence[str]) -> InvalidParameter:
    """Return the refusal of parameters that this version of the API does not have."""
    plural = "s" if len(names) > 1 else ""
    return InvalidParameter(
        f"Received unknown parameter{plural}: {', '.join(names)}",
        code="parameter_unknown",
        param=names[0],
    )


def removed_parameter(name: str, code: str) -> InvalidParameter:
    """Return the refusal of a parameter that this version of the API no longer has."""
    return InvalidParameter(
        f"The `{name}` parameter is no longer supported in this API version. Use "
        "`allowed_payment_method_types` or `excluded_payment_method_types` instead.",
        code=code,
        param=name,
    )


def missing_parameter(name: str) -> InvalidParameter:
    """Return the refusal of a request without a parameter that it must have."""
    return InvalidParameter(
        f"Missing required param: {name}.", code="parameter_missing", param=name
    )


def empty_parameter(name: str) -> InvalidParameter:
    """Return the refusal of an empty string where nothing can be unset."""
    return InvalidParameter(
        f"You passed an empty string for '{name}'. We assume empty values are an attempt to "
        f"unset a parameter; however '{name}' cannot be unset. You should remove '{name}' from "
        "your request or supply a non-empty value.",
        code="parameter_invalid_empty",
        param=name,
    )


def exclusive_parameters(names: Sequence[str]) -> InvalidParameter:
    """Return the refusal of parameters that exclude each other."""
    return InvalidParameter(
        f"You may only specify one of these parameters: {', '.join(names)}.",
        code="parameters_exclusive",
        param=names[0],
    )


def not_imitated(name: str, value: str | None = None) -> InvalidParameter:
    """Return the refusal of what only Stripe itself can do: never a silent guess."""
    what = f"'{name}'" if value is None else f"`{value}` for '{name}'"
    return InvalidParameter(
        f"The local Stripe does not imitate {what}. Stripe itself accepts it.", param=name
    )


def missing_at_address(object_name: str, object_id: str) -> ResourceMissing:
    """Return the 404 for an id in the request's path."""
    return ResourceMissing(
        _no_such(object_name, object_id),
        code="resource_missing",
        param=_PATH_PARAMS.get(object_name, "id"),
    )


def missing_reference(object_name: str, object_id: str, param: str) -> InvalidParameter:
    """Return the 400 for an id in a parameter."""
    return InvalidParameter(
        _no_such(object_name, object_id), code="resource_missing", param=param
    )


def _no_such(object_name: str, object_id: str) -> str:
    return f"No such {_LABELS.get(object_name, object_name)}: '{object_id}'"


def _doc_url(code: str | None) -> str | None:
    return code and f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
