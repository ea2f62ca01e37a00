"""The function `meter`: charges and holds for back ends, with a project's secret key.

One function for all of it, because what makes a charge one RPC lives in its process
(ADR-0007). Source: metering-api.md.
"""

import string
from collections.abc import Callable

from creditbase.accounts.origins import is_known_origin
from creditbase.accounts.use_cases import authenticator
from creditbase.kernel.errors import InvalidRequest
from creditbase.ledger.domain.decide import Decision
from creditbase.ledger.domain.entries import Entry
from creditbase.metering import use_cases
from creditbase.metering.answers import (
    balance_answer,
    charge_answer,
    hold_answer,
    open_hold_answer,
)
from creditbase.metering.calls import budget_of
from creditbase.metering.models import (
    CaptureRequest,
    ChargeRequest,
    ExtendRequest,
    HoldRequest,
    VoidRequest,
    parse,
)
from creditbase.metering.use_cases import Request
from creditbase.relay.limits import metering_limit
from creditbase.relay.quotes import make_quote
from creditbase.runtime.doors import admit_customers_of, relay_door
from creditbase.runtime.http import Call, Reply, Resources, endpoint
from creditbase.runtime.settings import CUSTOMER_TOKEN_KEYS, GATEWAY_WARM

KEY_HEADER = "Idempotency-Key"
KEY_CHARACTERS_MAX = 255
REPLAYED = {"Idempotent-Replayed": "true"}
PRINTABLE = frozenset(string.printable) - frozenset("\t\n\r\x0b\x0c")

DOOR = relay_door(authenticator(), metering_limit, admits=admit_customers_of(is_known_origin))


@endpoint(
    "meter",
    door=DOOR,
    secrets=(CUSTOMER_TOKEN_KEYS,),
    resources=Resources(memory_mb=1024, concurrency=80, warm=GATEWAY_WARM),
)
def meter(call: Call) -> Reply:
    """Charge, hold, capture, void, extend, show a hold, or quote."""
    return OPERATIONS[call.route.name](call)


def _charge(call: Call) -> Reply:
    asked = parse(ChargeRequest, call.body)
    decision = use_cases.charge(_request(call, needs_key=True), asked)
    return _reply(decision, charge_answer, status=201)


def _place_hold(call: Call) -> Reply:
    asked = parse(HoldRequest, call.body)
    decision = use_cases.place_hold(_request(call, needs_key=True), asked)
    return _reply(decision, hold_answer, status=201)


def _show_hold(call: Call) -> Reply:
    found = use_cases.show_hold(call.caller.project_id, call.path["hold_id"], now=call.now)
    if isinstance(found, Entry):
        return Reply(body={"hold": hold_answer(found)["hold"]})
    return Reply(body={"hold": open_hold_answer(_customer_of(call), found)})


def _capture(call: Call) -> Reply:
    asked = parse(CaptureRequest, call.body)
    decision = use_cases.capture_hold(_request(call), call.path["hold_id"], asked)
    return _reply(decision, hold_answer)


def _void(call: Call) -> Reply:
    parse(VoidRequest, call.body)
    decision = use_cases.void_hold(_request(call), call.path["hold_id"])
    return _reply(decision, hold_answer)


def _extend(call: Call) -> Reply:
    asked = parse(ExtendRequest, call.body)
    hold, figures = use_cases.extend_hold(_request(call), call.path["hold_id"], asked)
    return Reply(
        body={
            "hold": open_hold_answer(_customer_of(call), hold),
            "balance": balance_answer(figures),
        }
    )


OPERATIONS: dict[str, Callable[[Call], Reply]] = {
    "POST /api/v1/charges": _charge,
    "POST /api/v1/holds": _place_hold,
    "GET /api/v1/holds/{hold_id}": _show_hold,
    "POST /api/v1/holds/{hold_id}/capture": _capture,
    "POST /api/v1/holds/{hold_id}/void": _void,
    "POST /api/v1/holds/{hold_id}/extend": _extend,
    "POST /api/v1/quotes": make_quote,
}


def _request(call: Call, *, needs_key: bool = False) -> Request:
    key = call.headers.get(KEY_HEADER, "")
    if needs_key and not key.strip():
        raise InvalidRequest("The Idempotency-Key header is required", field=KEY_HEADER)
    if len(key) > KEY_CHARACTERS_MAX or not PRINTABLE.issuperset(key):
        raise InvalidRequest(
            "The Idempotency-Key header is not printable or too long", field=KEY_HEADER
        )
    return Request(
        project_id=call.caller.project_id,
        route=call.route.name,
        body=call.body,
        key=key,
        now=call.now,
        budget=budget_of(call.caller),
    )


def _reply(
    decision: Decision, answer: Callable[[Entry], dict[str, object]], *, status: int = 200
) -> Reply:
    assert decision.entry is not None
    return Reply(
        body=answer(decision.entry),
        status=status,
        headers=REPLAYED if decision.is_replay else {},
    )


def _customer_of(call: Call) -> str:
    return use_cases.customer_of_hold(call.path["hold_id"])
