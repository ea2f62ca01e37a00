"""Doors: how a dialect writes its refusals, and whom it lets in.

The relay's dialect is the kernel's own table of codes in one flat body, so it stands here;
the hub brings its own table. Source: relay-api.md 3, hub-api.md 4.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from creditbase.kernel.errors import (
    BillingError,
    Contention,
    Fact,
    InvalidRequest,
    Retryable,
    Unauthenticated,
    Unavailable,
)
from creditbase.kernel.records import dataclass
from creditbase.runtime import cors
from creditbase.runtime.answering import ANSWERED_WITHIN_S
from creditbase.runtime.identity import Authenticator, Caller
from creditbase.runtime.limits import RateLimit
from creditbase.runtime.routes import Credential, DoorName, RateClass, Route

Body = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refusal in a door's words. `callable_status` is Firebase's name for it."""

    status: int
    code: str
    message: str
    callable_status: str = "INTERNAL"
    facts: Mapping[str, Fact] = field(default_factory=dict)
    wrong_field: str = ""
    retry_after_s: int | None = None


def unlimited(caller: Caller, rate_class: RateClass) -> RateLimit | None:
    """Return no limit: for doors that have none."""
    del caller, rate_class
    return None


def admit_listed(origin: str, routes: Sequence[Route], caller: Caller | None) -> bool:
    """Return whether the settings list the origin: for doors of one application."""
    del routes, caller
    return cors.is_listed(origin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A dialect: its error table and bodies, its callers, and what it speaks."""

    name: DoorName
    authenticator: Authenticator
    refuse: Callable[[BillingError], Refusal]
    bug: Refusal
    """What anything that we did not choose to refuse looks like."""
    body: Callable[[Refusal, str], Body]
    """The plain HTTP body of a refusal, with the request's id."""
    bodies: Mapping[str, Callable[[Refusal, str], Body]] = field(default_factory=dict)
    """Bodies of refusals at single paths that have a form of their own."""
    limit_for: Callable[[Caller, RateClass], RateLimit | None] = unlimited
    admits: Callable[[str, Sequence[Route], Caller | None], bool] = admit_listed
    """Whether pages of an origin may read what these rows of one path answer this caller;
    None: nobody is known, as in a preflight."""
    request_id_headers: tuple[str, ...] = ("X-Request-Id",)
    given_request_id_header: str = ""
    """In which header a caller may name its request itself."""
    speaks_callable: bool = False
    reads_json: bool = True
    admits_browsers: bool = True
    answered_within_s: float | None = ANSWERED_WITHIN_S
    """How long callers wait for an answer; None: as long as it takes."""


def retry_after_s(error: BillingError) -> int | None:
    """Return the seconds to wait before trying again, where trying again makes sense."""
    return error.retry_after_s if isinstance(error, Retryable) else None


# ---- the flat body of the relay ------------------------------------------------------------

FLAT_BUG = Refusal(status=500, code="INTERNAL_ERROR", message="Something went wrong")


def refuse_flat(error: BillingError) -> Refusal:
    """Return the refusal under the kernel's own code and status."""
    return Refusal(
        status=error.status,
        code=error.code,
        message=error.message,
        facts=error.facts(),
        wrong_field=error.field if isinstance(error, InvalidRequest) else "",
        retry_after_s=retry_after_s(error),
    )


def flat_body(refusal: Refusal, request_id: str) -> Body:
    """Return `error`, `code`, `message`, `request_id`, the facts, and the wrong field."""
    body: Body = {
        "error": refusal.code,
        "code": refusal.code,
        "message": refusal.message,
        "request_id": request_id,
        **refusal.facts,
    }
    if refusal.wrong_field:
        body["fields"] = [{"field": refusal.wrong_field, "message": refusal.message}]
    return body


def admit_customers_of(is_known: Callable[[str], bool]) -> Callable[..., bool]:
    """Return a rule for routes that customers call from their own browsers.

    Beside what the settings list: the origins of the token's project; and while nobody is
    known, as in a preflight or a 401, those that any project has listed (`is_known`).
    """

    def admit(origin: str, routes: Sequence[Route], caller: Caller | None) -> bool:
        if cors.is_listed(origin):
            return True
        if not any(Credential.CUSTOMER_TOKEN in route.credentials for route in routes):
            return False
        return is_known(origin) if caller is None else origin in caller.allowed_origins

    return admit


def relay_door(
    authenticator: Authenticator,
    limit_for: Callable[[Caller, RateClass], RateLimit | None] = unlimited,
    *,
    admits: Callable[[str, Sequence[Route], Caller | None], bool] = admit_listed,
    bodies: Mapping[str, Callable[[Refusal, str], Body]] | None = None,
) -> Door:
    """Return the relay's door: flat errors, and its own name for the request id."""
    return Door(
        name=DoorName.RELAY,
        authenticator=authenticator,
        refuse=refuse_flat,
        bug=FLAT_BUG,
        body=flat_body,
        bodies=bodies or {},
        limit_for=limit_for,
        admits=admits,
        request_id_headers=("X-Request-Id", "X-ModelRelay-Request-Id"),
        given_request_id_header="X-ModelRelay-Request-Id",
    )


# ---- the webhook ---------------------------------------------------------------------------


def _refuse_webhook(error: BillingError) -> Refusal:
    """Return 400 for what will never be right, 500 for what Stripe shall send again.

    Source: hub-api.md 6.4: 200, 400 and 500 are its only answers.
    """
    if isinstance(error, Contention | Unavailable):
        return FLAT_BUG
    reason = getattr(error, "reason", "") or error.code
    is_bad = isinstance(error, InvalidRequest | Unauthenticated) or error.status == 413
    return Refusal(status=400 if is_bad else error.status, code=reason, message=error.message)


def webhook_door() -> Door:
    """Return the door of signed events: raw bodies, no browsers, no key, no limit."""
    return Door(
        name=DoorName.WEBHOOK,
        authenticator=Authenticator(project_id=""),
        refuse=_refuse_webhook,
        bug=FLAT_BUG,
        body=flat_body,
        reads_json=False,
        admits_browsers=False,
        answered_within_s=None,
    )
